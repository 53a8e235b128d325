/** The types of OpenAI's error bodies that clients know. */
export type ServeErrorType =
  | 'invalid_request_error'
  | 'authentication_error'
  | 'permission_error'
  | 'not_found_error'
  | 'rate_limit_error'
  | 'server_error';

export interface ServeErrorOptions {
  /** A word that programs read: `model_not_found`, `context_length_exceeded`. */
  readonly code?: string;
  /** The field of the request that is wrong. */
  readonly param?: string;
  readonly type?: ServeErrorType;
  /** Seconds after which the same request may succeed. */
  readonly retryAfterSeconds?: number;
  /** Whether clients should repeat the request; OpenAI's repeat 408, 409, 429 and 500 upwards where nothing is said. */
  readonly shouldRetry?: boolean;
  readonly cause?: unknown;
}

const TYPES: Readonly<Record<number, ServeErrorType>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
};

/** What a request is refused with: a status and OpenAI's error body. The message holds no path of this machine. */
export class ServeError extends Error {
  readonly status: number;
  readonly type: ServeErrorType;
  readonly code: string | null;
  readonly param: string | null;
  readonly retryAfterSeconds: number | undefined;
  readonly shouldRetry: boolean | undefined;

  constructor(status: number, message: string, options: ServeErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = 'ServeError';
    this.status = status;
    this.type = options.type ?? TYPES[status] ?? (status >= 500 ? 'server_error' : 'invalid_request_error');
    this.code = options.code ?? null;
    this.param = options.param ?? null;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.shouldRetry = options.shouldRetry;
  }
}
