/** Why a call failed: what the server refused it with, or that it could not be reached. */
export class ApiError extends Error {
  /** Of the answer; 0 where none came. */
  readonly status: number;
  /** A word for programs: `model_not_found`; `unreachable` where no answer came, `not_json` where it was none of the server's. */
  readonly code: string | null;
  /** The field of the request that is to blame. */
  readonly param: string | null;
  readonly type: string | null;
  /** For whoever reads the server's log. */
  readonly requestId: string | null;
  /** Milliseconds after which the same call may succeed, where the server says so. */
  readonly retryAfterMs: number | null;

  constructor(message: string, facts: Partial<Omit<ApiError, 'name' | 'message' | 'stack'>> = {}) {
    super(message, { cause: facts.cause });
    this.name = 'ApiError';
    this.status = facts.status ?? 0;
    this.code = facts.code ?? null;
    this.param = facts.param ?? null;
    this.type = facts.type ?? null;
    this.requestId = facts.requestId ?? null;
    this.retryAfterMs = facts.retryAfterMs ?? null;
  }
}

/** The error of an answer that is no success. */
export function errorOfAnswer(answer: Pick<Response, 'status' | 'headers'>, text: string): ApiError {
  const { status, headers } = answer;
  const wait = headers.get('retry-after-ms');
  const facts = {
    status,
    requestId: headers.get('x-request-id'),
    retryAfterMs: wait === null ? null : Number(wait),
  };
  const told = errorObject(text);
  if (told === undefined)
    return new ApiError(`${status}: the answer is not the server's own: ${text.slice(0, 200) || 'it is empty'}`, {
      ...facts,
      code: 'not_json',
    });
  const { message, code, param, type } = told;
  return new ApiError(message, { ...facts, code, param, type });
}

interface ErrorObject {
  readonly message: string;
  readonly type: string | null;
  readonly param: string | null;
  readonly code: string | null;
}

/** OpenAI's error object of a text, where it is one. */
export function errorObject(text: string): ErrorObject | undefined {
  try {
    const { error } = JSON.parse(text) as { readonly error?: Partial<ErrorObject> };
    if (typeof error?.message !== 'string') return undefined;
    return { type: null, param: null, code: null, ...error, message: error.message };
  } catch {
    return undefined;
  }
}
