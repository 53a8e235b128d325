export type { NoAnswerReason } from './answer-reason.ts';
export { createAsker, type Asked, type Asker, type AskerOptions, type AskerState, type Outcome } from './asker.ts';
export { causeOf, retryAfter, type Attempt, type Reply } from './attempt.ts';
export { openCallStore, type CallStore } from './call-store.ts';
export { stopped, type Clock } from './clock.ts';
export { mapConcurrently } from './concurrently.ts';
export { costOf, dollars, estimateTokens, type Prices } from './cost.ts';
export {
  RESPONSE_FORMATS,
  createEndpoint,
  type Endpoint,
  type EndpointOptions,
  type ResponseFormat,
} from './endpoint.ts';
export { limitedFetch } from './limited-fetch.ts';
export type { ChatMessage } from './message.ts';
export type { RateLimits } from './rate-limit.ts';
export { NO_USAGE, addUsage, type Usage } from './usage.ts';
