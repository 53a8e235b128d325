import type { Tokenizer } from '../../tokenizer/index.ts';
import type { RenderedSide } from './render-row.ts';

/** A prompt and one answer in ids, and what had to be done to them. */
export interface TokenizedSide {
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
  /** [length of answer] 1 = the assistant's, scored; only where the answer has several turns. */
  readonly mask?: readonly number[];
  /** A token of the joint text reaches over the boundary, so the cut is before it and its text is scored. */
  readonly boundaryMoved: boolean;
  /** The answer ends with no token that stops generation, and none could be added. */
  readonly noStopToken: boolean;
  /** EOS was added behind a plain text. */
  readonly stopAppended: boolean;
  /** Stop tokens and white space behind the first of the closing stop tokens were removed. */
  readonly tailRemoved: number;
  /** BOS stood more than once at the start, and stands once now. */
  readonly duplicatedBos: boolean;
  /** The ids open with BOS. */
  readonly hasBos: boolean;
}

/** Turns rendered sides into ids; holds what is learnt once about a tokenizer. */
export interface SideTokenizer {
  tokenize(side: RenderedSide): TokenizedSide;
}

/** How many tokens behind the common ones are looked at for a later cut; a merge reaches over a few. */
const MAX_REALIGNED_TOKENS = 64;

/**
 * The boundary rule: the whole text is tokenised once, as the model will read it, and so is the prompt's text alone. Where the
 * prompt's ids open the whole's ids, the rest is the answer. Where a merge reaches over the boundary, the whole's ids
 * are kept and cut at the last token that ends at or before the boundary. So prompt + answer is always the tokenisation of
 * the whole text.
 *
 * BOS: plain text gets what the tokenizer adds in front; rendered text gets nothing, the template decides (as Transformers has
 * it). Doubled BOS becomes one. Stop: an answer ends after the first stop token of its closing run of stop tokens and white
 * space (a template's line end after <|im_end|> is not scored); plain text without one gets EOS.
 */
export function createSideTokenizer(tokenizer: Tokenizer): SideTokenizer {
  const { bosId, eosId } = tokenizer;
  const stops = new Set(tokenizer.stopIds);
  if (eosId !== undefined) stops.add(eosId);
  const prefix = idsInFront(tokenizer);
  const isBlank = createBlankTest(tokenizer);
  const encode = (text: string, fromTemplate: boolean): { ids: number[]; doubled: boolean } => {
    const ids = tokenizer.encode(text, { addSpecialTokens: false });
    if (!fromTemplate) ids.unshift(...prefix);
    const opening = bosId === undefined ? 0 : ids.findIndex((id) => id !== bosId);
    const doubled = opening > 1 || (opening < 0 && ids.length > 1);
    return { ids: doubled ? ids.slice(opening < 0 ? -1 : opening - 1) : ids, doubled };
  };
  /** The prompt's ids of the last side: the other side of a pair nearly always asks for the same. */
  let lastPrompt: { readonly text: string; readonly fromTemplate: boolean; readonly ids: number[] } | undefined;
  const promptIds = (text: string, fromTemplate: boolean): readonly number[] => {
    if (lastPrompt?.text !== text || lastPrompt.fromTemplate !== fromTemplate)
      lastPrompt = { text, fromTemplate, ids: encode(text, fromTemplate).ids };
    return lastPrompt.ids;
  };
  return {
    tokenize({ text, boundary, fromTemplate, assistantSpans }) {
      const { ids, doubled } = encode(text, fromTemplate);
      const prompt = boundary === 0 ? [] : promptIds(text.slice(0, boundary), fromTemplate);
      const cut = boundary === 0 ? 0 : cutOf(tokenizer, ids, prompt);
      const answer = ids.slice(cut);
      const length = answer.length;
      const kept = closingStop(answer, stops, isBlank);
      if (kept !== undefined) answer.length = kept;
      const edge = (offset: number): number =>
        offset === text.length ? ids.length : cutOf(tokenizer, ids, encode(text.slice(0, offset), fromTemplate).ids);
      const spans = assistantSpans?.map(([start, end]) => [edge(start) - cut, edge(end) - cut] as const);
      const mask = spans && maskOf(answer, spans, (turn) => closingStop(turn, stops, isBlank));
      const stopAppended = kept === undefined && !fromTemplate && eosId !== undefined && length > 0;
      if (stopAppended) answer.push(eosId);
      return {
        prompt: ids.slice(0, cut),
        answer,
        ...(mask && { mask }),
        boundaryMoved: !isPrefix(prompt, ids),
        noStopToken: kept === undefined && !stopAppended,
        stopAppended,
        tailRemoved: kept === undefined ? 0 : length - kept,
        duplicatedBos: doubled,
        hasBos: bosId !== undefined && ids[0] === bosId,
      };
    },
  };
}

/** Whether a token is white space alone; remembers what it has seen. */
export function createBlankTest(tokenizer: Tokenizer): (id: number) => boolean {
  const blanks = new Map<number, boolean>();
  return (id) => {
    let blank = blanks.get(id);
    if (blank === undefined) blanks.set(id, (blank = tokenizer.decode([id]).trim() === ''));
    return blank;
  };
}

/** [length of answer] 1 for the tokens of the spans, each up to its closing stop token where it has one. */
function maskOf(
  answer: readonly number[],
  spans: readonly (readonly [start: number, end: number])[],
  lengthToStop: (turn: readonly number[]) => number | undefined,
): number[] {
  const mask = answer.map(() => 0);
  for (const [start, end] of spans) {
    const turn = answer.slice(start, end);
    mask.fill(1, start, start + (lengthToStop(turn) ?? turn.length));
  }
  return mask;
}

/** What the tokenizer's own post-processor puts in front of a text, found by comparing a text with and without it. */
function idsInFront(tokenizer: Tokenizer): readonly number[] {
  const plain = tokenizer.encode('a', { addSpecialTokens: false });
  const special = tokenizer.encode('a');
  for (let start = 0; start + plain.length <= special.length; start++) {
    if (plain.every((id, index) => id === special[start + index])) return special.slice(0, start);
  }
  return [];
}

function isPrefix(prompt: readonly number[], ids: readonly number[]): boolean {
  return prompt.length <= ids.length && prompt.every((id, index) => id === ids[index]);
}

/** How many ids of the whole belong to the prompt, whose ids on its own are `prompt`. */
function cutOf(tokenizer: Tokenizer, ids: readonly number[], prompt: readonly number[]): number {
  let common = 0;
  while (common < prompt.length && common < ids.length && prompt[common] === ids[common]) common++;
  if (common === prompt.length) return common;
  // Further tokens may still end before the boundary where only their division differs. Texts are compared behind the
  // common ids; a token that holds part of a character decodes to U+FFFD and so never matches.
  const promptRest = tokenizer.decode(prompt.slice(common));
  for (let end = Math.min(ids.length, common + MAX_REALIGNED_TOKENS); end > common; end--) {
    const text = tokenizer.decode(ids.slice(common, end));
    if (text.length > 0 && !text.endsWith('\ufffd') && promptRest.startsWith(text)) return end;
  }
  return common;
}

/**
 * The length of the answer up to and with the first stop token of the run of stop tokens and white space that closes it;
 * undefined when no stop token closes it.
 */
export function closingStop(
  answer: readonly number[],
  stops: ReadonlySet<number>,
  isBlank: (id: number) => boolean,
): number | undefined {
  let kept: number | undefined;
  for (let index = answer.length - 1; index >= 0; index--) {
    const id = answer[index]!;
    if (stops.has(id)) kept = index + 1;
    else if (!isBlank(id)) break;
  }
  return kept;
}
