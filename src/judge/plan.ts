import { ANSWER_SCHEMA } from './answer.ts';
import { costOf, estimateTokens, type ChatMessage } from '../ask/index.ts';
import type { Comparison } from './judge.ts';
import { questionsOf } from './llm-judge.ts';
import type { OpenedLlm } from './open-judges.ts';

/** What judging would take, before anything is asked. */
export interface JudgePlan {
  readonly judge: string;
  readonly requests: number;
  /** Of these, answered already. */
  readonly stored: number;
  /** Of what is still to be asked; estimates (four bytes a token). */
  readonly promptTokens: number;
  /** At most: every answer as long as it may be. */
  readonly mostCompletionTokens: number;
  /** Likely: every answer as long as a short rationale. */
  readonly likelyCompletionTokens: number;
  /** Dollars; undefined without prices. */
  readonly likelyCost: number | undefined;
  readonly mostCost: number | undefined;
  /** The first question as it would be sent. */
  readonly example: readonly ChatMessage[] | undefined;
}

/** A verdict with three sentences is about this long. */
const LIKELY_ANSWER_TOKENS = 120;

/** What one judge would ask about these comparisons. Equal questions count once. */
export function planJudging(
  { name, specification, rubrics, asker }: OpenedLlm,
  comparisons: Iterable<Comparison>,
): JudgePlan {
  const { bothOrders, prices } = specification;
  const seen = new Set<string>();
  let [stored, promptTokens] = [0, 0];
  let example: readonly ChatMessage[] | undefined;
  for (const comparison of comparisons) {
    for (const question of questionsOf(comparison, { rubrics, bothOrders })) {
      example ??= question;
      const text = JSON.stringify(question);
      if (seen.has(text)) continue;
      seen.add(text);
      if (asker.isStored(question, ANSWER_SCHEMA)) stored++;
      else promptTokens += estimateTokens(text);
    }
  }
  const open = seen.size - stored;
  const most = open * asker.endpoint.maxTokens;
  const likely = open * Math.min(LIKELY_ANSWER_TOKENS, asker.endpoint.maxTokens);
  return {
    judge: name,
    requests: seen.size,
    stored,
    promptTokens,
    mostCompletionTokens: most,
    likelyCompletionTokens: likely,
    likelyCost: costOf({ promptTokens, completionTokens: likely }, prices),
    mostCost: costOf({ promptTokens, completionTokens: most }, prices),
    example,
  };
}
