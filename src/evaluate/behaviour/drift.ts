import { isClear, ratioEstimate, type Estimate } from './estimates.ts';

/** Log-probabilities of a document's tokens, by block. */
export interface ScoredDocument {
  /** Blocks of one document are one cluster. */
  readonly document: string;
  readonly logps: ArrayLike<number>;
  readonly referenceLogps?: ArrayLike<number>;
}

/** How well ordinary text is predicted. */
export interface Drift {
  readonly documents: number;
  readonly tokens: number;
  /** -log p, nats a token. */
  readonly policy: Estimate;
  /** exp of it. */
  readonly perplexity: number;
  readonly reference?: Estimate;
  readonly referencePerplexity?: number;
  /** policy - reference, nats a token, the same tokens: above 0 the policy has become worse. */
  readonly difference?: Estimate;
  /** The 95 % interval of the difference leaves 0 out. */
  readonly isClear: boolean;
}

function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total;
}

/** Perplexity of a policy and its reference on the same text, standard errors clustered by document. Null where there is no token. */
export function estimateDrift(blocks: readonly ScoredDocument[]): Drift | null {
  const documents = blocks.map(({ document }) => document);
  const counts = blocks.map(({ logps }) => logps.length);
  const own = blocks.map(({ logps }) => -sum(logps));
  const policy = ratioEstimate(own, counts, documents);
  if (policy === null) return null;
  const drift = {
    documents: new Set(documents).size,
    tokens: counts.reduce((total, count) => total + count, 0),
    policy,
    perplexity: Math.exp(policy.value),
    isClear: false,
  };
  if (blocks.some(({ referenceLogps }) => referenceLogps === undefined)) return drift;
  const others = blocks.map(({ referenceLogps }) => -sum(referenceLogps!));
  const reference = ratioEstimate(others, counts, documents)!;
  const difference = ratioEstimate(
    own.map((value, i) => value - others[i]!),
    counts,
    documents,
  )!;
  return {
    ...drift,
    reference,
    referencePerplexity: Math.exp(reference.value),
    difference,
    isClear: isClear(difference),
  };
}
