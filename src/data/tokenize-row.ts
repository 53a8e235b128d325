import type { Tokenizer } from '../tokenizer/index.ts';
import { createSideRenderer } from './render-row.ts';
import type { CompletionRow, Content, JudgementRow, PreferenceRow, TokenizedCompletion, TokenizedPair } from './row.ts';
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
  pair(row: PreferenceRow): TokenizedRow<TokenizedPair>;
  /**
   * A plain text (empty prompt) longer than maxLength becomes blocks: each starts with the last token of the one before, so that
   * every token but the text's first is predicted exactly once. Their ids are id, id/2, id/3, ... Others are truncated.
   */
  completion(row: CompletionRow | JudgementRow): TokenizedRow<TokenizedCompletion>;
}

export function createRowTokenizer(tokenizer: Tokenizer, truncation: TruncationOptions): RowTokenizer {
  const renderer = createSideRenderer(tokenizer);
  const sides = createSideTokenizer(tokenizer);
  const stops = new Set(tokenizer.stopIds);
  type Row = PreferenceRow | CompletionRow | JudgementRow;
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
      const side = tokenize(row, row.completion);
      const { maxLength } = truncation;
      if (row.prompt === '') {
        const { answer } = side.ids;
        if (answer.length < 2) return { kind: 'dropped', reason: 'no-answer-tokens' };
        const whole: TruncatedSide = { prompt: [], answer, promptCut: false, answerCut: false };
        return { kind: 'kept', rows: blocksOf(row.id, answer, maxLength), notes: [notesOf('completion', side, whole)] };
      }
      const cut = truncateSide(side.ids, truncation);
      if (cut === undefined) return { kind: 'dropped', reason: 'prompt-too-long' };
      if (!isScored(cut)) return { kind: 'dropped', reason: 'no-answer-tokens' };
      const completion: TokenizedCompletion = {
        id: row.id,
        prompt: Int32Array.from(cut.prompt),
        completion: Int32Array.from(cut.answer),
        ...(cut.mask && { completionMask: Int32Array.from(cut.mask) }),
      };
      return { kind: 'kept', rows: [completion], notes: [notesOf('completion', side, cut)] };
    },
  };
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
