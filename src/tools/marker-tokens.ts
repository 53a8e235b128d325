import type { Tokenizer } from '../tokenizer/index.ts';
import { markersOf, type ToolFormat } from './format.ts';
import type { ReasoningFormat } from './reasoning.ts';

/** The special tokens of a model, as reading and holding its calls needs them. */
export interface MarkerTokens {
  /** Special tokens that are marks of calls or thoughts, with their spellings: they must stay in the text that is read. */
  readonly kept: ReadonlyMap<number, string>;
  /** The ids of all special tokens by their spellings, for `toolGrammar`. */
  readonly special: ReadonlyMap<string, number>;
}

/** The special tokens of a tokenizer, and which of them are marks of these formats. Tokens that end an answer are never marks. */
export function markerTokens(
  { addedTokens, stopIds }: Pick<Tokenizer, 'addedTokens' | 'stopIds'>,
  format: ToolFormat | undefined,
  reasoning: ReasoningFormat | undefined,
): MarkerTokens {
  const marks = [
    ...(format === undefined ? [] : markersOf(format)),
    ...(reasoning === undefined ? [] : [reasoning.open, reasoning.close]),
  ];
  const stops = new Set(stopIds);
  const special = addedTokens.filter((token) => token.special && token.content !== '' && !stops.has(token.id));
  const kept = special.filter((token) => marks.some((mark) => mark.includes(token.content)));
  return {
    kept: new Map(kept.map((token) => [token.id, token.content])),
    special: new Map(special.map((token) => [token.content, token.id])),
  };
}
