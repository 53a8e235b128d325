/** A quotient as a double. */
export interface Quotient {
  /** Rounded once, ties to even; undefined beyond the normal doubles. */
  readonly value: number | undefined;
  /** The exact quotient lies so near the middle of two doubles that a sloppier division could give the other. */
  readonly isClose: boolean;
}

function bitsOf(value: bigint): number {
  return value.toString(2).length;
}

/** numerator / denominator, both positive. */
export function divideExactly(numerator: bigint, denominator: bigint): Quotient {
  // At least 64 bits of the quotient: 53 of the double, and what decides how it is rounded.
  const shift = 65 - bitsOf(numerator) + bitsOf(denominator);
  const scaled = shift >= 0 ? numerator << BigInt(shift) : numerator;
  const divisor = shift >= 0 ? denominator : denominator << BigInt(-shift);
  const quotient = scaled / divisor;
  const isWhole = scaled % divisor === 0n;
  const extra = BigInt(bitsOf(quotient) - 53);
  const [kept, rest, half] = [quotient >> extra, quotient & ((1n << extra) - 1n), 1n << (extra - 1n)];
  const isTie = rest === half && isWhole;
  const up = rest > half || (rest === half && (!isWhole || (kept & 1n) === 1n));
  const exponent = Number(extra) - shift;
  const top = exponent + 53;
  const distance = rest > half ? rest - half : half - rest;
  return {
    value: top > 1023 || top < -1020 ? undefined : Number(up ? kept + 1n : kept) * 2 ** exponent,
    isClose: !isTie && distance * 16n < half && !(rest === 0n && isWhole),
  };
}
