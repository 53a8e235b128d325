import type { Tokenizer } from '../../tokenizer/index.ts';
import type { AnsweredRow } from '../tokens/tokenize-answer.ts';
import type { RowTokenizer, TokenizedRow, Unscanned, UnscannedTokenizer } from './row-tokenizer.ts';
import { createRowScanner, type ScannedRow } from './scan-row.ts';

/** A row tokenizer that looks for the model's own marks in the texts of every row that it keeps. */
export function scanningRows(tokenizer: Tokenizer, rows: UnscannedTokenizer): RowTokenizer {
  const scan = createRowScanner(tokenizer);
  const scanned = <T>(row: AnsweredRow, answers: ScannedRow['answers'], result: Unscanned<T>): TokenizedRow<T> => {
    if (result.kind === 'dropped') return result;
    const { prompt, tools, templateVariables } = row;
    const { kind, rows: tokenized, notes, leftOut } = result;
    const kept = { kind, rows: tokenized, notes, scan: scan({ prompt, answers, tools, templateVariables }) };
    return leftOut === undefined ? kept : { ...kept, leftOut };
  };
  return {
    pair: (row) => {
      const { chosen, rejected } = row;
      return scanned(
        row,
        [
          ['chosen', chosen],
          ['rejected', rejected],
        ],
        rows.pair(row),
      );
    },
    completion: (row) => scanned(row, [['completion', row.completion]], rows.completion(row)),
    unpaired: (row) => scanned(row, [['completion', row.completion]], rows.unpaired(row)),
    ranking: (row) => {
      const answers = row.answers.map(({ content }, index) => [`answers.${index}`, content] as const);
      return scanned(row, answers, rows.ranking(row));
    },
  };
}
