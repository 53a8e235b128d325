import { listing, table } from '../../data/index.ts';
import { languageName } from '../../reliability/index.ts';
import type { BehaviourLine } from './compare-behaviour.ts';
import type { Estimate } from './estimates.ts';
import type { Evaluation, FactScores } from './evaluate.ts';
import type { FrontierPoint } from './frontier.ts';
import type { InstructionScores } from './instructions.ts';

/** What a measure is called, how many digits it has, and what a change of it means in words. */
interface MeasureText {
  readonly label: string;
  readonly digits: number;
  readonly isShare?: boolean;
  /** [when it rose, when it fell], the amount for %. */
  readonly words: readonly [string, string];
}

const MEASURE_TEXTS: Readonly<Record<BehaviourLine['measure'], MeasureText>> = {
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

/** Said in words once; the others say the same. */
const SPOKEN: readonly BehaviourLine['measure'][] = [
  'words',
  'repetition',
  'refusal',
  'markdown',
  'empty',
  'cut',
  'entropy',
];

/** With fewer, a difference of two thirds of a standard deviation is missed every other time. */
const FEW_PROMPTS = 20;

/** The findings in plain words, the most important first: what changed for sure, and what did not. */
export function evaluationSentences({ kl, behaviour, drift, facts, instructions }: Evaluation): string[] {
  const sentences: string[] = [];
  if (behaviour && behaviour.prompts < FEW_PROMPTS)
    sentences.push(
      `${behaviour.prompts} ${behaviour.prompts === 1 ? 'prompt' : 'prompts'} cannot tell much: only large differences show. Take ${FEW_PROMPTS} at least, better hundreds.`,
    );
  if (kl)
    sentences.push(
      `The policy is ${shown(kl.perAnswer, 2)} nats an answer away from the reference (KL), ${shown(kl.perToken, 4)} a token.`,
    );
  const clear = (behaviour?.lines ?? []).filter(({ measure, isClear }) => isClear && SPOKEN.includes(measure));
  for (const { measure, difference } of clear) {
    const { words, digits, isShare } = MEASURE_TEXTS[measure];
    const text = words[difference!.value > 0 ? 0 : 1].replace('%', amount(difference!, { digits, isShare }));
    sentences.push(`Answers are ${text}.`);
  }
  if (behaviour && behaviour.lines.some(({ difference }) => difference) && clear.length === 0)
    sentences.push(`On ${behaviour.prompts} prompts no difference in how it answers is clear.`);
  if (drift?.difference) {
    const [now, before] = [drift.perplexity, drift.referencePerplexity!].map((value) => value.toFixed(2));
    const what = drift.isClear
      ? `${drift.difference.value > 0 ? 'worse' : 'better'} than before`
      : 'as well as before, as far as this text can tell';
    sentences.push(
      `Ordinary text is predicted ${what}: perplexity ${now} against ${before} (${signed(drift.difference, 4)} nats a token).`,
    );
  }
  if (facts?.difference) {
    const change = signed(facts.difference, 1, 100);
    sentences.push(
      facts.isClear
        ? `It knows ${facts.difference.value > 0 ? 'more' : 'less'}: ${change} points of known answers.`
        : `What it knows has not clearly changed (${change} points of known answers).`,
    );
  }
  if (instructions?.difference) {
    const change = signed(instructions.difference, 1, 100);
    const { prompts } = instructions.policy;
    sentences.push(
      instructions.isClear
        ? `It follows instructions ${instructions.difference.value > 0 ? 'better' : 'worse'}: ${change} points of ${prompts} prompts.`
        : `How it follows instructions has not clearly changed (${change} points of ${prompts} prompts).`,
    );
  }
  return sentences;
}

/** An evaluation for the terminal: sentences first, then every number. */
export function renderEvaluation(evaluation: Evaluation, width: number): string {
  const { behaviour, kl, drift, facts, instructions } = evaluation;
  const blocks: string[][] = [evaluationSentences(evaluation).flatMap((text) => listing([['-', text]], width))];
  if (kl) blocks.push(['KL(policy || reference), nats, +- 95 %', ...klTable(kl, width)]);
  if (behaviour) {
    const { prompts, answers, lines, languages } = behaviour;
    const counts = `${answers} answers to ${prompts} prompts; * the difference is clear (95 %)`;
    blocks.push([counts, ...behaviourTable(lines, width)]);
    const named = languageText(languages.policy);
    const before = languages.reference && languageText(languages.reference);
    if (named !== '')
      blocks.push(listing([['languages', before === undefined ? named : `${named}; reference ${before}`]], width));
  }
  if (drift)
    blocks.push([
      `${drift.tokens.toLocaleString('en-US')} tokens of ${drift.documents} texts`,
      ...table(
        [
          ['', 'policy', 'reference', 'difference'],
          [
            'nats a token',
            shown(drift.policy, 4),
            drift.reference ? shown(drift.reference, 4) : '-',
            drift.difference ? signed(drift.difference, 4) : '-',
          ],
          ['perplexity', drift.perplexity.toFixed(2), drift.referencePerplexity?.toFixed(2) ?? '-', ''],
        ],
        width,
      ),
    ]);
  if (facts) blocks.push(factsTable(facts.policy, facts.reference, width));
  if (instructions) blocks.push(instructionsTable(instructions.policy, instructions.reference, width));
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

/** The frontier as a table. */
export function renderFrontier(points: readonly FrontierPoint[], width: number): string {
  const rows = points.map(({ step, kl, tokens, heldOut }) => [
    String(step),
    shown(kl.perAnswer, 2),
    shown(kl.perToken, 4),
    heldOut ? heldOut.accuracy.toFixed(3) : '-',
    heldOut ? heldOut.margin.toFixed(3) : '-',
    tokens.value.toFixed(1),
  ]);
  return [
    'checkpoints: what was won, and how far the model went for it',
    ...table([['step', 'KL an answer', 'KL a token', 'accuracy', 'margin', 'tokens'], ...rows], width),
  ].join('\n');
}

function klTable({ logRatio, k3, exact, perAnswer, perToken, method }: NonNullable<Evaluation['kl']>, width: number) {
  return table(
    [
      ['an answer', shown(perAnswer, 3), `by ${method === 'exact' ? 'whole distributions' : 'k3'}`],
      ['a token', shown(perToken, 5), ''],
      ['an answer, by log-ratios', shown(logRatio, 3), 'the same mean, noisier'],
      ...(exact === null ? [] : [['an answer, by k3', shown(k3, 3), 'the same mean']]),
    ],
    width,
  );
}

function behaviourTable(lines: readonly BehaviourLine[], width: number): string[] {
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
  return table([['', 'policy', 'reference', 'difference  '], ...rows], width);
}

function factsTable(policy: FactScores, reference: FactScores | undefined, width: number): string[] {
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
  return [`${questions} questions with known answers`, ...table([['', 'policy', 'reference'], ...rows], width)];
}

function instructionsTable(
  policy: InstructionScores,
  reference: InstructionScores | undefined,
  width: number,
): string[] {
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
  return [
    `${policy.instructions} instructions of ${policy.prompts} prompts, checked by code`,
    ...table([['', 'policy', 'reference'], ...rows], width),
  ];
}

function languageText(counts: Readonly<Record<string, number>>): string {
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return Object.entries(counts)
    .toSorted(([, a], [, b]) => b - a)
    .map(([code, count]) => `${code === '' ? 'not sure' : languageName(code)} ${((100 * count) / all).toFixed(0)} %`)
    .join(', ');
}

function half({ interval }: Estimate): number | undefined {
  return interval === null ? undefined : (interval.high - interval.low) / 2;
}

/** `3.21 +- 0.40`, or `50.0 (15.0 to 85.0)` where the interval is not symmetric. */
function shown(estimate: Estimate, digits: number, scale = 1): string {
  const around = half(estimate);
  const value = (scale * estimate.value).toFixed(digits);
  if (around === undefined) return value;
  const { low, high } = estimate.interval!;
  const isSymmetric = Math.abs(high + low - 2 * estimate.value) < 1e-9 * Math.max(1, Math.abs(high));
  return isSymmetric
    ? `${value} +- ${(scale * around).toFixed(digits)}`
    : `${value} (${(scale * low).toFixed(digits)} to ${(scale * high).toFixed(digits)})`;
}

function signed(estimate: Estimate, digits: number, scale = 1): string {
  return `${estimate.value >= 0 ? '+' : ''}${shown(estimate, digits, scale)}`;
}

/** `12.0 (8.1 to 15.9)`, without a sign. */
function amount(
  { value, interval }: Estimate,
  { digits, isShare = false }: { digits: number; isShare?: boolean | undefined },
): string {
  const scale = (isShare ? 100 : 1) * Math.sign(value);
  const unit = isShare ? ' points' : '';
  const bounds = [interval!.low, interval!.high].map((bound) => scale * bound).toSorted((a, b) => a - b);
  return `${(scale * value).toFixed(digits)}${unit} (${bounds.map((bound) => bound.toFixed(digits)).join(' to ')})`;
}
