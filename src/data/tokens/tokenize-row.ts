import type { Tokenizer } from '../../tokenizer/index.ts';
import { createSideRenderer } from './render-row.ts';
import type {
  CompletionRow,
  Content,
  UnpairedRow,
  PairRow,
  RankingRow,
  TokenizedAnswer,
  TokenizedCompletion,
  TokenizedUnpaired,
  TokenizedRanking,
  TokenizedPair,
} from '../row.ts';
import { createSideTokenizer, type TokenizedSide } from './tokenize-side.ts';
import { truncateSide, type TruncatedSide, type TruncationOptions } from './truncate.ts';

/** Why a valid row has no tokens to train on. */
export type DropReason =
  /** The prompt alone fills maxLength. */
  | 'prompt-too-long'
  /** An answer has no token, or a text only one, which nothing predicts. */
  | 'no-answer-tokens'
  /** Both sides have the same ids, usually because truncation cut what differed. */
  | 'identical-tokens';

export type SideName = 'chosen' | 'rejected' | 'completion';

/** What happened to one side on its way to tokens. */
export interface SideNotes extends Omit<TokenizedSide, 'prompt' | 'answer' | 'mask'> {
  readonly side: SideName;
  readonly templateDiffers: boolean;
  readonly promptCut: boolean;
  readonly answerCut: boolean;
  /** A stop token stands before the end of the answer: several turns, or a text that spells one. */
  readonly stopInside: boolean;
}

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
   * A plain text (empty prompt) longer than maxLength becomes blocks: each starts with the last token of the one before, so that
   * every token but the text's first is predicted exactly once. Their ids are id, id/2, id/3, ... Others are truncated.
   */
  completion(row: CompletionRow): TokenizedRow<TokenizedCompletion>;
  /** One answer with its label. Never cut into blocks: its label is about the whole answer. */
  unpaired(row: UnpairedRow): TokenizedRow<TokenizedUnpaired>;
  /** The answers of a row, which stand best first. An answer whose ids a better one has is left out; two must remain. */
  ranking(row: RankingRow): TokenizedRow<TokenizedRanking>;
}

