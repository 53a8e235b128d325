import type { IncomingHttpHeaders } from 'node:http';
import { causeOf, retryAfter } from '../../../ask/index.ts';
import { isObject, type JsonRecord } from '../../../core/index.ts';
import { ServeError } from '../../serve-error.ts';

/** What may be done after a failure: nothing, ask the next server, or ask the same one again first. */
export type Remedy = 'none' | 'next' | 'again';

export interface FailureOptions {
  readonly remedy: Remedy;
  /** What an operator should know, beside what the client is told. */
  readonly note?: string;
  /** How long the server wants to be left alone. */
  readonly afterMs?: number | undefined;
  /** Whether it speaks against the server's health. */
  readonly isOutage?: boolean;
}

/** A request that an upstream did not answer. */
export class UpstreamFailure extends Error {
  readonly error: ServeError;
  readonly remedy: Remedy;
  readonly note: string | undefined;
  readonly afterMs: number | undefined;
  readonly isOutage: boolean;

  constructor(error: ServeError, { remedy, note, afterMs, isOutage = false }: FailureOptions) {
    super(error.message, { cause: error });
    this.error = error;
    this.remedy = remedy;
    this.note = note;
    this.afterMs = afterMs;
    this.isOutage = isOutage;
  }
}

/** Words of a server that a client may read: one line, without keys, addresses and paths of its machine. */
export function cleanWords(text: string, secrets: readonly string[]): string {
  let clean = text.slice(0, 4000);
  for (const secret of secrets) clean = clean.replaceAll(secret, '***');
  return (
    clean
      .replace(/\b(?:(?:sk|pk|pt|key)[-_]|Bearer )[\w*.~+/=-]{6,}/g, '***')
      .replace(/https?:\/\/[^\s"'<>)\]]+/g, '(address)')
      .replace(
        /(?<![\w.])\/(?:app|data|etc|home|mnt|models?|opt|root|srv|tmp|usr|var|workspace)\/[^\s"'<>)\]]*/g,
        '(path)',
      )
      .replace(/\b[A-Za-z]:\\[^\s"'<>)\]]*/g, '(path)')
      // oxlint-disable-next-line no-control-regex -- these are what is taken out
      .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
      .replace(/ {2,}/g, ' ')
      .trim()
      .slice(0, 500)
  );
}

/** An error as servers write it: OpenAI's object, vLLM's flat one, FastAPI's detail, a text. Undefined for a body that is none. */
export function readErrorObject(
  body: unknown,
): { readonly message: string; readonly code: string; readonly param?: string; readonly status?: number } | undefined {
  if (!isObject(body)) return undefined;
  const { error, detail } = body;
  if (typeof error === 'string' && error !== '') return { message: error, code: '' };
  if (isObject(error)) return partsOf(error);
  if (body['object'] === 'error' || body['type'] === 'error') return partsOf(body);
  if (body['choices'] !== undefined || detail === undefined || detail === null) return undefined;
  return { message: typeof detail === 'string' ? detail : JSON.stringify(detail), code: '' };
}

function partsOf(error: JsonRecord) {
  const { message, msg, code, type, param, status } = error;
  const text = [message, msg].find((one) => typeof one === 'string' && one !== '');
  const number = [code, status].map(Number).find((one) => Number.isInteger(one) && one >= 400 && one < 600);
  const words = [code, type].filter((one): one is string => typeof one === 'string' && !/^\d*$/.test(one));
  return {
    message: (text as string | undefined) ?? JSON.stringify(error).slice(0, 500),
    code: words.join(' '),
    ...(typeof param === 'string' && { param }),
    ...(number !== undefined && { status: number }),
  };
}

const TOO_LONG =
  /context_length_exceeded|exceed_context_size|maximum context length|maximum model length|max_model_len|context (?:window|size|length)|tokens to keep from the initial prompt|max_total_tokens|`inputs` tokens|input length exceeds|prompt is too long|input is too long/i;
const QUOTA = /insufficient_quota|billing|quota_exceeded|credit/i;
const FILTERED = /content_filter|content_policy|responsible ?ai/i;
const BUSY = /rate_?limit|too many requests|queue/i;
const DOWN = /server_error|overloaded|unavailable|timeout|internal|loading/i;

/** Words of servers may hold words of requests. */
const MAX_NOTED = 200;
/** 500 is none: a request can bring it about, and must not shut others out. */
const OUTAGES = new Set([502, 503, 504, 529]);

export interface FailureFacts {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: IncomingHttpHeaders | undefined;
  readonly secrets: readonly string[];
  /** The upstream's name, for the operator. */
  readonly name: string;
  /** The variable that the key came from. */
  readonly keyEnv?: string | undefined;
}

/** What an answer with an error status, or an error object in any answer, means to the client, to the operator, and for what comes next. */
export function failureOfAnswer({ status, body, headers, secrets, name, keyEnv }: FailureFacts): UpstreamFailure {
  const told = readErrorObject(body);
  const words = told === undefined ? '' : cleanWords(told.message, secrets);
  const said = words === '' ? '' : `: ${words}`;
  const code = told?.code ?? '';
  // An error object in an answer with status 200 brings its status, or its words do.
  const real = status >= 300 ? status : (told?.status ?? statusOfWords(`${code} ${words}`));
  const noteOf = (what: string): string => `upstream ${name}: ${what} (status ${real}${said.slice(0, MAX_NOTED)})`;
  const afterMs = afterMsOf(headers);
  if (TOO_LONG.test(`${code} ${words}`) && real !== 401 && real !== 403 && real !== 429)
    return new UpstreamFailure(
      new ServeError(400, words || 'The prompt and the answer are longer than the context of the model', {
        code: 'context_length_exceeded',
        param: told?.param ?? 'messages',
      }),
      { remedy: 'none' },
    );
  if (real === 401 || real === 403)
    return new UpstreamFailure(
      operatorError(
        502,
        'The server behind this model refuses the key of this server; its operator has to look at it',
        'upstream_auth',
      ),
      {
        remedy: 'next',
        note: noteOf(
          `it refuses our key; ${keyEnv === undefined ? 'name one by apiKeyEnv' : `check the variable ${keyEnv} and what its key may use`}`,
        ),
      },
    );
  if (real === 402 || (real === 429 && QUOTA.test(code)))
    return new UpstreamFailure(
      operatorError(
        503,
        'The account at the server behind this model has nothing left; its operator has to look at it',
        'upstream_quota',
      ),
      { remedy: 'next', note: noteOf('the account has nothing left') },
    );
  if (real === 404 || real === 405 || (real >= 300 && real < 400))
    return new UpstreamFailure(
      operatorError(
        502,
        'The server behind this model does not have it where it was looked for; its operator has to look',
        'upstream_not_found',
      ),
      {
        remedy: 'next',
        note: noteOf(
          real < 400
            ? 'it sends elsewhere, which is not followed; give baseUrl as it should be'
            : 'check baseUrl (it ends with the version, such as /v1) and model',
        ),
      },
    );
  if (real === 429)
    return new UpstreamFailure(
      new ServeError(429, `The server behind this model has too many requests${said}`, {
        code: 'upstream_rate_limit',
        retryAfterSeconds: (afterMs ?? 1000) / 1000,
      }),
      { remedy: 'again', afterMs, note: noteOf('too many requests') },
    );
  if (real === 501)
    return new UpstreamFailure(
      new ServeError(400, `The server behind this model does not do that${said}`, { code: 'unsupported_parameter' }),
      { remedy: 'none' },
    );
  if (real === 408 || real === 409 || real === 425 || real >= 500)
    return new UpstreamFailure(
      new ServeError(
        real === 503 ? 503 : real === 504 || real === 408 ? 504 : 502,
        `The server behind this model failed${said}`,
        {
          code: 'upstream_error',
          type: 'server_error',
          ...(afterMs !== undefined && { retryAfterSeconds: afterMs / 1000 }),
        },
      ),
      { remedy: 'again', afterMs, note: noteOf('it failed'), isOutage: OUTAGES.has(real) },
    );
  return new UpstreamFailure(
    new ServeError(real, `The server behind this model refuses the request${said}`, {
      type: 'invalid_request_error',
      code: FILTERED.test(code) ? 'content_filter' : code.split(' ')[0]!.slice(0, 64) || 'invalid_request',
      ...(told?.param !== undefined && { param: told.param.slice(0, 200) }),
    }),
    { remedy: 'none' },
  );
}

/** Only an operator can mend it: the same request is not worth repeating. */
function operatorError(status: number, message: string, code: string): ServeError {
  return new ServeError(status, message, { code, type: 'server_error', shouldRetry: false });
}

function statusOfWords(text: string): number {
  if (BUSY.test(text)) return 429;
  return DOWN.test(text) ? 503 : /invalid_request|bad ?request|validation/i.test(text) ? 400 : 502;
}

function afterMsOf(headers: IncomingHttpHeaders | undefined): number | undefined {
  const [ms, seconds] = [headers?.['retry-after-ms'], headers?.['retry-after']];
  const given = new Headers();
  if (typeof ms === 'string') given.set('retry-after-ms', ms);
  if (typeof seconds === 'string') given.set('retry-after', seconds);
  return retryAfter(given).afterMs;
}

/** An answer that is none: a page, a torn JSON, a redirect. */
export function malformed(name: string, what: string): UpstreamFailure {
  return new UpstreamFailure(
    new ServeError(502, `The server behind this model gave no answer of OpenAI's API: ${what}`, {
      code: 'upstream_malformed',
    }),
    { remedy: 'next', note: `upstream ${name}: ${what}` },
  );
}

/** A stream or an answer that stopped before its end. */
export function torn(name: string, why: string): UpstreamFailure {
  return new UpstreamFailure(
    new ServeError(502, `The server behind this model ended its answer early: ${why}`, { code: 'upstream_torn' }),
    { remedy: 'again', isOutage: true, note: `upstream ${name}: it ended its answer early (${why})` },
  );
}

/** No connection: the system's reason goes to the operator, whose addresses it holds. */
export function unreachable(name: string, thrown: unknown): UpstreamFailure {
  return new UpstreamFailure(
    new ServeError(502, 'The server behind this model cannot be reached', { code: 'upstream_unreachable' }),
    { remedy: 'again', isOutage: true, note: `upstream ${name}: no connection: ${causeOf(thrown)}` },
  );
}

/** Time that ran out. An answer that had begun and was too long says nothing against the server. */
export function tooLate(name: string, what: string, { isOutage = true } = {}): UpstreamFailure {
  return new UpstreamFailure(
    new ServeError(504, `The server behind this model ${what}`, { code: 'upstream_timeout' }),
    {
      // The same request would wait as long again.
      remedy: 'next',
      isOutage,
      note: `upstream ${name}: it ${what}`,
    },
  );
}
