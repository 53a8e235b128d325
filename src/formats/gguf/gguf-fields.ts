import { describeValue } from '../json.ts';
import type { GgufHeader } from './gguf-header.ts';

/** Typed reads of one architecture's metadata; `key` stands for `<architecture>.<key>`. Faults go to the reporter. */
export interface GgufFields {
  /** A finite number; a per-layer array stands for one number when all are equal. undefined when absent or reported. */
  number(key: string): number | undefined;
  /** A positive integer. */
  count(key: string): number | undefined;
  text(key: string): string | undefined;
  /** An array of booleans; undefined for anything else. */
  flags(key: string): readonly boolean[] | undefined;
  /** `count`, where absence is reported too; 1 after a report, so that reading goes on. */
  requiredCount(key: string): number;
  requiredNumber(key: string): number;
}

export function ggufFields(
  metadata: GgufHeader['metadata'],
  architecture: string,
  report: (message: string) => void,
): GgufFields {
  const number = (key: string): number | undefined => {
    const name = `${architecture}.${key}`;
    const value = metadata.get(name);
    if (value === undefined) return undefined;
    const single: unknown = Array.isArray(value) && value.every((item) => item === value[0]) ? value[0] : value;
    if (typeof single === 'number' && Number.isFinite(single)) return single;
    report(`${name} must be a number, got ${describeValue(value)}; this model is not supported`);
    return undefined;
  };
  const count = (key: string): number | undefined => {
    const value = number(key);
    if (value === undefined || (Number.isSafeInteger(value) && value > 0)) return value;
    report(`${architecture}.${key} must be a positive integer, got ${value}; the file is damaged`);
    return undefined;
  };
  const required = (key: string, read: (key: string) => number | undefined): number => {
    if (!metadata.has(`${architecture}.${key}`)) {
      report(`${architecture}.${key} must be present, got nothing; convert the model again`);
    }
    return read(key) ?? 1;
  };
  return {
    number,
    count,
    text(key) {
      const value = metadata.get(`${architecture}.${key}`);
      return typeof value === 'string' ? value : undefined;
    },
    flags(key) {
      const value = metadata.get(`${architecture}.${key}`);
      const isFlags = Array.isArray(value) && value.every((item) => typeof item === 'boolean');
      return isFlags ? (value as readonly boolean[]) : undefined;
    },
    requiredCount: (key) => required(key, count),
    requiredNumber: (key) => required(key, number),
  };
}

/** The shortest decimal number that rounds to the same float32: 1e-5 instead of 0.000009999999747378752. */
export function shortestFloat32(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return short;
  }
  return value;
}
