import type { Tokenizer } from '../../tokenizer/index.ts';
import type { CompletionRow, Content, PairRow, RankingRow, TokenizedAnswer, UnpairedRow } from '../row.ts';
import { createSideRenderer } from './render-row.ts';
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

/** A row of any kind: what stands before its answers. */
export type AnsweredRow = PairRow | CompletionRow | UnpairedRow | RankingRow;

/** A prompt with one of its answers, before anything is cut. */
export interface AnswerSide {
  readonly ids: TokenizedSide;
  readonly templateDiffers: boolean;
}

/** An answer by itself, as rows with one answer or several have it. */
export interface SingleAnswer {
  readonly answer: TokenizedAnswer;
  readonly notes: SideNotes;
}

/** The tokens of a row's answers, one by one. */
export interface AnswerTokenizer {
  tokenize(row: AnsweredRow, answer: Content): AnswerSide;
  /** Undefined where the prompt alone is too long. */
  cut(side: AnswerSide): TruncatedSide | undefined;
  notesOf(name: SideName, side: AnswerSide, cut: TruncatedSide): SideNotes;
  /** All three, or why the answer cannot be trained on. */
  single(row: AnsweredRow, answer: Content): SingleAnswer | DropReason;
}

export function createAnswerTokenizer(tokenizer: Tokenizer, truncation: TruncationOptions): AnswerTokenizer {
  const renderer = createSideRenderer(tokenizer);
  const sides = createSideTokenizer(tokenizer);
  const stops = new Set(tokenizer.stopIds);
  const tokenize = (row: AnsweredRow, answer: Content): AnswerSide => {
    const rendered = renderer.render(row.prompt, answer, row);
    return { ids: sides.tokenize(rendered), templateDiffers: rendered.templateDiffers };
  };
  const cut = ({ ids }: AnswerSide): TruncatedSide | undefined => truncateSide(ids, truncation);
  const notesOf = (side: SideName, { ids, templateDiffers }: AnswerSide, end: TruncatedSide): SideNotes => {
    const { prompt: _prompt, answer: _answer, mask: _mask, ...flags } = ids;
    const { promptCut, answerCut } = end;
    const stopInside = end.answer.slice(0, -1).some((id) => stops.has(id));
    return { ...flags, side, templateDiffers, promptCut, answerCut, stopInside };
  };
  return {
    tokenize,
    cut,
    notesOf,
    single(row, content) {
      const side = tokenize(row, content);
      const end = cut(side);
      if (end === undefined) return 'prompt-too-long';
      if (!isScored(end)) return 'no-answer-tokens';
      const { prompt, answer, mask } = end;
      return {
        answer: {
          prompt: Int32Array.from(prompt),
          ids: Int32Array.from(answer),
          ...(mask && { mask: Int32Array.from(mask) }),
        },
        notes: notesOf('completion', side, end),
      };
    },
  };
}

/** Whether anything of an answer is left to train on. */
export function isScored({ answer, mask }: TruncatedSide): boolean {
  return mask === undefined ? answer.length > 0 : mask.includes(1);
}
