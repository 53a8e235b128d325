import { exactValue, isClear, meanEstimate, type Estimate } from './estimates.ts';
import { distinctShare, measureText, wordsOf, type TextMeasures } from '../../answers/index.ts';
import type { DrawnAnswer } from './sample.ts';

/** Measures of an answer: those of its text, and those of how it was drawn. */
export interface AnswerMeasures extends TextMeasures {
  readonly tokens: number;
  /** 1 where the answer did not end by itself. */
  readonly cut: number;
  /** Mean over its tokens of the entropy of the distributions that they were drawn from, nats. */
  readonly entropy: number;
}

export type MeasureName = keyof AnswerMeasures;

export const MEASURES: readonly MeasureName[] = [
  'characters',
  'words',
  'tokens',
  'repetition',
  'refusal',
  'markdown',
  'empty',
  'cut',
  'entropy',
];

/** A measure of both models. */
export interface BehaviourLine {
  readonly measure: MeasureName | 'distinct-1' | 'distinct-2';
  readonly policy: Estimate;
  readonly reference?: Estimate;
  /** policy - reference, prompt by prompt. */
  readonly difference?: Estimate;
  /** The 95 % interval of the difference leaves 0 out. */
  readonly isClear: boolean;
}

export interface Behaviour {
  readonly prompts: number;
  readonly answers: number;
  readonly lines: readonly BehaviourLine[];
  /** Answers in each language, as ISO 639-1 codes; '' where it is not sure. */
  readonly languages: {
    readonly policy: Readonly<Record<string, number>>;
    readonly reference?: Readonly<Record<string, number>>;
  };
}

export interface MeasuredAnswers {
  readonly answers: readonly DrawnAnswer[];
  /** Of each answer's tokens. */
  readonly entropies: readonly ArrayLike<number>[];
}

export interface BehaviourOptions {
  readonly detectLanguage?: (text: string) => string | undefined;
}

/** What every answer of a model is like. */
export function measureAnswers({ answers, entropies }: MeasuredAnswers): AnswerMeasures[] {
  return answers.map(({ text, isCut, tokens }, i) => ({
    ...measureText(text),
    tokens: tokens.completion.length,
    cut: Number(isCut),
    entropy: Array.from(entropies[i]!).reduce((sum, value) => sum + value, 0) / Math.max(1, entropies[i]!.length),
  }));
}

/**
 * How a policy answers beside its reference, over the same prompts: means with intervals clustered by prompt, and the differences prompt by prompt.
 * distinct-n reads as many words of both.
 */
export function compareBehaviour(
  policy: MeasuredAnswers,
  reference: MeasuredAnswers | undefined,
  { detectLanguage }: BehaviourOptions = {},
): Behaviour {
  const [own, other] = [policy, reference].map((side) => side && measureAnswers(side));
  const clusters = policy.answers.map(({ promptId }) => promptId);
  const lines = MEASURES.map((measure): BehaviourLine => {
    const of = (side: readonly AnswerMeasures[]): number[] => side.map((one) => one[measure]);
    const line = { measure, policy: meanEstimate(of(own!), clusters)!, isClear: false };
    if (other === undefined) return line;
    const difference = meanEstimate(
      of(own!).map((value, i) => value - of(other)[i]!),
      clusters,
    )!;
    const referenceClusters = reference!.answers.map(({ promptId }) => promptId);
    return {
      ...line,
      reference: meanEstimate(of(other), referenceClusters)!,
      difference,
      isClear: isClear(difference),
    };
  });
  const texts = [policy, reference].map((side) => side?.answers.map(({ text }) => text));
  const languages = (side: readonly string[] | undefined) => side && countLanguages(side, detectLanguage);
  return {
    prompts: new Set(clusters).size,
    answers: policy.answers.length,
    lines: [...lines, ...diversity(texts[0]!, texts[1])],
    languages: { policy: languages(texts[0])!, ...(texts[1] && { reference: languages(texts[1])! }) },
  };
}

/** Over as many words of both models, since diversity falls with the amount of text. */
function diversity(policy: readonly string[], reference: readonly string[] | undefined): BehaviourLine[] {
  const words = Math.min(wordsIn(policy), reference === undefined ? Infinity : wordsIn(reference));
  return ([1, 2] as const).flatMap((n): BehaviourLine[] => {
    const own = distinctShare(policy, n, words);
    const other = reference === undefined ? null : distinctShare(reference, n, words);
    if (own === null) return [];
    const line = { measure: `distinct-${n}` as const, policy: exactValue(own), isClear: false };
    return [other === null ? line : { ...line, reference: exactValue(other), difference: exactValue(own - other) }];
  });
}

function wordsIn(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + wordsOf(text).length, 0);
}

function countLanguages(
  texts: readonly string[],
  detect: BehaviourOptions['detectLanguage'],
): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  if (detect === undefined) return counts;
  for (const text of texts) {
    const language = detect(text) ?? '';
    counts[language] = (counts[language] ?? 0) + 1;
  }
  return counts;
}
