import type { Tokenizer } from '../../tokenizer/index.ts';
import type { CompletionRow, Content, PairRow, RankingRow, TokenizedAnswer, UnpairedRow } from '../row.ts';
import { createSpellingCheck, lostInTemplate, type LostText, type SpellingCheck } from '../row-texts/lost-text.ts';
import { createSideRenderer, type RenderedSide } from './render-row.ts';
import { createSideTokenizer, type TokenizedSide } from './tokenize-side.ts';
import { truncateSide, type TruncatedSide, type TruncationOptions } from './truncate.ts';

/** Why a valid row has no tokens to train on. */
export type DropReason =
  /** The prompt alone fills maxLength. */
  | 'prompt-too-long'
  /** An answer has no token, or a text only one, which nothing predicts. */
  | 'no-answer-tokens'
  /** The template leaves out all of an answer. */
  | 'empty-after-template'
  /** Both sides are the same in the data. */
  | 'identical-sides'
  /** The template writes both sides alike: it leaves out what differs. */
  | 'identical-after-template'
  /** Both texts have the same ids: the tokenizer folds what differs, or it stands behind the end of the answer. */
  | 'identical-after-tokenizer'
  /** Both sides have the same ids since maxLength or maxPromptLength cut what differs. */
  | 'identical-after-cut';

export type SideName = 'chosen' | 'rejected' | 'completion';

/** What happened to one side on its way to tokens. */
export interface SideNotes extends Omit<TokenizedSide, 'prompt' | 'answer' | 'mask'> {
  readonly side: SideName;
  readonly templateDiffers: boolean;
  readonly promptCut: boolean;
  readonly answerCut: boolean;
  /** A stop token stands before the end of a turn of the assistant: its text spells one. */
  readonly stopInside: boolean;
  /** What the template opens the answer with when it asks the model, and no token of the answer has. */
  readonly untrainedOpening?: string;
  readonly lost?: LostText;
}

/** A row of any kind: what stands before its answers. */
export type AnsweredRow = PairRow | CompletionRow | UnpairedRow | RankingRow;

/** A prompt with one of its answers, before anything is cut. */
export interface AnswerSide {
  readonly ids: TokenizedSide;
  /** As the template wrote it. */
  readonly text: string;
  readonly templateDiffers: boolean;
  readonly untrainedOpening?: string;
  /** A piece of the answer that its ids lack. */
  readonly lost?: LostText;
}

/** Why an answer cannot be trained on. */
export interface DroppedAnswer {
  readonly reason: DropReason;
  readonly lost: readonly LostText[];
}

/** An answer by itself, as rows with one answer or several have it. */
export interface SingleAnswer {
  readonly answer: TokenizedAnswer;
  readonly side: AnswerSide;
  readonly notes: SideNotes;
}

/** The tokens of a row's answers, one by one. */
export interface AnswerTokenizer {
  tokenize(row: AnsweredRow, answer: Content): AnswerSide;
  /** Undefined where the prompt alone is too long. */
  cut(side: AnswerSide): TruncatedSide | undefined;
  notesOf(name: SideName, side: AnswerSide, cut: TruncatedSide): SideNotes;
  /** Why what is left of a side cannot be trained on; undefined where it can. */
  refusalOf(side: AnswerSide, cut: TruncatedSide | undefined): DropReason | undefined;
  /** All of it, or why the answer cannot be trained on. */
  single(row: AnsweredRow, answer: Content): SingleAnswer | DroppedAnswer;
}

