import type { Tokenizer } from '../../tokenizer/index.ts';
import type {
  CompletionRow,
  UnpairedRow,
  PairRow,
  RankingRow,
  TokenizedAnswer,
  TokenizedCompletion,
  TokenizedUnpaired,
  TokenizedRanking,
  TokenizedPair,
} from '../row.ts';
import {
  createAnswerTokenizer,
  isScored,
  type AnswerTokenizer,
  type DropReason,
  type SideNotes,
  type SingleAnswer,
} from './tokenize-answer.ts';
import { fromFirstTrained, hasTrained } from './trained-turns.ts';
import type { TruncatedSide, TruncationOptions } from './truncate.ts';

/** A row in tokens with what happened on the way, or why it is dropped. */
export type TokenizedRow<T> =
  | { readonly kind: 'kept'; readonly rows: readonly T[]; readonly notes: readonly SideNotes[] }
  | { readonly kind: 'dropped'; readonly reason: DropReason };

export interface RowTokenizer {
  /**
   * Of an answer of several turns the assistant's are scored: their text and what ends the turn, not what opens it.
   * Throws bad-input when the chat template fails or is missing.
   */
  pair(row: PairRow): TokenizedRow<TokenizedPair>;
  /**
   * Of a conversation that was given whole every turn of the assistant is scored, unless it says that it is not to be learned.
   *
   * A plain text (empty prompt) longer than maxLength becomes blocks: each starts with the last token of the one before, so that
   * every token but the text's first is predicted exactly once. Their ids are id, id/2, id/3, ... Others are truncated.
   */
  completion(row: CompletionRow): TokenizedRow<TokenizedCompletion>;
  /** One answer with its label. Never cut into blocks: its label is about the whole answer. */
  unpaired(row: UnpairedRow): TokenizedRow<TokenizedUnpaired>;
  /** The answers of a row, which stand best first. An answer whose ids a better one has is left out; two must remain. */
  ranking(row: RankingRow): TokenizedRow<TokenizedRanking>;
}

export interface RowTokenizerOptions extends TruncationOptions {
  /** Of a conversation that was given whole, only the last turn is the completion, not every turn of the assistant. */
  readonly lastTurnOnly?: boolean;
}

export function createRowTokenizer(tokenizer: Tokenizer, options: RowTokenizerOptions): RowTokenizer {
  const { lastTurnOnly = false, ...truncation } = options;
  const answers = createAnswerTokenizer(tokenizer, truncation);
  return {
    pair: (row) => tokenizePair(row, answers),
    completion: (row) =>
      row.prompt === ''
        ? tokenizePlainText(row, answers, truncation.maxLength)
        : tokenizeCompletion(row, answers, lastTurnOnly),
    unpaired: (row) => tokenizeUnpaired(row, answers),
    ranking: (row) => tokenizeRanking(row, answers),
  };
}

function dropped(reason: DropReason): { readonly kind: 'dropped'; readonly reason: DropReason } {
  return { kind: 'dropped', reason };
}

function tokenizePair(row: PairRow, answers: AnswerTokenizer): TokenizedRow<TokenizedPair> {
  const chosen = answers.tokenize(row, row.chosen);
  const rejected = answers.tokenize(row, row.rejected);
  const chosenCut = answers.cut(chosen);
  const rejectedCut = answers.cut(rejected);
  if (chosenCut === undefined || rejectedCut === undefined) return dropped('prompt-too-long');
  if (!isScored(chosenCut) || !isScored(rejectedCut)) return dropped('no-answer-tokens');
  const samePrompt = sameIds(chosenCut.prompt, rejectedCut.prompt);
  if (samePrompt && sameIds(chosenCut.answer, rejectedCut.answer)) return dropped('identical-tokens');
  const pair: TokenizedPair = {
    id: row.id,
    prompt: Int32Array.from(chosenCut.prompt),
    chosen: Int32Array.from(chosenCut.answer),
    rejected: Int32Array.from(rejectedCut.answer),
    ...(!samePrompt && { rejectedPrompt: Int32Array.from(rejectedCut.prompt) }),
    ...(chosenCut.mask && { chosenMask: Int32Array.from(chosenCut.mask) }),
    ...(rejectedCut.mask && { rejectedMask: Int32Array.from(rejectedCut.mask) }),
  };
  const notes = [answers.notesOf('chosen', chosen, chosenCut), answers.notesOf('rejected', rejected, rejectedCut)];
  return { kind: 'kept', rows: [pair], notes };
}

