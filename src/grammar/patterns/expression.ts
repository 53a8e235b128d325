import { MAX_CODE_POINT } from '../characters.ts';

/** Inclusive. */
export type Range = readonly [first: number, last: number];

/** A regular expression without anchors. */
export type Expression =
  | { readonly kind: 'set'; readonly ranges: readonly Range[] }
  | { readonly kind: 'sequence'; readonly items: readonly Expression[] }
  | { readonly kind: 'choice'; readonly options: readonly Expression[] }
  | {
      readonly kind: 'repeat';
      readonly item: Expression;
      readonly minimum: number;
      readonly maximum: number;
    };

/** Sorted, joined where they touch. */
export function joinRanges(ranges: readonly Range[]): Range[] {
  const out: [number, number][] = [];
  for (const [first, last] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const previous = out.at(-1);
    if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else out.push([first, last]);
  }
  return out;
}

/** Every scalar value outside the ranges. */
export function invertRanges(ranges: readonly Range[]): Range[] {
  const out: Range[] = [];
  let from = 0;
  for (const [first, last] of joinRanges([...ranges, [0xd800, 0xdfff]])) {
    if (first > from) out.push([from, first - 1]);
    from = last + 1;
  }
  if (from <= MAX_CODE_POINT) out.push([from, MAX_CODE_POINT]);
  return out;
}

export const ANY_CHARACTER: Expression = { kind: 'set', ranges: invertRanges([]) };

export function anyTimes(item: Expression): Expression {
  return { kind: 'repeat', item, minimum: 0, maximum: Infinity };
}
