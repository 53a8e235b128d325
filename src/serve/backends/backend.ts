import type { JsonObject } from '../../core/index.ts';

/** Why a choice ended, in OpenAI's words. */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter';

/** A token with its log-probability, as the chat API gives it. `bytes` are the UTF-8 bytes of the token. */
export interface TokenLogprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[] | null;
}

export interface ContentLogprob extends TokenLogprob {
  readonly top_logprobs: readonly TokenLogprob[];
}

export interface ToolCallDelta {
  /** Which of the calls of this answer, from 0. */
  readonly index: number;
  /** With the first piece of a call alone, as `type` and the name are. */
  readonly id?: string;
  readonly type?: 'function';
  /** `arguments` is a piece of the JSON text of the arguments. */
  readonly function: { readonly name?: string; readonly arguments?: string };
}

/** What is new of one choice. Unknown fields of an upstream travel along. */
export interface ChoiceDelta {
  readonly role?: 'assistant';
  readonly content?: string | null;
  readonly refusal?: string | null;
  readonly reasoning_content?: string | null;
  readonly tool_calls?: readonly ToolCallDelta[];
}

export interface ChoicePiece {
  readonly index: number;
  readonly delta: ChoiceDelta;
  readonly logprobs?: { readonly content: readonly ContentLogprob[] | null; readonly refusal: null } | null;
  readonly finish_reason: FinishReason | null;
}

/** Tokens that were read and written, OpenAI's names. */
export interface TokenUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details?: { readonly cached_tokens: number };
  readonly completion_tokens_details?: { readonly reasoning_tokens: number };
}

/** A piece of an answer: choices as they grow, and once, at the end, what was used. */
export interface ChatPiece {
  readonly choices: readonly ChoicePiece[];
  readonly usage?: TokenUsage;
  readonly system_fingerprint?: string;
}

/** The numeric log-probabilities of /v1/completions: one entry a token; the first token of a prompt has none. */
export interface TextLogprobs {
  readonly tokens: readonly string[];
  readonly token_logprobs: readonly (number | null)[];
  readonly top_logprobs: readonly (Readonly<Record<string, number>> | null)[] | null;
  /** Where each token begins in the choice's text, in UTF-16 units. */
  readonly text_offset: readonly number[];
}

export interface TextPiece {
  readonly choices: readonly {
    readonly index: number;
    readonly text: string;
    readonly logprobs: TextLogprobs | null;
    readonly finish_reason: 'stop' | 'length' | 'content_filter' | null;
  }[];
  readonly usage?: TokenUsage;
  readonly system_fingerprint?: string;
}

/** What a call brings beside its body. */
export interface Call {
  /** Aborted when the client is gone, or time is up: no further token is drawn. */
  readonly signal: AbortSignal;
  /** Whether pieces are sent on as they come; where not, one piece with everything will do. */
  readonly isStreamed: boolean;
}

/** A body that was checked against the schema of its route (`serve/openai/`); fields of OpenAI's API keep their names. */
export type CheckedBody = JsonObject;

/**
 * What answers: the own engine, or another server. Models come by name from the configuration; a backend never hears of names that clients use.
 *
 * Both throw ServeError for what the client or an upstream did, before the first piece where that is known then. Pieces of different choices may interleave; those of one
 * choice come in order, and its last one alone has a finish reason. Usage comes with the last piece.
 */
export interface Backend {
  readonly kind: 'engine' | 'upstream';
  chat(body: CheckedBody, call: Call): AsyncIterable<ChatPiece>;
  complete(body: CheckedBody, call: Call): AsyncIterable<TextPiece>;
  /** Ids of a text, or of a conversation in the template; undefined where the backend cannot say. */
  tokenize?(
    body: CheckedBody,
    call: Call,
  ): Promise<{ readonly ids: readonly number[]; readonly tokens: readonly string[] }>;
  detokenize?(ids: readonly number[]): Promise<string>;
}
