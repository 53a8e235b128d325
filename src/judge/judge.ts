import type { NoAnswerReason, Usage } from '../ask/index.ts';
import type { Content } from '../data/index.ts';

/** Which of two answers is better. */
export type Verdict = 'a' | 'b' | 'tie';

/** Two answers to one prompt, to be compared. */
export interface Comparison {
  /** For messages and reports; nothing of a verdict depends on it. */
  readonly id: string;
  readonly prompt: Content;
  readonly a: Content;
  readonly b: Content;
}

/** One question to a model and what came back. */
export interface JudgeCall {
  /** The question's subject: a rubric's name. */
  readonly aspect: string;
  /** Which answer was shown first. */
  readonly first: 'a' | 'b';
  /** In terms of the comparison, whatever was shown first; undefined when the answer could not be used. */
  readonly verdict: Verdict | undefined;
  /** The answer as it came. */
  readonly answer: string;
  /** Read back from the store of earlier calls, so that it cost nothing now. */
  readonly isStored: boolean;
  readonly usage: Usage;
}

/** Why a judge gives no verdict. */
export type NoVerdictReason = NoAnswerReason | 'no-quorum';

interface JudgementParts {
  readonly judge: string;
  /** Questions to models, none for a rule. */
  readonly calls: readonly JudgeCall[];
  readonly usage: Usage;
  /** Of a panel: each judge's own judgement. */
  readonly members?: readonly Judgement[];
}

/** What a judge says of a comparison. A judge that cannot tell says so: that is not a tie. */
export type Judgement =
  | (JudgementParts & {
      readonly kind: 'verdict';
      readonly verdict: Verdict;
      /** In [0, 1]: 1 for rules; for models what they state; 0 for a tie that comes from contradicting itself. */
      readonly confidence: number;
      readonly rationale: string;
      /** Whether the verdict stayed the same with the answers in the other order; undefined where order plays no part. */
      readonly isConsistent?: boolean;
    })
  | (JudgementParts & { readonly kind: 'none'; readonly reason: NoVerdictReason; readonly message: string });

export interface CompareOptions {
  /** Stops new questions; those under way end and are kept. */
  readonly signal?: AbortSignal | undefined;
}

/** Anything that compares two answers: a language model, a rule, a panel of several. */
export interface Judge {
  readonly name: string;
  /** Everything that decides its verdicts, for records: equal identities judge alike. */
  readonly identity: string;
  /** Throws run-failed when an endpoint cannot be used at all, cancelled when `signal` is aborted. */
  compare(comparison: Comparison, options?: CompareOptions): Promise<Judgement>;
}
