import { listing, table } from '../../core/index.ts';
import type { BehaviourLine } from './compare-behaviour.ts';
import type { Estimate } from './estimates.ts';
import type { Evaluation } from './evaluate.ts';
import { counted, evaluationTables, MEASURE_TEXTS, shown, signed } from './evaluation-tables.ts';
import type { FrontierPoint } from './frontier.ts';

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
      `${counted(behaviour.prompts, 'prompt')} cannot tell much: only large differences show. Take ${FEW_PROMPTS} at least, better hundreds.`,
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
    sentences.push(`On ${counted(behaviour.prompts, 'prompt')} no difference in how it answers is clear.`);
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
        ? `It follows instructions ${instructions.difference.value > 0 ? 'better' : 'worse'}: ${change} points of ${counted(prompts, 'prompt')}.`
        : `How it follows instructions has not clearly changed (${change} points of ${counted(prompts, 'prompt')}).`,
    );
  }
  return sentences;
}

/** An evaluation for the terminal: sentences first, then every number. */
export function renderEvaluation(
  evaluation: Evaluation,
  { width, frontier }: { readonly width: number; readonly frontier?: readonly FrontierPoint[] | undefined },
): string {
  const blocks = evaluationTables(evaluation, frontier).map(({ title, note, rows }) => [
    title,
    ...table(rows, width),
    ...(note === undefined ? [] : ['', ...listing([[note.split(': ')[0]!, note.split(': ')[1]!]], width)]),
  ]);
  return [evaluationSentences(evaluation).flatMap((text) => listing([['-', text]], width)), ...blocks]
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
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
