import type { AddedToken } from './added-tokens.ts';

/** What the rest of preftune knows of a tokenizer. Implementations wrap well-kept libraries or are built from GGUF metadata. */
export interface Tokenizer {
  /** Number of ids, added tokens included: every id is in [0, vocabularySize). */
  readonly vocabularySize: number;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  /** Every id that ends a turn or a text: EOS, and end-of-turn tokens such as <|im_end|> or <|eot_id|> when the files name them. */
  readonly stopIds: readonly number[];
  readonly padId: number | undefined;
  /** Tokens that are found in a text before anything else: special ones, and others such as <think> in some models. */
  readonly addedTokens: readonly Pick<AddedToken, 'id' | 'content' | 'special'>[];
  /** A hex digest of everything that decides the ids and the rendered templates but the time, which stands beside it (`chatTemplate.clock`). */
  readonly identity: string;
  /** undefined when the model has none; such a model takes plain-text rows only. */
  readonly chatTemplate: ChatTemplate | undefined;
  /**
   * Token ids of `text`. With `addSpecialTokens` (default true) what the tokenizer's own post-processor adds (usually BOS)
   * is added, as Transformers does for `tokenizer(text)`. Special tokens written in the text are recognised.
   */
  encode(text: string, options?: { readonly addSpecialTokens?: boolean }): number[];
  /** Text of `ids`; with `skipSpecialTokens` (default false) special tokens are left out. No clean-up of spaces. */
  decode(ids: readonly number[], options?: { readonly skipSpecialTokens?: boolean }): string;
  /** The token's own spelling in the vocabulary, for error messages and reports. Throws bad-input for an id outside the vocabulary. */
  tokenText(id: number): string;
}

export interface ToolCall {
  readonly id?: string;
  readonly type?: string;
  readonly function: { readonly name: string; readonly arguments: unknown };
}

/** One turn of a conversation, as chat templates receive it. */
export interface Message {
  readonly role: string;
  readonly content: string;
  readonly name?: string;
  readonly tool_calls?: readonly ToolCall[];
  readonly tool_call_id?: string;
}

/** The time that a chat template is told by strftime_now, one for all that is rendered. */
export interface TemplateClock {
  /** A local time in ISO 8601. */
  readonly time: string;
  /** What the template's calls print of a time, by default its own: `30 November 2026`; the time itself where the template computes its formats. */
  printed(time?: string): string;
}

export interface ChatTemplate {
  /** The Jinja source. */
  readonly source: string;
  /** The time that it is told, where it asks for one; undefined for a template that renders alike every day. */
  readonly clock?: TemplateClock | undefined;
  /**
   * The conversation as text, special tokens included (so it is encoded with addSpecialTokens: false). Throws bad-input
   * with the template's own message when it raises (roles that must alternate, an unsupported role, ...).
   */
  render(messages: readonly Message[], options: RenderOptions): string;
}

export interface RenderOptions {
  /** Append what opens an assistant turn. */
  readonly addGenerationPrompt: boolean;
  /** JSON schemas of tools, given to the template as `tools`. */
  readonly tools?: readonly unknown[];
  /** Further variables of the template, such as enable_thinking. */
  readonly variables?: Readonly<Record<string, unknown>>;
}
