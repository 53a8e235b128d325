import { adminRoutes } from './admin/admin-routes.ts';
import type { HandledRoute } from './http/handled.ts';
import { sessionRoutes } from './http/session-routes.ts';
import { probeRoutes } from './http/probes.ts';
import { pageRoutes } from './page/page-routes.ts';
import { fileRoutes } from './files/file-routes.ts';
import { experimentRoutes } from './live/experiment-routes.ts';
import { inferenceRoutes } from './live/inference-routes.ts';
import { loopRoutes } from './live/loop-routes.ts';
import { feedbackRoutes } from './live/feedback-routes.ts';
import { rowRoutes } from './live/row-routes.ts';
import { jobRoutes } from './jobs/job-routes.ts';
import { labelRoutes } from './live/label-routes.ts';
import { chatRoutes } from './openai/chat-routes.ts';
import { modelRoutes, type ModelRouteOptions } from './openai/model-routes.ts';
import { recordRoutes } from './spool/record-routes.ts';
import { storedRoutes } from './openai/stored-routes.ts';

/** Every route of a server. */
export function serveRoutes(options: ModelRouteOptions): HandledRoute[] {
  const { services } = options;
  return [
    ...probeRoutes(services),
    ...chatRoutes(services),
    ...storedRoutes(services),
    ...modelRoutes(options),
    ...fileRoutes(services),
    ...jobRoutes(services),
    ...recordRoutes(services),
    ...inferenceRoutes(services),
    ...loopRoutes(services),
    ...feedbackRoutes(services),
    ...rowRoutes(services),
    ...experimentRoutes(services),
    ...adminRoutes(services),
    ...labelRoutes(services),
    ...sessionRoutes(services),
    ...pageRoutes(),
  ];
}