export function createAnswerTokenizer(tokenizer: Tokenizer, truncation: TruncationOptions): AnswerTokenizer {
  const renderer = createSideRenderer(tokenizer);
  const sides = createSideTokenizer(tokenizer);
  const spelling = createSpellingCheck(tokenizer);
  const stops = new Set(tokenizer.stopIds);
  const tokenize = (row: AnsweredRow, answer: Content): AnswerSide => {
    const rendered = renderer.render(row.prompt, answer, row);
    const ids = sides.tokenize(rendered);
    const { text, templateDiffers, untrainedOpening } = rendered;
    const lost = lostOf(answer, { rendered, ids, spelling });
    return withLosses({ ids, text, templateDiffers }, lost, untrainedOpening);
  };
  const cut = ({ ids }: AnswerSide): TruncatedSide | undefined => truncateSide(ids, truncation);
  const notesOf = (side: SideName, whole: AnswerSide, end: TruncatedSide): SideNotes => {
    const { ids, templateDiffers, untrainedOpening, lost } = whole;
    const { prompt: _prompt, answer: _answer, mask: _mask, ...flags } = ids;
    const { promptCut, answerCut } = end;
    const stopInside = hasStopInside(end, stops);
    const notes = { ...flags, side, templateDiffers, promptCut, answerCut, stopInside };
    return withLosses(notes, lost, untrainedOpening);
  };
  /** The template left out part of an answer, and of the rest the loss would count only what ends it. */
  const isEmptied = ({ lost, ids: { answer, noStopToken } }: AnswerSide): boolean =>
    lost?.by === 'template' && tokenizer.decode(noStopToken ? answer : answer.slice(0, -1)).trim() === '';
  const refusalOf = (side: AnswerSide, end: TruncatedSide | undefined): DropReason | undefined => {
    if (isEmptied(side)) return 'empty-after-template';
    if (end === undefined) return 'prompt-too-long';
    return isScored(end) ? undefined : 'no-answer-tokens';
  };
  return {
    tokenize,
    cut,
    notesOf,
    refusalOf,
    single(row, content) {
      const side = tokenize(row, content);
      const end = cut(side);
      const reason = refusalOf(side, end);
      if (end === undefined || reason !== undefined)
        return { reason: reason ?? 'prompt-too-long', lost: side.lost === undefined ? [] : [side.lost] };
      const { prompt, answer, mask } = end;
      return {
        answer: {
          prompt: Int32Array.from(prompt),
          ids: Int32Array.from(answer),
          ...(mask && { mask: Int32Array.from(mask) }),
        },
        side,
        notes: notesOf('completion', side, end),
      };
    },
  };
}

/** Nearly no side has any of the two, and spreads cost more than all that looks for them. */
function withLosses<T extends object>(
  side: T,
  lost: LostText | undefined,
  untrainedOpening: string | undefined,
): T & Pick<AnswerSide, 'lost' | 'untrainedOpening'> {
  if (lost === undefined && untrainedOpening === undefined) return side;
  return { ...side, ...(lost && { lost }), ...(untrainedOpening !== undefined && { untrainedOpening }) };
}

/** A piece of an answer that its ids lack, and by whom. */
function lostOf(
  answer: Content,
  found: { readonly rendered: RenderedSide; readonly ids: TokenizedSide; readonly spelling: SpellingCheck },
): LostText | undefined {
  const text = lostInTemplate(answer, found.rendered);
  if (text !== undefined) return { by: 'template', text };
  const folded = found.spelling.lost(answer, found.ids);
  return folded === undefined ? undefined : { by: 'tokenizer', text: folded };
}

/** Of an answer of several turns each turn ends with a stop token of its own. The search for few ids is many times faster than a look at each token. */
function hasStopInside({ answer, mask }: TruncatedSide, stops: ReadonlySet<number>): boolean {
  for (const stop of stops)
    for (let at = answer.indexOf(stop); at >= 0 && at < answer.length - 1; at = answer.indexOf(stop, at + 1))
      if (mask === undefined || (mask[at] !== 0 && mask[at + 1] !== 0)) return true;
  return false;
}

/** Whether anything of an answer is left to train on. */
export function isScored({ answer, mask }: TruncatedSide): boolean {
  return mask === undefined ? answer.length > 0 : mask.includes(1);
}
