import { readFileSync } from 'node:fs';
import type { Int8Plan } from './run-plan.ts';

/** What this processor multiplies whole numbers of 8 bits with, as Linux tells it; elsewhere nobody does. */
export function int8Processor(
  readCpu: () => string = () => readFileSync('/proc/cpuinfo', 'utf8'),
): Int8Plan['processor'] {
  let words: Set<string>;
  try {
    const line = readCpu()
      .split('\n')
      .find((one) => /^(flags|Features)\s*:/.test(one));
    words = new Set(line?.split(/\s+/));
  } catch {
    return 'unknown';
  }
  if (words.size === 0) return 'unknown';
  if (words.has('amx_int8')) return 'amx';
  if (words.has('avx512_vnni') || words.has('avx_vnni')) return 'vnni';
  if (words.has('i8mm') || words.has('asimddp')) return 'dot-product';
  return 'none';
}
