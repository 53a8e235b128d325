import * as library from '@huggingface/tokenizers';

/**
 * What we use of @huggingface/tokenizers 0.2.0, typed here because its own declarations import each other without file
 * extensions, which nodenext resolution cannot follow.
 */
export interface LibraryTokenizer {
  readonly normalizer: ((text: string) => string) | null;
  readonly pre_tokenizer: ((text: string) => string[]) | null;
  /** Pieces to the tokens' spellings. */
  readonly model: (pieces: string[]) => string[];
  decode(ids: number[], options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean }): string;
  token_to_id(token: string): number | undefined;
}

interface Library {
  readonly Tokenizer: new (tokenizerJson: object, tokenizerConfig: object) => LibraryTokenizer;
  /** Translates a pattern of the Rust crate's dialect; null when it has neither form. */
  readonly SplitPreTokenizer: new (config: object) => { readonly pattern: RegExp | null };
}

const { Tokenizer, SplitPreTokenizer } = library as unknown as Library;

const EMPTY = {
  normalizer: null,
  pre_tokenizer: null,
  model: { type: 'BPE', vocab: {}, merges: [] },
  post_processor: null,
  decoder: null,
  added_tokens: [],
};

/** The parts of a tokenizer.json as the library runs them; parts that are not given are empty. Throws the library's errors. */
export function createLibraryTokenizer(parts: Readonly<Record<string, unknown>>): LibraryTokenizer {
  return new Tokenizer({ ...EMPTY, ...parts }, {});
}

/** The JavaScript form of a tokenizer.json pattern, {"Regex": ...} or {"String": ...}. Throws the library's errors. */
export function translatePattern(pattern: unknown): RegExp | null {
  return new SplitPreTokenizer({ type: 'Split', pattern }).pattern;
}
