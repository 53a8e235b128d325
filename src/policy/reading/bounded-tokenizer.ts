import { badInput } from '../../core/index.ts';
import { EMBEDDING_NAME, type ModelConfig } from '../../models/index.ts';
import type { Tokenizer } from '../../tokenizer/index.ts';

/**
 * The tokenizer of a model whose embedding has fewer rows than the tokenizer has ids, as where a pad token was added and never trained. Texts that
 * need no such id are read; one that holds such a token is refused with it. The other way round, of rows that fill the embedding up and have no token,
 * which a model may draw all the same, is no text, as in Transformers. Throws bad-input where the model cannot do without: an id that ends or begins texts.
 */
export function boundedTokenizer(tokenizer: Tokenizer, { vocabularySize: rows }: ModelConfig): Tokenizer {
  if (tokenizer.vocabularySize === rows) return tokenizer;
  if (tokenizer.vocabularySize < rows) return withoutTexts(tokenizer, rows);
  const named = (ids: readonly number[]): string => ids.map((id) => `${tokenizer.tokenText(id)} (${id})`).join(', ');
  const needed = [...new Set([...tokenizer.stopIds, tokenizer.bosId, tokenizer.eosId])].filter(
    (id) => id !== undefined && id >= rows,
  ) as number[];
  if (needed.length > 0)
    throw badInput(
      `tokenizer: the ids that begin and end texts must be below the ${rows} rows of ${EMBEDDING_NAME}, got ${named(needed)}; resize the model's embedding to its tokenizer, or take the tokenizer that it was trained with`,
    );
  return {
    ...tokenizer,
    encode(text, options) {
      const ids = tokenizer.encode(text, options);
      const beyond = [...new Set(ids.filter((id) => id >= rows))];
      if (beyond.length > 0)
        throw badInput(
          `the text must hold no token behind the ${rows} rows of ${EMBEDDING_NAME}, got ${named(beyond)}; take it out of the text`,
        );
      return ids;
    },
  };
}

function withoutTexts(tokenizer: Tokenizer, rows: number): Tokenizer {
  const hasText = (id: number): boolean => !(Number.isInteger(id) && id >= tokenizer.vocabularySize && id < rows);
  return { ...tokenizer, decode: (ids, options) => tokenizer.decode(Array.from(ids).filter(hasText), options) };
}
