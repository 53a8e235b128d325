import { bytesOfToken, utf8 } from './byte-level.ts';
import type { Tokenizer } from './tokenizer.ts';

/** A character that only byte-level vocabularies write: the space, U+0100 + 32. */
const BYTE_LEVEL_SPACE = '\u0120';

const BYTE_TOKEN = /^<0x([0-9A-Fa-f]{2})>$/;

/**
 * The UTF-8 bytes that each id adds to a text that has begun; a token may hold a part of a character. undefined for special tokens, which are no part
 * of a text, for ids that add nothing, and where the bytes cannot be told. Linear in the vocabulary: ask once and keep the list.
 *
 * A byte-level vocabulary spells its bytes. In any other one a token is decoded behind another token, so that what a decoder does at the start of a text
 * (SentencePiece drops a space there) changes nothing; a token <0xNN> that is not a character by itself is its byte.
 */
export function tokenBytes(tokenizer: Tokenizer): readonly (Uint8Array | undefined)[] {
  const added = new Map(tokenizer.addedTokens.map((token) => [token.id, token]));
  const spelling = (id: number): string => tokenizer.tokenText(id);
  const ids = Array.from({ length: tokenizer.vocabularySize }, (_, id) => id);
  const plainIds = ids.filter((id) => !added.has(id));

  const spaced = plainIds.find((id) => spelling(id).includes(BYTE_LEVEL_SPACE));
  const isByteLevel = spaced !== undefined && !tokenizer.decode([spaced]).includes(BYTE_LEVEL_SPACE);
  const anchor = plainIds.find((id) => /^[A-Za-z]$/.test(spelling(id)) && tokenizer.decode([id]) === spelling(id));
  const anchorText = anchor === undefined ? '' : tokenizer.decode([anchor]);

  const decoded = (id: number): Uint8Array | undefined => {
    const text = tokenizer.decode(anchor === undefined ? [id] : [anchor, id]);
    const part = text.startsWith(anchorText) ? text.slice(anchorText.length) : '';
    if (!part.includes('\uFFFD') || spelling(id) === '\uFFFD') return utf8(part);
    const byte = BYTE_TOKEN.exec(spelling(id));
    return byte === null ? undefined : Uint8Array.of(Number.parseInt(byte[1]!, 16));
  };

  return ids.map((id) => {
    const token = added.get(id);
    if (token?.special === true) return undefined;
    const bytes = token !== undefined ? utf8(token.content) : isByteLevel ? bytesOfToken(spelling(id)) : decoded(id);
    return bytes === undefined || bytes.length === 0 ? undefined : bytes;
  });
}
