import type { Message } from '../tokenizer/index.ts';

/** Where a row came from, for reports and errors. */
export interface RowOrigin {
  readonly file: string;
  /** 1-based line in a JSONL file; 1-based position in a JSON array. */
  readonly line: number;
}

/** A text, or the turns of a conversation. All three parts of a row are of the same kind. */
export type Content = string | readonly Message[];

/** One preference: which of two answers to a prompt is better. */
export interface PreferenceRow {
  /** Stable within the data set: the row's own `id` field if it has one, else `<line>`. */
  readonly id: string;
  readonly origin: RowOrigin;
  readonly prompt: Content;
  readonly chosen: Content;
  readonly rejected: Content;
  /** JSON schemas of tools for the chat template. */
  readonly tools?: readonly unknown[];
  /** Further variables of the chat template for this row: the field chat_template_kwargs. */
  readonly templateVariables?: Readonly<Record<string, unknown>>;
}

/** One example of supervised fine-tuning: a completion of a prompt, or a plain text (empty prompt). */
export interface CompletionRow {
  readonly id: string;
  readonly origin: RowOrigin;
  readonly prompt: Content;
  readonly completion: Content;
  readonly tools?: readonly unknown[];
  readonly templateVariables?: Readonly<Record<string, unknown>>;
}

export type DataRow =
  | { readonly kind: 'preference'; readonly row: PreferenceRow }
  | { readonly kind: 'completion'; readonly row: CompletionRow };

/** A preference in token ids. The model reads prompt + chosen and prompt + rejected; every id of an answer is scored. */
export interface TokenizedPair {
  readonly id: string;
  readonly prompt: Int32Array<ArrayBuffer>;
  readonly chosen: Int32Array<ArrayBuffer>;
  readonly rejected: Int32Array<ArrayBuffer>;
  /** Set only where the rejected side's prompt ids differ from the chosen side's: the pair then stands in two sequences. */
  readonly rejectedPrompt?: Int32Array<ArrayBuffer>;
}

/** A supervised example in token ids. `prompt` may be empty; the first token of an empty prompt's completion is not scored. */
export interface TokenizedCompletion {
  readonly id: string;
  readonly prompt: Int32Array<ArrayBuffer>;
  readonly completion: Int32Array<ArrayBuffer>;
}
