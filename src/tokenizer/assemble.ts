import { badInput } from '../core/index.ts';
import { createSectionSplitter, type AddedToken } from './added-tokens.ts';
import type { TokensToText } from './decode.ts';
import { digestOf } from './identity.ts';
import type { Surround } from './post-process.ts';
import type { ChatTemplate, Tokenizer } from './tokenizer.ts';

/** What the formats' readers hand over; `assembleTokenizer` makes a Tokenizer of it. */
export interface TokenizerParts {
  /** Spellings by id; undefined where an id is not in use. */
  readonly tokens: readonly (string | undefined)[];
  readonly addedTokens: readonly AddedToken[];
  /** Appends the ids of a text without added tokens. `atStart` says that it begins the whole input. */
  readonly encodePlain: (text: string, atStart: boolean, into: number[]) => void;
  readonly decodeTokens: TokensToText;
  readonly surround: Surround;
  readonly special: SpecialIds;
  readonly stopIds: readonly number[];
  readonly chatTemplate: ChatTemplate | undefined;
  /** Everything else that decides ids and rendered text, as JSON. */
  readonly sources: unknown;
}

export interface SpecialIds {
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  readonly padId: number | undefined;
}

/** The Tokenizer of `parts`. Its identity is computed at the first use and then kept. */
export function assembleTokenizer(parts: TokenizerParts): Tokenizer {
  const { tokens, addedTokens, encodePlain, surround, special, stopIds, chatTemplate } = parts;
  const sections = createSectionSplitter(addedTokens.filter((token) => !token.normalized));
  const specialIds = new Set(addedTokens.filter((token) => token.special).map((token) => token.id));
  let identity: string | undefined;

  const spelling = (id: number): string => {
    if (!Number.isInteger(id) || id < 0 || id >= tokens.length) {
      throw badInput(
        `tokenizer: a token id must be an integer from 0 to ${tokens.length - 1}, got ${id}; use the tokenizer that made the ids`,
      );
    }
    return tokens[id] ?? '';
  };

  return {
    vocabularySize: tokens.length,
    ...special,
    stopIds,
    addedTokens,
    chatTemplate,
    get identity() {
      identity ??= digestOf({ sources: parts.sources, special, stopIds, surround });
      return identity;
    },
    encode(text, options) {
      const around = options?.addSpecialTokens !== false;
      const ids = around ? surround.before.slice() : [];
      for (const section of sections(text)) {
        if (section.token === undefined) encodePlain(section.text, section.start === 0, ids);
        else ids.push(section.token.id);
      }
      if (around) ids.push(...surround.after);
      return ids;
    },
    decode(ids, options) {
      const skip = options?.skipSpecialTokens === true;
      const kept = skip ? ids.filter((id) => !specialIds.has(id)) : ids;
      return kept.length === 0 ? '' : parts.decodeTokens(kept.map(spelling));
    },
    tokenText: spelling,
  };
}
