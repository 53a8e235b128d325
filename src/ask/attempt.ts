import { wholeText, messageOf } from '../core/index.ts';
import { z } from 'zod';
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
  | {
      readonly kind: 'failed';
      readonly message: string;
      /** The same question may be answered with max_completion_tokens in place of max_tokens. */
      readonly wantsCompletionTokens?: boolean;
    };

const COUNT = z.number().nonnegative().nullish();

/** A part of a message; what a model thinks aloud is a part of another type, and no answer. */
const PART = z.object({ type: z.string(), text: z.string().nullish(), refusal: z.string().nullish() });

const REPLY = z.object({
  model: z.string().nullish(),
  choices: z
    .array(
      z.object({
        finish_reason: z.string().nullish(),
        message: z.object({
          content: z.union([z.string(), z.array(PART)]).nullish(),
          refusal: z.string().nullish(),
        }),
      }),
    )
    .min(1),
  usage: z.object({ prompt_tokens: COUNT, completion_tokens: COUNT }).nullish(),
});

/** What some servers send with status 200 instead of an answer. */
const ERROR_BODY = z.object({
  error: z.union([
    z.string(),
    z.object({ message: z.string().nullish(), code: z.union([z.number(), z.string()]).nullish() }),
  ]),
});

/** What a body that is no JSON is. */
const NO_JSON: readonly { readonly begins: RegExp; readonly what: string; readonly advice: string }[] = [
  {
    begins: /^\s*(?:<!doctype html|<html)/i,
    what: 'an HTML page (text/html)',
    advice:
      'check the address (it ends with the version, such as /v1), and whether a proxy or a login stands before it',
  },
  {
    begins: /^\s*(?:data|event|id|retry|):/,
    what: 'an event stream (text/event-stream)',
    advice: 'the server must answer in one piece: switch its streaming off, or add {"stream": false} as extraBody',
  },
  { begins: /^/, what: 'a text', advice: 'check the address (it ends with the version, such as /v1)' },
];

/**
 * A reply as the API has it. What is none ends the asking where asking again cannot help (a page, a stream, an error in the body), with the
 * server's own words; a body of another shape is worth asking again.
 */
export function readReply(body: unknown, url: string): Attempt {
  if (typeof body === 'string' && body.trim() !== '') {
    const { what, advice } = NO_JSON.find(({ begins }) => begins.test(body))!;
    return {
      kind: 'failed',
      message: `${url} must answer with JSON, got ${what} that begins ${JSON.stringify(body.trim().slice(0, 60))}; ${advice}`,
    };
  }
  const failure = ERROR_BODY.safeParse(body);
  if (failure.success) return readErrorBody(failure.data.error, url);
  const result = REPLY.safeParse(body);
  if (!result.success) {
    const [issue] = result.error.issues;
    const got = JSON.stringify(body)?.slice(0, 120) ?? 'nothing';
    return {
      kind: 'retry',
      message: `the reply was no chat completion (${issue!.path.join('.') || 'body'}: ${issue!.message}), got ${got}`,
    };
  }
  const { choices, model, usage } = result.data;
  const { message, finish_reason: finishReason } = choices[0]!;
  const parts = typeof message.content === 'string' ? [] : (message.content ?? []);
  const refusal = message.refusal || parts.find((part) => part.refusal)?.refusal;
  return {
    kind: 'reply',
    reply: {
      // Kept and shown as UTF-8.
      text: wholeText(typeof message.content === 'string' ? message.content : textOf(parts)),
      ...(refusal ? { refusal } : {}),
      finishReason: finishReason ?? 'stop',
      usage: { promptTokens: usage?.prompt_tokens ?? 0, completionTokens: usage?.completion_tokens ?? 0 },
      model: model ?? '',
    },
  };
}

/** The answer among the parts of a message. */
function textOf(parts: readonly z.infer<typeof PART>[]): string {
  return parts.map(({ type, text }) => (type === 'text' || type === 'output_text' ? (text ?? '') : '')).join('');
}

type ErrorBody = z.infer<typeof ERROR_BODY>['error'];

/** An error that came with status 200: its code says what the status would have. */
function readErrorBody(error: ErrorBody, url: string): Attempt {
  const { message, code } = typeof error === 'string' ? { message: error, code: undefined } : error;
  const status = Number(code);
  return attemptOfError(
    {
      status: Number.isInteger(status) && status >= 400 && status < 600 ? status : statusOfCode(String(code ?? '')),
      code: String(code ?? ''),
      message: message ?? JSON.stringify(error).slice(0, 300),
      headers: undefined,
    },
    url,
  );
}

/** 429 and 503 are worth asking again, 400 is not. */
function statusOfCode(code: string): number {
  if (/rate_?limit/i.test(code)) return 429;
  return /server_error|overloaded|unavailable|timeout/i.test(code) ? 503 : 400;
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
  return attemptOfError({ status, code: code ?? '', message: message.replace(/^\d+ /, ''), headers }, url);
}

interface ServerError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly headers: Headers | undefined;
}

function attemptOfError({ status, code, message, headers }: ServerError, url: string): Attempt {
  const text = `${status}: ${message.slice(0, 300)}`;
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
  return {
    kind: 'failed',
    message: `${url} answered ${text}; ${adviceFor(status, message)}`,
    ...(wantsCompletionTokens(message) ? { wantsCompletionTokens: true } : {}),
  };
}

/** Whether the complaint is that the limit of the answer must be called max_completion_tokens. */
function wantsCompletionTokens(message: string): boolean {
  return message.includes('max_tokens') && message.includes('max_completion_tokens');
}

function adviceFor(status: number, message: string): string {
  if (status === 401 || status === 403) return 'check the key in the environment and what it may use';
  if (status === 404) return 'check the address (it ends with the version, such as /v1) and the name of the model';
  if (status === 429 || status === 402) return 'the account has nothing left';
  if (/response_format|json_schema|guided/i.test(message))
    return 'the server has no structured output: try --response-format json-object, or text (responseFormat in --judges)';
  if (/temperature/i.test(message))
    return 'the model takes no temperature: pass --judge-temperature none ("temperature": null in --judges)';
  return 'the request is not one that this server takes; extraBody in --judges adds fields to it';
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
