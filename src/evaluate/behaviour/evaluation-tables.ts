import { percent } from '../../core/index.ts';
import { languageName } from '../../answers/index.ts';
import type { BehaviourLine } from './compare-behaviour.ts';
import type { Estimate } from './estimates.ts';
import type { Evaluation, FactScores } from './evaluate.ts';
import type { FrontierPoint } from './frontier.ts';
import type { InstructionScores } from './instructions.ts';

/** A table of an evaluation, for terminal and page alike. */
export interface EvaluationTable {
  readonly title: string;
  /** What the title leaves open. */
  readonly note?: string;
  /** The first row names the columns, the first column the rows. */
  readonly rows: readonly (readonly string[])[];
}

/** Every number of an evaluation. */
export function evaluationTables(
  { behaviour, kl, drift, facts, instructions }: Evaluation,
  frontier?: readonly FrontierPoint[],
): EvaluationTable[] {
  return [
    ...(kl ? [klTable(kl)] : []),
    ...(behaviour ? [behaviourTable(behaviour)] : []),
    ...(drift ? [driftTable(drift)] : []),
    ...(facts ? [factsTable(facts.policy, facts.reference)] : []),
    ...(instructions ? [instructionsTable(instructions.policy, instructions.reference)] : []),
    ...(frontier ? [frontierTable(frontier)] : []),
  ];
}

/** `1 text`, `1,200 texts`. */
export function counted(count: number, thing: string): string {
  return `${count.toLocaleString('en-US')} ${thing}${count === 1 ? '' : 's'}`;
}

function klTable({ logRatio, k3, exact, perAnswer, perToken, method }: NonNullable<Evaluation['kl']>): EvaluationTable {
  return {
    title: 'KL(policy || reference), nats, +- 95 %',
    rows: [
      ['', 'nats', ''],
      ['an answer', shown(perAnswer, 3), `by ${method === 'exact' ? 'whole distributions' : 'k3'}`],
      ['a token', shown(perToken, 5), ''],
      ['an answer, by log-ratios', shown(logRatio, 3), 'the same mean, noisier'],
      ...(exact === null ? [] : [['an answer, by k3', shown(k3, 3), 'the same mean']]),
    ],
  };
}

function behaviourTable({ prompts, answers, lines, languages }: NonNullable<Evaluation['behaviour']>): EvaluationTable {
  const rows = lines.map(({ measure, policy, reference, difference, isClear }) => {
    const { label, digits, isShare = false } = MEASURE_TEXTS[measure];
    const scale = isShare ? 100 : 1;
    return [
      isShare ? `${label}, %` : label,
      shown(policy, digits, scale),
      reference ? shown(reference, digits, scale) : '-',
      difference ? `${signed(difference, digits, scale)}${isClear ? ' *' : '  '}` : '-',
    ];
  });
  const named = languageText(languages.policy);
  const before = languages.reference && languageText(languages.reference);
  return {
    title: `${counted(answers, 'answer')} to ${counted(prompts, 'prompt')}; * the difference is clear (95 %)`,
    ...(named !== '' && { note: `languages: ${before === undefined ? named : `${named}; reference ${before}`}` }),
    rows: [['', 'policy', 'reference', 'difference  '], ...rows],
  };
}

function driftTable(drift: NonNullable<Evaluation['drift']>): EvaluationTable {
  return {
    title: `${counted(drift.tokens, 'token')} of ${counted(drift.documents, 'text')}`,
    rows: [
      ['', 'policy', 'reference', 'difference'],
      [
        'nats a token',
        shown(drift.policy, 4),
        drift.reference ? shown(drift.reference, 4) : '-',
        drift.difference ? signed(drift.difference, 4) : '-',
      ],
      ['perplexity', drift.perplexity.toFixed(2), drift.referencePerplexity?.toFixed(2) ?? '-', ''],
    ],
  };
}

function factsTable(policy: FactScores, reference: FactScores | undefined): EvaluationTable {
  const rows: string[][] = [];
  const add = (label: string, of: (scores: FactScores) => Estimate | undefined): void => {
    const [own, other] = [of(policy), reference && of(reference)];
    if (own) rows.push([label, shown(own, 1, 100), other ? shown(other, 1, 100) : '-']);
  };
  add('right choice, %', ({ choices }) => choices?.accuracy);
  add('right choice by length, %', ({ choices }) => choices?.accuracyByLength);
  const choices = [policy.choices, reference?.choices];
  if (choices[0]) {
    rows.push(['Brier score', ...choices.map((one) => (one ? shown(one.brier, 3) : '-'))]);
    rows.push(['calibration error, %', ...choices.map((one) => (one ? (100 * one.calibrationError).toFixed(1) : '-'))]);
  }
  add('answer holds the known one, %', ({ free }) => free?.contains);
  add('answer is the known one, %', ({ free }) => free?.exact);
  const questions = (policy.choices?.questions ?? 0) + (policy.free?.questions ?? 0);
  return {
    title: `${counted(questions, 'question')} with known answers`,
    rows: [['', 'policy', 'reference'], ...rows],
  };
}

