export { ApiError } from './api-error.ts';
export type { AnswerOf, ApiMethod, CallOptions, EventOf, PathOf, StreamPath } from './call-types.ts';
export { createClient, type Client, type ClientOptions } from './client.ts';
