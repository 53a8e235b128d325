import type { SchemaElement } from 'hyparquet';
import { JsonNumber } from '../../core/index.ts';

/** How a column's values are made exact where JavaScript's numbers are not: what to decode it as, and what becomes of each value. */
export interface ExactColumn {
  readonly element: SchemaElement;
  readonly exact: (value: unknown) => unknown;
}

/**
 * Decimals as their digits (12.50 of a column with two places), because the decoder would round them to doubles; whole numbers of
 * float columns with the point that Python prints (1.0). Undefined for a column of anything else.
 */
export function exactColumn(element: SchemaElement): ExactColumn | undefined {
  const { type, converted_type: converted, logical_type: logical, ...rest } = element;
  if (converted === 'DECIMAL' || logical?.type === 'DECIMAL') {
    const scale = element.scale ?? (logical?.type === 'DECIMAL' ? logical.scale : 0);
    const plain = { ...rest, ...(type && { type }) };
    return { element: plain, exact: (value) => deep(value, (leaf) => decimal(leaf, scale)) };
  }
  if (type !== 'FLOAT' && type !== 'DOUBLE' && logical?.type !== 'FLOAT16') return undefined;
  return { element, exact: (value) => deep(value, wholeFloat) };
}

/** Values of lists are lists of values. */
function deep(value: unknown, exact: (leaf: unknown) => unknown): unknown {
  return Array.isArray(value) ? value.map((item) => deep(item, exact)) : exact(value);
}

function wholeFloat(value: unknown): unknown {
  if (typeof value !== 'number' || !Number.isInteger(value)) return value;
  const text = Object.is(value, -0) ? '-0' : String(value);
  return new JsonNumber(text.includes('e') ? text : `${text}.0`);
}

function decimal(value: unknown, scale: number): unknown {
  const unscaled = value instanceof Uint8Array ? bigEndian(value) : isWhole(value) ? BigInt(value) : undefined;
  if (unscaled === undefined) return value;
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  const sign = unscaled < 0n ? '-' : '';
  const point = digits.length - scale;
  return new JsonNumber(scale > 0 ? `${sign}${digits.slice(0, point)}.${digits.slice(point)}` : sign + digits);
}

function isWhole(value: unknown): value is number | bigint {
  return typeof value === 'bigint' || Number.isInteger(value);
}

/** Two's complement. */
function bigEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return BigInt.asIntN(bytes.length * 8, value);
}
