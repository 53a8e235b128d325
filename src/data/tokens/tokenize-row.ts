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
import type { LostText } from '../row-texts/lost-text.ts';
import type { DroppedRow, RowTokenizer, Unscanned } from '../row-texts/row-tokenizer.ts';
import { scanningRows } from '../row-texts/scanned-rows.ts';
import { createTextTurns, type TextMode } from '../row-texts/text-turns.ts';
import { turningTexts } from '../row-texts/turned-rows.ts';
import { sameJson } from './extract-prompt.ts';
import {
  createAnswerTokenizer,
  type AnswerSide,
  type AnswerTokenizer,
  type DropReason,
  type SingleAnswer,
} from './tokenize-answer.ts';
import { fromFirstTrained, hasTrained } from './trained-turns.ts';
import type { TruncatedSide, TruncationOptions } from './truncate.ts';

export interface RowTokenizerOptions extends TruncationOptions {
  /** How rows of texts become tokens. Default auto: through the chat template where there is one. */
  readonly textRows?: TextMode;
  /** Of a conversation that was given whole, only the last turn is the completion, not every turn of the assistant. */
  readonly lastTurnOnly?: boolean;
}

export function createRowTokenizer(tokenizer: Tokenizer, options: RowTokenizerOptions): RowTokenizer {
  const { lastTurnOnly = false, textRows = 'auto', ...truncation } = options;
  const answers = createAnswerTokenizer(tokenizer, truncation);
  const rows = scanningRows(tokenizer, {
    pair: (row) => tokenizePair(row, answers),
    completion: (row) =>
      row.prompt === ''
        ? tokenizePlainText(row, answers, truncation.maxLength)
        : tokenizeCompletion(row, answers, lastTurnOnly),
    unpaired: (row) => tokenizeUnpaired(row, answers),
    ranking: (row) => tokenizeRanking(row, answers),
  });
  return turningTexts(rows, createTextTurns(tokenizer, textRows));
}

function dropped(reason: DropReason, lost: readonly LostText[] = []): DroppedRow {
  return { kind: 'dropped', reason, lost };
}

function lostOf(...sides: readonly AnswerSide[]): readonly LostText[] {
  return sides.flatMap(({ lost }) => lost ?? []);
}

function tokenizePair(row: PairRow, answers: AnswerTokenizer): Unscanned<TokenizedPair> {
  const chosen = answers.tokenize(row, row.chosen);
  const rejected = answers.tokenize(row, row.rejected);
  const chosenCut = answers.cut(chosen);
  const rejectedCut = answers.cut(rejected);
  const refusal = answers.refusalOf(chosen, chosenCut) ?? answers.refusalOf(rejected, rejectedCut);
  if (refusal !== undefined || chosenCut === undefined || rejectedCut === undefined)
    return dropped(refusal ?? 'prompt-too-long', lostOf(chosen, rejected));
  const samePrompt = sameIds(chosenCut.prompt, rejectedCut.prompt);
  if (samePrompt && sameIds(chosenCut.answer, rejectedCut.answer))
    return dropped(
      sameJson(row.chosen, row.rejected) ? 'identical-sides' : whyAlike(chosen, rejected),
      lostOf(chosen, rejected),
    );
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

/** Why two answers that differ in the data have the same ids. */
function whyAlike(a: AnswerSide, b: AnswerSide): DropReason {
  const isCut = !sameIds(a.ids.answer, b.ids.answer) || !sameIds(a.ids.prompt, b.ids.prompt);
  if (isCut) return 'identical-after-cut';
  return a.text === b.text ? 'identical-after-template' : 'identical-after-tokenizer';
}

function tokenizePlainText(
  row: CompletionRow,
  answers: AnswerTokenizer,
  maxLength: number | undefined,
): Unscanned<TokenizedCompletion> {
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
): Unscanned<TokenizedCompletion> {
  const row =
    given.isWhole && !lastTurnOnly ? fromFirstTrained(given) : hasTrained(given.completion) ? given : undefined;
  if (row === undefined) return dropped('no-answer-tokens');
  const one = answers.single(row, row.completion);
  if ('reason' in one) return dropped(one.reason, one.lost);
  return { kind: 'kept', rows: [completionOf(row.id, one.answer)], notes: [one.notes] };
}

function tokenizeUnpaired(row: UnpairedRow, answers: AnswerTokenizer): Unscanned<TokenizedUnpaired> {
  const one = answers.single(row, row.completion);
  if ('reason' in one) return dropped(one.reason, one.lost);
  // The first token of a text without prompt is predicted by nothing.
  if (one.answer.prompt.length === 0 && one.answer.ids.length < 2) return dropped('no-answer-tokens');
  const unpaired = { ...completionOf(row.id, one.answer), label: row.label ? (1 as const) : (0 as const) };
  return { kind: 'kept', rows: [unpaired], notes: [one.notes] };
}

function tokenizeRanking(row: RankingRow, answers: AnswerTokenizer): Unscanned<TokenizedRanking> {
  const found = row.answers.map(({ content }) => answers.single(row, content));
  const refused = found.find((one) => 'reason' in one);
  if (refused !== undefined) return dropped(refused.reason, refused.lost);
  const all = found as readonly SingleAnswer[];
  const seen = new Set<string>();
  const isNew = ({ answer }: SingleAnswer): boolean => {
    const key = `${answer.prompt.join()};${answer.ids.join()}`;
    return !seen.has(key) && seen.add(key) !== undefined;
  };
  const kept = all.filter(isNew);
  const sides = all.map(({ side }) => side);
  if (kept.length < 2) {
    // What differs in one of them at least decides.
    const [first, ...others] = row.answers.map(({ content }, index) => ({ content, side: sides[index]! }));
    const differing = others.filter(({ content }) => !sameJson(first!.content, content));
    const reasons = differing.map(({ side }) => whyAlike(first!.side, side));
    return dropped(reasons[0] ?? 'identical-sides', lostOf(...sides));
  }
  const list = { id: row.id, prompt: kept[0]!.answer.prompt, answers: kept.map(({ answer }) => answer) };
  const leftOut = all.length - kept.length;
  return { kind: 'kept', rows: [list], notes: kept.map(({ notes }) => notes), ...(leftOut > 0 && { leftOut }) };
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
