export { ADMIN_ROUTES } from './admin-api.ts';
export { CHAT_ROUTES, STORED_ROUTES } from './chat-api.ts';
export { CHAT_BODY, COMPLETION_BODY, type ChatBody, type CompletionBody } from './chat-schema.ts';
export { ERROR_OBJECT } from './error-schema.ts';
export {
  EXPERIMENT_BODY,
  EXPERIMENT_GUARDRAILS,
  EXPERIMENT_ROUTES,
  EXPERIMENT_SIGNALS,
  VERDICT_WORDS,
} from './experiment-api.ts';
export { FILE_PURPOSES, FILE_ROUTES, LEAST_FILE_SECONDS, MOST_FILE_SECONDS } from './file-api.ts';
export { INFERENCE_ROUTES } from './inference-api.ts';
export { JOB_ROUTES } from './job-api.ts';
export { HYPERPARAMETERS, type JobBody } from './job-schema.ts';
export { LOOP_ROUTES } from './loop-api.ts';
export { MODEL_ROUTES } from './model-api.ts';
export { PAGE_ROUTES } from './page-api.ts';
export { listSchema, pageQuery } from './pages.ts';
export { PROBE_ROUTES } from './probe-api.ts';
export { MOST_RECORDS, RECORD_ROUTES, RECORDS_BODY } from './record-api.ts';
export type {
  Answered,
  ApiOf,
  Checked,
  Given,
  ParamNames,
  Route,
  RoutePolicy,
  RouteShape,
  Unchanging,
} from './route.ts';
export { everyRoute, ROUTES, type ServeApi } from './routes.ts';
export { SCOPES, type Scope } from './scopes.ts';
export { SESSION_ROUTES } from './session-api.ts';
