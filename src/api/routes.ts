import { ADMIN_ROUTES } from './admin-api.ts';
import { CHAT_ROUTES, STORED_ROUTES } from './chat-api.ts';
import { EXPERIMENT_ROUTES } from './experiment-api.ts';
import { FILE_ROUTES } from './file-api.ts';
import { INFERENCE_ROUTES } from './inference-api.ts';
import { JOB_ROUTES } from './job-api.ts';
import { LOOP_ROUTES } from './loop-api.ts';
import { MODEL_ROUTES } from './model-api.ts';
import { PAGE_ROUTES } from './page-api.ts';
import { PROBE_ROUTES } from './probe-api.ts';
import { RECORD_ROUTES } from './record-api.ts';
import { SESSION_ROUTES } from './session-api.ts';
import type { ApiOf, Route } from './route.ts';

/** Every route of a server, by what it is about. */
export const ROUTES = {
  probes: PROBE_ROUTES,
  chat: CHAT_ROUTES,
  stored: STORED_ROUTES,
  models: MODEL_ROUTES,
  files: FILE_ROUTES,
  jobs: JOB_ROUTES,
  records: RECORD_ROUTES,
  inferences: INFERENCE_ROUTES,
  loop: LOOP_ROUTES,
  experiments: EXPERIMENT_ROUTES,
  admin: ADMIN_ROUTES,
  sessions: SESSION_ROUTES,
  page: PAGE_ROUTES,
} as const;

type ValueOf<T> = T[keyof T];
/** Of each group apart: the groups have names of their own. */
type RoutesIn<Group> = Group extends Readonly<Record<string, Route>> ? ValueOf<Group> : never;

/** What `preftune serve` takes and gives, by method and path. */
export type ServeApi = ApiOf<RoutesIn<ValueOf<typeof ROUTES>>>;

/**
 * Every route as a list.
 *
 * @example
 * ```ts run
 * import { everyRoute } from 'preftune/api';
 *
 * const open = everyRoute().filter(({ policy, answerType }) => policy === 'public' && answerType === undefined);
 * console.log(open.map(({ path }) => path).join(' ')); // /health /ready /v1/preftune/session /v1/preftune/session
 * ```
 */
export function everyRoute(): readonly Route[] {
  return Object.values(ROUTES).flatMap((group) => Object.values<Route>(group));
}
