import type { JsonNumber } from '../core/index.ts';
import type { Message } from '../tokenizer/index.ts';

/** Where a row came from, for reports and errors. */
export interface RowOrigin {
  readonly file: string;
  /** 1-based line in a JSONL file; 1-based position in a JSON array. */
  readonly line: number;
}

/** A text, or the turns of a conversation. All three parts of a row are of the same kind. */
export type Content = string | readonly Message[];

/**
 * What a record holds besides its texts, under one name whatever the format calls it. Reliability checks and builders of
 * pairs read it, and conversion writes it where the other format has a place.
 */
export interface RowMeta {
  /** Where the row comes from: a subset, a domain, a data set. */
  readonly source?: string;
  /** Who judged: a person's or a judge model's name. */
  readonly annotator?: string;
  /** As the file has it: seconds or milliseconds since 1970, or a date in text. */
  readonly createdAt?: string | number;
  readonly language?: string;
  /** How much better the chosen answer is, in the file's own unit. */
  readonly margin?: number;
  /** How much the row counts in the loss; 1 when absent. */
  readonly weight?: number;
  readonly chosenModel?: string;
  readonly rejectedModel?: string;
  readonly chosenScore?: number;
  readonly rejectedScore?: number;
  /** Of a row with one answer: who wrote it, and its score. */
  readonly model?: string;
  readonly score?: number;
  /**
   * Numbers above as the file spells them, by name, where JavaScript would spell them otherwise: margin 1.0, a score of more digits
   * than a double holds. Conversion writes these.
   */
  readonly spelled?: Readonly<Record<string, JsonNumber>>;
  /** Every other field of the record, as it stands; numbers that JavaScript would write otherwise are a JsonNumber. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** One preference: which of two answers to a prompt is better. */
export interface PairRow {
  /** Stable within the data set: the row's own `id` field if it has one, else `<line>`. */
  readonly id: string;
  readonly origin: RowOrigin;
  readonly prompt: Content;
  readonly chosen: Content;
  readonly rejected: Content;
  /** The file has two whole texts: the prompt is the start that they share, and no question of its own. */
  readonly isTextStart?: true;
  /** JSON schemas of tools for the chat template. */
  readonly tools?: readonly unknown[];
  /** Further variables of the chat template for this row: the field chat_template_kwargs. */
  readonly templateVariables?: Readonly<Record<string, unknown>>;
  readonly meta?: RowMeta;
}

/** One example of supervised fine-tuning: a completion of a prompt, or a plain text (empty prompt). */
export interface CompletionRow {
  readonly id: string;
  readonly origin: RowOrigin;
  readonly prompt: Content;
  readonly completion: Content;
  /** The file has one whole conversation, of which the last turn was taken as the completion: its earlier answers are learned too. */
  readonly isWhole?: true;
  /** As that of the pair whose chosen side it is. */
  readonly isTextStart?: true;
  readonly tools?: readonly unknown[];
  readonly templateVariables?: Readonly<Record<string, unknown>>;
  readonly meta?: RowMeta;
}

/** One answer that somebody found good or bad, without another to compare it with. */
export interface UnpairedRow {
  readonly id: string;
  readonly origin: RowOrigin;
  readonly prompt: Content;
  readonly completion: Content;
  /** As that of the pair that it comes from. */
  readonly isTextStart?: true;
  /** True: desirable. */
  readonly label: boolean;
  readonly tools?: readonly unknown[];
  readonly templateVariables?: Readonly<Record<string, unknown>>;
  readonly meta?: RowMeta;
}

/** One of several answers to a prompt, with what is known of its worth. */
export interface RankedAnswer {
  readonly content: Content;
  /** 0 is the best; equal ranks are a tie. */
  readonly rank?: number;
  /** Higher is better, in the file's own unit. */
  readonly score?: number;
  /** Scores by aspect: helpfulness, honesty, ... */
  readonly ratings?: Readonly<Record<string, number>>;
  readonly model?: string;
  /** Every other field that the file has on the answer. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** What one person or judge decided between the answers of a row. */
export interface Vote {
  /** Index into answers, or that none is better: both good, or both bad. */
  readonly choice: number | 'tie' | 'both-bad';
  readonly annotator?: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** Answers to one prompt that are ranked, rated or voted on; ties included. Pairs are made of them (pairOfRanking, data build). */
export interface RankingRow {
  readonly id: string;
  readonly origin: RowOrigin;
  readonly prompt: Content;
  /** At least two. */
  readonly answers: readonly RankedAnswer[];
  /** Where people or judges chose between the answers: one entry each, in the file's order. */
  readonly votes?: readonly Vote[];
  readonly tools?: readonly unknown[];
  readonly templateVariables?: Readonly<Record<string, unknown>>;
  readonly meta?: RowMeta;
}

/** The kinds of rows, and what they are called where people read of them. */
export const ROW_KINDS = {
  pair: { one: 'a pair', many: 'pairs' },
  unpaired: { one: 'an unpaired answer', many: 'unpaired answers' },
  ranking: { one: 'a ranking', many: 'rankings' },
  completion: { one: 'a completion', many: 'completions' },
} as const;

export type RowKind = keyof typeof ROW_KINDS;

export type DataRow =
  | { readonly kind: 'pair'; readonly row: PairRow }
  | { readonly kind: 'completion'; readonly row: CompletionRow }
  | { readonly kind: 'unpaired'; readonly row: UnpairedRow }
  | { readonly kind: 'ranking'; readonly row: RankingRow };

/**
 * A preference in token ids. The model reads prompt + chosen and prompt + rejected. Every id of an answer is scored, unless
 * the answer has a mask.
 */
export interface TokenizedPair {
  readonly id: string;
  readonly prompt: Int32Array<ArrayBuffer>;
  readonly chosen: Int32Array<ArrayBuffer>;
  readonly rejected: Int32Array<ArrayBuffer>;
  /** Set only where the rejected side's prompt ids differ from the chosen side's: the pair then stands in two sequences. */
  readonly rejectedPrompt?: Int32Array<ArrayBuffer>;
  /** [length of the answer] 1 = scored; only where an answer has several turns, of which the assistant's are scored. */
  readonly chosenMask?: Int32Array<ArrayBuffer>;
  readonly rejectedMask?: Int32Array<ArrayBuffer>;
}

/** A supervised example in token ids. `prompt` may be empty; the first token of an empty prompt's completion is not scored. */
export interface TokenizedCompletion {
  readonly id: string;
  readonly prompt: Int32Array<ArrayBuffer>;
  readonly completion: Int32Array<ArrayBuffer>;
  /** [length of completion] 1 = scored; as the masks of a pair. */
  readonly completionMask?: Int32Array<ArrayBuffer>;
}

/** One answer that was found good or bad, in token ids. */
export interface TokenizedUnpaired extends TokenizedCompletion {
  /** 1: desirable. */
  readonly label: 0 | 1;
  /** The ids of the answer before anything was cut or added, where another prompt may leave more room for them: under TRL's rules. */
  readonly uncut?: Int32Array<ArrayBuffer>;
  /** An answer that belongs to another prompt, cut to fit behind this one: see withMismatches. */
  readonly mismatched?: TokenizedCompletion;
}

/** One answer of a list: its ids behind its prompt's. */
export interface TokenizedAnswer {
  /** Ids of the list's prompt as they stand before this answer; nearly always the same for all of them. */
  readonly prompt: Int32Array<ArrayBuffer>;
  readonly ids: Int32Array<ArrayBuffer>;
  /** [length of ids] 1 = scored; as the masks of a pair. */
  readonly mask?: Int32Array<ArrayBuffer>;
}

/** Answers to one prompt in token ids, best first, at least two. */
export interface TokenizedRanking {
  readonly id: string;
  /** That of the best answer. */
  readonly prompt: Int32Array<ArrayBuffer>;
  readonly answers: readonly TokenizedAnswer[];
}