export function createRowTokenizer(tokenizer: Tokenizer, truncation: TruncationOptions): RowTokenizer {
  const renderer = createSideRenderer(tokenizer);
  const sides = createSideTokenizer(tokenizer);
  const stops = new Set(tokenizer.stopIds);
  type Row = PairRow | CompletionRow | UnpairedRow | RankingRow;
  const tokenize = (row: Row, answer: Content): { ids: TokenizedSide; templateDiffers: boolean } => {
    const rendered = renderer.render(row.prompt, answer, row);
    return { ids: sides.tokenize(rendered), templateDiffers: rendered.templateDiffers };
  };
  const notesOf = (
    side: SideName,
    { ids, templateDiffers }: ReturnType<typeof tokenize>,
    cut: TruncatedSide,
  ): SideNotes => {
    const { prompt: _prompt, answer: _answer, mask: _mask, ...flags } = ids;
    const { promptCut, answerCut } = cut;
    const stopInside = cut.answer.slice(0, -1).some((id) => stops.has(id));
    return { ...flags, side, templateDiffers, promptCut, answerCut, stopInside };
  };
  /** A side as one completion, or why it cannot be trained on. */
  const single = (row: Row, content: Content): SingleAnswer | DropReason => {
    const side = tokenize(row, content);
    const cut = truncateSide(side.ids, truncation);
    if (cut === undefined) return 'prompt-too-long';
    if (!isScored(cut)) return 'no-answer-tokens';
    const { prompt, answer, mask } = cut;
    return {
      answer: {
        prompt: Int32Array.from(prompt),
        ids: Int32Array.from(answer),
        ...(mask && { mask: Int32Array.from(mask) }),
      },
      notes: notesOf('completion', side, cut),
    };
  };
  return {
    pair(row) {
      const chosen = tokenize(row, row.chosen);
      const rejected = tokenize(row, row.rejected);
      const chosenCut = truncateSide(chosen.ids, truncation);
      const rejectedCut = truncateSide(rejected.ids, truncation);
      if (chosenCut === undefined || rejectedCut === undefined) return { kind: 'dropped', reason: 'prompt-too-long' };
      if (!isScored(chosenCut) || !isScored(rejectedCut)) return { kind: 'dropped', reason: 'no-answer-tokens' };
      const samePrompt = sameIds(chosenCut.prompt, rejectedCut.prompt);
      if (samePrompt && sameIds(chosenCut.answer, rejectedCut.answer))
        return { kind: 'dropped', reason: 'identical-tokens' };
      const pair: TokenizedPair = {
        id: row.id,
        prompt: Int32Array.from(chosenCut.prompt),
        chosen: Int32Array.from(chosenCut.answer),
        rejected: Int32Array.from(rejectedCut.answer),
        ...(!samePrompt && { rejectedPrompt: Int32Array.from(rejectedCut.prompt) }),
        ...(chosenCut.mask && { chosenMask: Int32Array.from(chosenCut.mask) }),
        ...(rejectedCut.mask && { rejectedMask: Int32Array.from(rejectedCut.mask) }),
      };
      const notes = [notesOf('chosen', chosen, chosenCut), notesOf('rejected', rejected, rejectedCut)];
      return { kind: 'kept', rows: [pair], notes };
    },
    completion(row) {
      if (row.prompt === '') {
        const side = tokenize(row, row.completion);
        const { answer } = side.ids;
        if (answer.length < 2) return { kind: 'dropped', reason: 'no-answer-tokens' };
        const whole: TruncatedSide = { prompt: [], answer, promptCut: false, answerCut: false };
        return {
          kind: 'kept',
          rows: blocksOf(row.id, answer, truncation.maxLength),
          notes: [notesOf('completion', side, whole)],
        };
      }
      const one = single(row, row.completion);
      if (typeof one === 'string') return { kind: 'dropped', reason: one };
      return { kind: 'kept', rows: [completionOf(row.id, one.answer)], notes: [one.notes] };
    },
    unpaired(row) {
      const one = single(row, row.completion);
      if (typeof one === 'string') return { kind: 'dropped', reason: one };
      // The first token of a text without prompt is predicted by nothing.
      if (one.answer.prompt.length === 0 && one.answer.ids.length < 2)
        return { kind: 'dropped', reason: 'no-answer-tokens' };
      const unpaired = { ...completionOf(row.id, one.answer), label: row.label ? (1 as const) : (0 as const) };
      return { kind: 'kept', rows: [unpaired], notes: [one.notes] };
    },
    ranking(row) {
      const found = row.answers.map(({ content }) => single(row, content));
      const reason = found.find((one) => typeof one === 'string');
      if (reason !== undefined) return { kind: 'dropped', reason };
      const seen = new Set<string>();
      const isNew = ({ answer }: SingleAnswer): boolean => {
        const key = `${answer.prompt.join()};${answer.ids.join()}`;
        return !seen.has(key) && seen.add(key) !== undefined;
      };
      const kept = (found as readonly SingleAnswer[]).filter(isNew);
      if (kept.length < 2) return { kind: 'dropped', reason: 'identical-tokens' };
      const answers = kept.map(({ answer }) => answer);
      const list = { id: row.id, prompt: answers[0]!.prompt, answers };
      return { kind: 'kept', rows: [list], notes: kept.map(({ notes }) => notes) };
    },
  };
}

interface SingleAnswer {
  readonly answer: TokenizedAnswer;
  readonly notes: SideNotes;
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

function isScored({ answer, mask }: TruncatedSide): boolean {
  return mask === undefined ? answer.length > 0 : mask.includes(1);
}

function sameIds(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, index) => id === b[index]);
}
