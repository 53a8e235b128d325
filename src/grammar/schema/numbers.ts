import { boundedNumberTerminal, integerTerminal, numberTerminal, type Bound } from '../numbers.ts';
import { NOTHING, terminal, type Node } from '../node.ts';
import { saidOf, type Part } from './conjunction.ts';

const tightest = (candidates: readonly Bound[], sign: 1 | -1): Bound | undefined =>
  candidates.toSorted((a, b) => sign * (b.value - a.value) || Number(b.isExclusive) - Number(a.isExclusive))[0];

/** The tightest bounds that the parts give. */
function boundsOf(parts: readonly Part[]): {
  readonly minimum: Bound | undefined;
  readonly maximum: Bound | undefined;
} {
  const bounds = (keyword: string, isExclusive: boolean): Bound[] =>
    saidOf<number>(parts, keyword).map((value) => ({ value, isExclusive }));
  return {
    minimum: tightest([...bounds('minimum', false), ...bounds('exclusiveMinimum', true)], 1),
    maximum: tightest([...bounds('maximum', false), ...bounds('exclusiveMaximum', true)], -1),
  };
}

/** Integers of more digits are not written, so that a bound beyond them is none. */
const LARGEST = 1e20;

export function integerNode(parts: readonly Part[]): Node {
  const { minimum, maximum } = boundsOf(parts);
  const lowest = minimum === undefined || minimum.value <= -LARGEST ? undefined : lowestInteger(minimum);
  const highest = maximum === undefined || maximum.value >= LARGEST ? undefined : -lowestInteger(mirrored(maximum));
  if ((minimum?.value ?? 0) >= LARGEST || (maximum?.value ?? 0) <= -LARGEST) return NOTHING;
  const start = integerTerminal(lowest, highest);
  return start === undefined ? NOTHING : terminal(start);
}

function mirrored({ value, isExclusive }: Bound): Bound {
  return { value: -value, isExclusive };
}

/** The lowest integer that a lower bound allows. Beyond 2^53 the next float64 above an exclusive one, since what lies between is read as the bound. */
function lowestInteger({ value, isExclusive }: Bound): bigint {
  const whole = BigInt(Math.ceil(value));
  if (!isExclusive || !Number.isInteger(value)) return whole;
  let step = 1n;
  while (Number(whole + step) <= value) step *= 2n;
  return whole + step;
}

export function numberNode(parts: readonly Part[]): Node {
  const { minimum, maximum } = boundsOf(parts);
  if (minimum === undefined && maximum === undefined) return terminal(numberTerminal());
  const start = boundedNumberTerminal(minimum, maximum);
  return start === undefined ? NOTHING : terminal(start);
}
