import type { ObjectiveRequest } from '../resolve.ts';
import { FOUR_PAIRS, THREE_PAIRS, TOKEN_PAIR, type Statistics } from './rows.ts';

/** Values of a loss on given rows, derived by hand or computed to 60 digits from the formulas of docs/objectives.md. */
export interface ClosedForm {
  readonly request: ObjectiveRequest;
  readonly rows: Statistics;
  readonly losses: readonly number[];
  /** d(sum of losses) / d statistic. */
  readonly gradients?: Readonly<Record<string, readonly number[]>>;
  /** Running values before and after. */
  readonly before?: Readonly<Record<string, number>>;
  readonly after?: Readonly<Record<string, number>>;
  /** Relative; default 2e-7, that of float32 constants. */
  readonly tolerance?: number;
}

type Given = Readonly<Record<string, number | string>>;

/** Of FOUR_PAIRS, a row each: the loss, d loss / d chosen logps, d loss / d rejected logps. The reward difference is beta times 0, 1.3, 2.75, -3.5. */
export function onFour(
  objective: string,
  options: Given,
  table: readonly (readonly [number, number, number])[],
): ClosedForm {
  return {
    request: { objective, options },
    rows: FOUR_PAIRS,
    losses: table.map(([loss]) => loss),
    gradients: { 'chosen/logps': table.map(([, g]) => g), 'rejected/logps': table.map(([, , g]) => g) },
  };
}

/** The three rows that TRL's formulas were computed on, to six decimals, beta 0.1. */
export function onThree(objective: string, losses: readonly number[], options: Given = {}): ClosedForm {
  return { request: { objective, options: { beta: 0.1, ...options } }, rows: THREE_PAIRS, losses, tolerance: 5e-6 };
}

export function onToken(
  objective: string,
  options: Given,
  losses: number,
  gradients?: ClosedForm['gradients'],
): ClosedForm {
  return { request: { objective, options }, rows: TOKEN_PAIR, losses: [losses], ...(gradients && { gradients }) };
}

/** The first row of both answers has the gradient g (onehot - p): with p = 0.5 and 0.7 off the target these are g for s_w and s_l. */
export function fromLogits(chosen: number, rejected: number): ClosedForm['gradients'] {
  return { 'chosen/logps': [chosen / 0.5], 'rejected/logps': [rejected / 0.7] };
}

/** -log sigmoid(x) */
export const soft = (x: number): number => Math.log1p(Math.exp(-x));
