import type { Content, PairRow, RankingRow, RowOrigin } from '../row.ts';
import type { RowTokenizer, TokenizedRow } from './row-tokenizer.ts';
import type { TextParts, TextUse, TurnedTexts } from './text-turns.ts';

/** What becomes of texts: createTextTurns, or one answer for all. */
type TurnTexts = (parts: TextParts) => TurnedTexts | { readonly use: Exclude<TextUse, 'turns'> };

interface AnsweredTexts {
  readonly prompt: Content;
  readonly origin: RowOrigin;
  readonly isTextStart?: true;
}

/** A row tokenizer that is given rows of texts as `turn` has them, and says of each what became of it. Conversations pass as they are. */
export function turningTexts(rows: RowTokenizer, turn: TurnTexts): RowTokenizer {
  /** `write` puts the answers into the row again. */
  const turned = <R extends AnsweredTexts, T>(
    row: R,
    answers: readonly Content[],
    options: {
      readonly write: (answers: readonly Content[]) => Partial<R>;
      readonly tokenize: (row: R) => TokenizedRow<T>;
    },
  ): TokenizedRow<T> => {
    const { write, tokenize } = options;
    const { prompt, isTextStart: isStart } = row;
    if (typeof prompt !== 'string' || !answers.every((answer) => typeof answer === 'string')) return tokenize(row);
    const texts = turn({ prompt, answers, isStart });
    if (texts.use !== 'turns') return said(tokenize(row), texts.use);
    const { isTrimmed, endWritten } = texts;
    return said(tokenize({ ...row, prompt: texts.prompt, ...write(texts.answers) }), 'turns', {
      isTrimmed,
      endWritten,
    });
  };
  const single = { write: ([completion]: readonly Content[]) => ({ completion: completion! }) };
  return {
    pair: (row) =>
      turned(row, [row.chosen, row.rejected], {
        write: ([chosen, rejected]): Partial<PairRow> => ({ chosen: chosen!, rejected: rejected! }),
        tokenize: rows.pair,
      }),
    completion(row) {
      if (row.prompt === '' && typeof row.completion === 'string') return said(rows.completion(row), 'plain');
      return turned(row, [row.completion], { ...single, tokenize: rows.completion });
    },
    unpaired: (row) => turned(row, [row.completion], { ...single, tokenize: rows.unpaired }),
    ranking: (row) =>
      turned(
        row,
        row.answers.map(({ content }) => content),
        {
          write: (contents): Partial<RankingRow> => ({
            answers: row.answers.map((one, index) => ({ ...one, content: contents[index]! })),
          }),
          tokenize: rows.ranking,
        },
      ),
  };
}

function said<T>(
  row: TokenizedRow<T>,
  texts: TextUse,
  { isTrimmed = false, endWritten = false }: { readonly isTrimmed?: boolean; readonly endWritten?: boolean } = {},
): TokenizedRow<T> {
  if (row.kind === 'dropped') return row;
  const scan = endWritten ? { ...row.scan, endWritten } : row.scan;
  return { ...row, texts, scan, ...(isTrimmed && { isTrimmed }) };
}
