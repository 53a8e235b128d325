import { z } from 'zod';
import { messageOf } from '../core/index.ts';
import type { NoAnswerReason } from './answer-reason.ts';
import type { Usage } from './usage.ts';

/** A whole answer of a model. */
export interface Reply {
  readonly text: string;
  /** What the model says instead of an answer that it refuses to give. */
  readonly refusal?: string;
  /** stop, length, content_filter, ... */
  readonly finishReason: string;
  readonly usage: Usage;
  /** The version that answered, as the server names it. */
  readonly model: string;
}

/** What came of one request. */
export type Attempt =
  | { readonly kind: 'reply'; readonly reply: Reply }
  /** Worth asking again, not before `afterMs`. */
  | { readonly kind: 'retry'; readonly message: string; readonly afterMs?: number; readonly isRateLimit?: boolean }
  /** This question cannot be answered, others can. */
  | { readonly kind: 'refused'; readonly reason: NoAnswerReason; readonly message: string }
  /** No question can be answered: a wrong key, model or address. */
  | { readonly kind: 'failed'; readonly message: string };

const COUNT = z.number().nonnegative().nullish();

const REPLY = z.object({
  model: z.string().nullish(),
  choices: z
    .array(
      z.object({
        finish_reason: z.string().nullish(),
        message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
      }),
    )
    .min(1),
  usage: z.object({ prompt_tokens: COUNT, completion_tokens: COUNT }).nullish(),
});

/** A reply as the API has it; anything else (a proxy's page, half a body) is worth asking again. */
export function readReply(body: unknown): Attempt {
  const result = REPLY.safeParse(body);
  if (!result.success) {
    const [issue] = result.error.issues;
    return {
      kind: 'retry',
      message: `the reply was no chat completion (${issue!.path.join('.') || 'body'}: ${issue!.message})`,
    };
  }
  const { choices, model, usage } = result.data;
  const { message, finish_reason: finishReason } = choices[0]!;
  return {
    kind: 'reply',
    reply: {
      text: message.content ?? '',
      ...(message.refusal ? { refusal: message.refusal } : {}),
      finishReason: finishReason ?? 'stop',
      usage: { promptTokens: usage?.prompt_tokens ?? 0, completionTokens: usage?.completion_tokens ?? 0 },
      model: model ?? '',
    },
  };
}

/** What a thrown error of the openai package means. */
export async function readFailure(error: unknown, url: string): Promise<Attempt> {
  const { APIError, APIConnectionError } = await import('openai');
  if (error instanceof APIConnectionError || !(error instanceof APIError)) {
    const message = causeOf(error);
    // A name that does not exist will not exist in a minute; EAI_AGAIN, no answer of the name server, may.
    return message.includes('ENOTFOUND')
      ? { kind: 'failed', message: `${url} must be a server that exists, got ${message}; check the address` }
      : { kind: 'retry', message };
  }
  const { status, headers, code, message } = error as { status: number; headers: Headers } & typeof error;
  const text = `${status}: ${message.replace(/^\d+ /, '').slice(0, 300)}`;
  if (status === 429 && code !== 'insufficient_quota')
    return { kind: 'retry', message: text, isRateLimit: true, ...retryAfter(headers) };
  if (status === 408 || status === 409 || status >= 500)
    return { kind: 'retry', message: text, ...retryAfter(headers) };
  if (
    status === 400 &&
    (code === 'context_length_exceeded' || /context length|too long|maximum context/i.test(message))
  )
    return { kind: 'refused', reason: 'too-long', message: text };
  if (status === 400 && (code === 'content_filter' || code === 'content_policy_violation'))
    return { kind: 'refused', reason: 'refusal', message: text };
  return { kind: 'failed', message: `${url} answered ${text}; ${adviceFor(status, message)}` };
}

function adviceFor(status: number, message: string): string {
  if (status === 401 || status === 403) return 'check the key in the environment and what it may use';
  if (status === 404) return 'check the address (it ends with the version, such as /v1) and the name of the model';
  if (status === 429 || status === 402) return 'the account has nothing left';
  if (/response_format|json_schema|guided/i.test(message))
    return 'the server has no structured output: try the response format json-object, or text';
  if (/temperature/i.test(message)) return 'the model takes no temperature: set it to null';
  return 'the request is not one that this server takes';
}

/** How long a server wants to be left alone: Retry-After in seconds or as a date (RFC 9110, section 10.2.3), or retry-after-ms. */
export function retryAfter(headers: Headers | undefined): { afterMs?: number } {
  const inMs = Number(headers?.get('retry-after-ms') ?? Number.NaN);
  if (inMs >= 0) return { afterMs: inMs };
  const text = headers?.get('retry-after');
  if (text === null || text === undefined || text.trim() === '') return {};
  const ms = Number.isNaN(Number(text)) ? Date.parse(text) - Date.now() : Number(text) * 1000;
  return Number.isNaN(ms) ? {} : { afterMs: Math.max(ms, 0) };
}

/** The innermost reason of an error: `fetch failed` says nothing. */
export function causeOf(error: unknown): string {
  let at = error;
  for (let depth = 0; depth < 5 && at instanceof Error && at.cause !== undefined; depth++) at = at.cause;
  if (at instanceof SyntaxError) return `the reply was no JSON (${at.message})`;
  const code = at instanceof Error && 'code' in at ? ` (${String(at.code)})` : '';
  return `${messageOf(at)}${code}`;
}
