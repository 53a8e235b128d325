import type {
  CompletionRow,
  PairRow,
  RankingRow,
  TokenizedCompletion,
  TokenizedPair,
  TokenizedRanking,
  TokenizedUnpaired,
  UnpairedRow,
} from '../row.ts';
import type { DropReason, SideNotes } from '../tokens/tokenize-answer.ts';
import type { LostText } from './lost-text.ts';
import type { RowScan } from './scan-row.ts';
import type { TextUse } from './text-turns.ts';

/** A row in tokens with what happened on the way, or why it is dropped. */
export type TokenizedRow<T> =
  | {
      readonly kind: 'kept';
      readonly rows: readonly T[];
      readonly notes: readonly SideNotes[];
      /** What of the model's own marks is written out in the row's texts. */
      readonly scan: RowScan;
      /** Of a ranking: the answers that are left out since a better one has the same ids. */
      readonly leftOut?: number;
      /** Of a row of texts: what became of them; undefined for conversations. */
      readonly texts?: TextUse;
      /** White space at the ends of its answers is left out. */
      readonly isTrimmed?: true;
    }
  | DroppedRow;

export interface DroppedRow {
  readonly kind: 'dropped';
  readonly reason: DropReason;
  /** What the template or the tokenizer left out of the answers. */
  readonly lost: readonly LostText[];
}

export interface RowTokenizer {
  /**
   * Of an answer of several turns the assistant's are scored: their text and what ends the turn, not what opens it.
   * Throws bad-input when the chat template fails or is missing.
   */
  pair(row: PairRow): TokenizedRow<TokenizedPair>;
  /**
   * Of a conversation that was given whole every turn of the assistant is scored, unless it says that it is not to be learned.
   *
   * A plain text (empty prompt) longer than maxLength becomes blocks: each starts with the last token of the one before, so that
   * every token but the text's first is predicted exactly once. Their ids are id, id/2, id/3, ... Others are truncated.
   */
  completion(row: CompletionRow): TokenizedRow<TokenizedCompletion>;
  /** One answer with its label. Never cut into blocks: its label is about the whole answer. */
  unpaired(row: UnpairedRow): TokenizedRow<TokenizedUnpaired>;
  /** The answers of a row, which stand best first. An answer whose ids a better one has is left out; two must remain. */
  ranking(row: RankingRow): TokenizedRow<TokenizedRanking>;
}

/** A row in tokens before its texts are looked through. */
export type Unscanned<T> = Omit<TokenizedRow<T> & { readonly kind: 'kept' }, 'scan'> | DroppedRow;

/** As RowTokenizer, before the texts of rows are looked through. */
export interface UnscannedTokenizer {
  pair(row: PairRow): Unscanned<TokenizedPair>;
  completion(row: CompletionRow): Unscanned<TokenizedCompletion>;
  unpaired(row: UnpairedRow): Unscanned<TokenizedUnpaired>;
  ranking(row: RankingRow): Unscanned<TokenizedRanking>;
}