function tokenizePlainText(
  row: CompletionRow,
  answers: AnswerTokenizer,
  maxLength: number | undefined,
): TokenizedRow<TokenizedCompletion> {
  const side = answers.tokenize(row, row.completion);
  const { answer } = side.ids;
  if (answer.length < 2) return dropped('no-answer-tokens');
  const whole: TruncatedSide = { prompt: [], answer, promptCut: false, answerCut: false };
  return {
    kind: 'kept',
    rows: blocksOf(row.id, answer, maxLength),
    notes: [answers.notesOf('completion', side, whole)],
  };
}

function tokenizeCompletion(
  given: CompletionRow,
  answers: AnswerTokenizer,
  lastTurnOnly: boolean,
): TokenizedRow<TokenizedCompletion> {
  const row =
    given.isWhole && !lastTurnOnly ? fromFirstTrained(given) : hasTrained(given.completion) ? given : undefined;
  if (row === undefined) return dropped('no-answer-tokens');
  const one = answers.single(row, row.completion);
  if (typeof one === 'string') return dropped(one);
  return { kind: 'kept', rows: [completionOf(row.id, one.answer)], notes: [one.notes] };
}

function tokenizeUnpaired(row: UnpairedRow, answers: AnswerTokenizer): TokenizedRow<TokenizedUnpaired> {
  const one = answers.single(row, row.completion);
  if (typeof one === 'string') return dropped(one);
  // The first token of a text without prompt is predicted by nothing.
  if (one.answer.prompt.length === 0 && one.answer.ids.length < 2) return dropped('no-answer-tokens');
  const unpaired = { ...completionOf(row.id, one.answer), label: row.label ? (1 as const) : (0 as const) };
  return { kind: 'kept', rows: [unpaired], notes: [one.notes] };
}

function tokenizeRanking(row: RankingRow, answers: AnswerTokenizer): TokenizedRow<TokenizedRanking> {
  const found = row.answers.map(({ content }) => answers.single(row, content));
  const reason = found.find((one) => typeof one === 'string');
  if (reason !== undefined) return dropped(reason);
  const seen = new Set<string>();
  const isNew = ({ answer }: SingleAnswer): boolean => {
    const key = `${answer.prompt.join()};${answer.ids.join()}`;
    return !seen.has(key) && seen.add(key) !== undefined;
  };
  const kept = (found as readonly SingleAnswer[]).filter(isNew);
  if (kept.length < 2) return dropped('identical-tokens');
  const list = { id: row.id, prompt: kept[0]!.answer.prompt, answers: kept.map(({ answer }) => answer) };
  return { kind: 'kept', rows: [list], notes: kept.map(({ notes }) => notes) };
}

function completionOf(id: string, { prompt, ids, mask }: TokenizedAnswer): TokenizedCompletion {
  return { id, prompt, completion: ids, ...(mask && { completionMask: mask }) };
}

function blocksOf(id: string, ids: readonly number[], maxLength = Infinity): TokenizedCompletion[] {
  const blocks: TokenizedCompletion[] = [];
  for (let start = 0; start < ids.length - 1; start += maxLength - 1) {
    const completion = Int32Array.from(ids.slice(start, start + maxLength));
    const blockId = blocks.length === 0 ? id : `${id}/${blocks.length + 1}`;
    blocks.push({ id: blockId, prompt: new Int32Array(0), completion });
  }
  return blocks;
}

function sameIds(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, index) => id === b[index]);
}
