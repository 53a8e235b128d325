import { internal } from '../core/index.ts';
import { input, type Node, type Shape } from '../graph/index.ts';

/** Statistics of an answer that are computed only for the losses that ask for them. */
export const STATISTICS = {
  sharedLogps: 'sum of log p over the first min(n_w, n_l) tokens, nats',
  sharedReferenceLogps: 'the same under the reference',
  logCollision: 'sum over tokens of log(sum over the vocabulary of p^2)',
  sequentialKl: 'sum over tokens of KL(reference || policy) of the next-token distributions, nats',
  promptLengths: 'tokens of the prompt',
  klLogps: 'sum of log p of an answer that belongs to another prompt of the batch',
  klReferenceLogps: 'the same under the reference',
} as const;

export type StatisticName = keyof typeof STATISTICS;

/** Statistics of the answers of a batch, float32, all of one shape. */
export interface AnswerStatistics extends Readonly<Partial<Record<StatisticName, Node>>> {
  /** Sum of log p over the answer's tokens, nats. */
  readonly logps: Node;
  /** Scored tokens, at least 1. */
  readonly lengths: Node;
  /** logps under the reference; absent where no loss needs a reference. */
  readonly referenceLogps?: Node;
}

interface RowInputs {
  /** [R]: the loss of each row is multiplied by it. */
  readonly weights?: Node;
}

/** Pairs: statistics [R] of both answers. */
export interface PairStatistics extends RowInputs {
  readonly chosen: AnswerStatistics;
  readonly rejected: AnswerStatistics;
  /** [R]: by how much the scaled reward of the chosen answer shall exceed the other's. */
  readonly margins?: Node;
}

/** Single answers: statistics [R], and labels [R], 1 for desirable and 0 for undesirable. */
export interface UnpairedStatistics extends RowInputs {
  readonly answers: AnswerStatistics;
  readonly labels: Node;
}

/** Several answers of a prompt: statistics [R, K], best first, and present [R, K], 1 where there is an answer and 0 elsewhere. */
export interface RankingStatistics extends RowInputs {
  readonly answers: AnswerStatistics;
  readonly present: Node;
}

/** A statistic that the loss asked for. Throws internal when the caller did not supply it. */
export function supplied(answers: AnswerStatistics, name: StatisticName | 'referenceLogps'): Node {
  const node = answers[name];
  if (node === undefined) throw internal(`objectives: the statistic ${name} must be supplied, as the loss asks for it`);
  return node;
}

/** What of the statistics carries a gradient to the policy. */
export const DIFFERENTIABLE = ['logps', 'sharedLogps', 'sequentialKl'] as const;

export interface StatisticRequest {
  readonly needsReference: boolean;
  readonly needs: readonly StatisticName[];
  readonly margins: boolean;
  readonly weights: boolean;
}

function answerInputs(prefix: string, shape: Shape, { needsReference, needs }: StatisticRequest): AnswerStatistics {
  const names = ['logps', 'lengths', ...(needsReference ? ['referenceLogps'] : []), ...needs];
  return Object.fromEntries(
    names.map((name) => [name, input(`${prefix}${name}`, shape)]),
  ) as unknown as AnswerStatistics;
}

function rowInputs(names: Readonly<Record<string, boolean>>): Record<string, Node> {
  const asked = Object.keys(names).filter((name) => names[name]);
  return Object.fromEntries(asked.map((name) => [name, input(name, ['R'])]));
}

/** Inputs `chosen/<statistic>`, `rejected/<statistic>`, `margins`, `weights`, all [R]. */
export function pairInputs(request: StatisticRequest): PairStatistics {
  return {
    chosen: answerInputs('chosen/', ['R'], request),
    rejected: answerInputs('rejected/', ['R'], request),
    ...rowInputs({ margins: request.margins, weights: request.weights }),
  };
}

/** Inputs `<statistic>`, `labels`, `weights`, all [R]. */
export function completionInputs(request: StatisticRequest): UnpairedStatistics {
  return {
    answers: answerInputs('', ['R'], request),
    labels: input('labels', ['R']),
    ...rowInputs({ weights: request.weights }),
  };
}

/** Inputs `<statistic>` and `present` [R, K], `weights` [R]. */
export function listInputs(request: StatisticRequest): RankingStatistics {
  return {
    answers: answerInputs('', ['R', 'K'], request),
    present: input('present', ['R', 'K']),
    ...rowInputs({ weights: request.weights }),
  };
}