function instructionsTable(policy: InstructionScores, reference: InstructionScores | undefined): EvaluationTable {
  const lines = [
    ['all followed, %', 'promptStrict'],
    ['all followed, loosely, %', 'promptLoose'],
    ['instructions followed, %', 'instructionStrict'],
    ['followed loosely, %', 'instructionLoose'],
  ] as const;
  const rows = lines.map(([label, name]) => [
    label,
    shown(policy[name], 1, 100),
    reference ? shown(reference[name], 1, 100) : '-',
  ]);
  return {
    title: `${counted(policy.instructions, 'instruction')} of ${counted(policy.prompts, 'prompt')}, checked by code`,
    rows: [['', 'policy', 'reference'], ...rows],
  };
}

function languageText(counts: Readonly<Record<string, number>>): string {
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return Object.entries(counts)
    .toSorted(([, a], [, b]) => b - a)
    .map(([code, count]) => `${code === '' ? 'not sure' : languageName(code)} ${percent(count / all, 0)}`)
    .join(', ');
}

/** The frontier: what was won at each checkpoint, and how far the model went for it. */
function frontierTable(points: readonly FrontierPoint[]): EvaluationTable {
  const rows = points.map(({ step, kl, tokens, heldOut }) => [
    String(step),
    shown(kl.perAnswer, 2),
    shown(kl.perToken, 4),
    heldOut ? heldOut.accuracy.toFixed(3) : '-',
    heldOut ? heldOut.margin.toFixed(3) : '-',
    tokens.value.toFixed(1),
  ]);
  return {
    title: 'checkpoints: what was won, and how far the model went for it',
    rows: [['step', 'KL an answer', 'KL a token', 'accuracy', 'margin', 'tokens'], ...rows],
  };
}

/** What a measure is called, how many digits it has, and what a change of it means in words. */
interface MeasureText {
  readonly label: string;
  readonly digits: number;
  readonly isShare?: boolean;
  /** [when it rose, when it fell], the amount for %. */
  readonly words: readonly [string, string];
}

export const MEASURE_TEXTS: Readonly<Record<BehaviourLine['measure'], MeasureText>> = {
  characters: { label: 'characters', digits: 0, words: ['longer by % characters', 'shorter by % characters'] },
  words: { label: 'words', digits: 1, words: ['longer by % words', 'shorter by % words'] },
  tokens: { label: 'tokens', digits: 1, words: ['longer by % tokens', 'shorter by % tokens'] },
  repetition: {
    label: 'repetition',
    digits: 1,
    isShare: true,
    words: ['more repetitive by % of their word 4-grams', 'less repetitive by % of their word 4-grams'],
  },
  refusal: {
    label: 'refusals',
    digits: 1,
    isShare: true,
    words: ['refusals more often, by %', 'refusals less often, by %'],
  },
  markdown: {
    label: 'Markdown',
    digits: 1,
    isShare: true,
    words: ['laid out with Markdown more often, by %', 'laid out with Markdown less often, by %'],
  },
  empty: { label: 'empty', digits: 1, isShare: true, words: ['empty more often, by %', 'empty less often, by %'] },
  cut: {
    label: 'did not end',
    digits: 1,
    isShare: true,
    words: ['unfinished more often, by %', 'unfinished less often, by %'],
  },
  entropy: {
    label: 'entropy, nats',
    digits: 3,
    words: [
      'drawn from wider distributions, by % nats a token',
      'drawn from narrower distributions, by % nats a token',
    ],
  },
  'distinct-1': { label: 'distinct words', digits: 1, isShare: true, words: ['', ''] },
  'distinct-2': { label: 'distinct pairs', digits: 1, isShare: true, words: ['', ''] },
};

function half({ interval }: Estimate): number | undefined {
  return interval === null ? undefined : (interval.high - interval.low) / 2;
}

/** `3.21 +- 0.40`, or `50.0 (15.0 to 85.0)` where the interval is not symmetric. */
export function shown(estimate: Estimate, digits: number, scale = 1): string {
  const around = half(estimate);
  const value = (scale * estimate.value).toFixed(digits);
  if (around === undefined) return value;
  const { low, high } = estimate.interval!;
  const isSymmetric = Math.abs(high + low - 2 * estimate.value) < 1e-9 * Math.max(1, Math.abs(high));
  return isSymmetric
    ? `${value} +- ${(scale * around).toFixed(digits)}`
    : `${value} (${(scale * low).toFixed(digits)} to ${(scale * high).toFixed(digits)})`;
}

export function signed(estimate: Estimate, digits: number, scale = 1): string {
  return `${estimate.value >= 0 ? '+' : ''}${shown(estimate, digits, scale)}`;
}
