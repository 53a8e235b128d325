import { finiteNumber, writeExactJson } from '../../core/index.ts';
import { readObjects, type DataSource } from '../../data/index.ts';
import { meanEstimate, shareEstimate, type Estimate } from './estimates.ts';

/** A question with a known answer: one of several choices, or free text that must hold one of the answers. */
export type KnownFact =
  | { readonly id: string; readonly question: string; readonly choices: readonly string[]; readonly correct: number }
  | { readonly id: string; readonly question: string; readonly answers: readonly string[] };

/**
 * The facts of a source, records `{question, choices, answer}` (the answer as a place from 0 or as the choice's text) or `{question, answers}` (texts; one
 * is enough). Throws bad-input with all problems.
 */
export function readFacts(source: DataSource): Promise<KnownFact[]> {
  return readObjects(source, {
    expected: 'an object with question and choices or answers',
    noun: 'question',
    read: ({ value, fields, line }) => {
      const question = fields.text('question');
      if (fields.problems.length > 0) return undefined;
      const id = typeof value['id'] === 'string' ? value['id'] : String(line);
      return factOf({ id, question }, value, (path, message) =>
        fields.problems.push({ reason: 'wrong-type', path, message }),
      );
    },
  });
}

function factOf(
  head: { readonly id: string; readonly question: string },
  value: Readonly<Record<string, unknown>>,
  fail: (path: string, message: string) => unknown,
): KnownFact | undefined {
  const { choices, answer, answers } = value;
  if (choices === undefined) {
    if (isTexts(answers, 1)) return { ...head, answers };
    return void fail('answers', 'answers must be a list of at least one text, or choices and answer must be there');
  }
  if (!isTexts(choices, 2))
    return void fail('choices', 'choices must be a list of at least two texts, none of them empty');
  const correct = typeof answer === 'string' ? choices.indexOf(answer) : finiteNumber(answer);
  if (correct !== undefined && Number.isInteger(correct) && correct >= 0 && correct < choices.length)
    return { ...head, choices, correct };
  fail('answer', `answer must be one of the choices, as its text or its place from 0, got ${writeExactJson(answer)}`);
  return undefined;
}

function isTexts(value: unknown, least: number): value is string[] {
  return (
    Array.isArray(value) &&
    value.length >= least &&
    value.every((item) => typeof item === 'string' && item.trim() !== '')
  );
}

/** One multiple-choice question as a model answers it. */
export interface ScoredChoices {
  readonly correct: number;
  /** Sum of log-probabilities of each choice as the answer, nats. */
  readonly logps: readonly number[];
  /** Bytes of each choice (UTF-8). */
  readonly bytes: readonly number[];
}

export interface ChoiceScores {
  readonly questions: number;
  /** The choice of the highest log-probability is right. */
  readonly accuracy: Estimate;
  /** That of the highest log-probability a byte is right: long choices are not at a disadvantage. */
  readonly accuracyByLength: Estimate;
  /** Mean over questions of sum over choices (p - 1 or 0)^2, p by softmax of the log-probabilities: 0 is perfect, 2 is sure and wrong. */
  readonly brier: Estimate;
  /** Expected calibration error: |confidence - accuracy| over ten bins of equal width, weighted by their questions. */
  readonly calibrationError: number;
}

const BINS = 10;

/**
 * Accuracy and calibration on multiple choice. Null for no questions.
 *
 * Source: Brown et al. 2020 (log-probability of whole choices, and by length as lm-evaluation-harness's acc_norm); Brier 1950; Naeini et al. 2015
 * (ECE). A tie of the best counts 1 / (number of the best).
 */
export function scoreChoices(questions: readonly ScoredChoices[]): ChoiceScores | null {
  if (questions.length === 0) return null;
  const bins = Array.from({ length: BINS }, () => ({ confidence: 0, right: 0 }));
  const [right, rightByLength, brier]: number[][] = [[], [], []];
  for (const { correct, logps, bytes } of questions) {
    const probabilities = softmax(logps);
    const confidence = Math.max(...probabilities);
    const hit = shareOfBest(logps, correct);
    right!.push(hit);
    rightByLength!.push(
      shareOfBest(
        logps.map((value, i) => value / Math.max(1, bytes[i]!)),
        correct,
      ),
    );
    brier!.push(probabilities.reduce((sum, p, i) => sum + (p - Number(i === correct)) ** 2, 0));
    const bin = bins[Math.min(BINS - 1, Math.floor(confidence * BINS))]!;
    bin.confidence += confidence;
    bin.right += hit;
  }
  return {
    questions: questions.length,
    accuracy: shareEstimate(total(right!), questions.length)!,
    accuracyByLength: shareEstimate(total(rightByLength!), questions.length)!,
    brier: meanEstimate(brier!)!,
    // Each bin's gap times its share: the counts cancel.
    calibrationError:
      bins.reduce((sum, { confidence, right: hits }) => sum + Math.abs(confidence - hits), 0) / questions.length,
  };
}

function total(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

function shareOfBest(values: readonly number[], index: number): number {
  const best = Math.max(...values);
  return values[index] === best ? 1 / values.filter((value) => value === best).length : 0;
}

function softmax(logps: readonly number[]): number[] {
  const most = Math.max(...logps);
  const weights = logps.map((value) => Math.exp(value - most));
  const sum = total(weights);
  return weights.map((value) => value / sum);
}

/** How a free answer compares with the known ones, after normalisation. */
export interface FreeScore {
  /** It is one of them. */
  readonly exact: boolean;
  /** One of them stands in it, as whole words. */
  readonly contains: boolean;
}

/** Scores a free answer. Source: Rajpurkar et al. 2016 (SQuAD) for the normalisation: case, punctuation, articles and spaces do not count. */
export function scoreFree(answer: string, known: readonly string[]): FreeScore {
  const given = normalised(answer);
  const wanted = known.map(normalised).filter((text) => text !== '');
  return {
    exact: wanted.includes(given),
    contains: wanted.some((text) => ` ${given} `.includes(` ${text} `)),
  };
}

function normalised(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\s]/gu, ' ')
    .replaceAll(/\b(?:a|an|the)\b/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
