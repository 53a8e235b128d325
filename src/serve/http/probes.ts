import { z } from '@hono/zod-openapi';
import type { ServeServices } from '../services.ts';
import type { RouteDefinition } from './app.ts';

/** What platforms ask: whether the process lives, whether it answers, and its figures. */
export function probeRoutes({ metrics, isReady }: ServeServices): RouteDefinition[] {
  const status = z.object({ status: z.string() });
  return [
    {
      method: 'get',
      path: '/health',
      policy: 'public',
      summary: 'Whether the process lives',
      answer: status,
      handle: (context) => context.json({ status: 'ok' }),
    },
    {
      method: 'get',
      path: '/ready',
      policy: 'public',
      summary: 'Whether models answer; 503 while they are loaded and while the server stops',
      answer: status,
      handle: (context) =>
        isReady()
          ? context.json({ status: 'ready' })
          : context.json({ status: 'loading' }, 503, { 'retry-after': '1' }),
    },
    {
      method: 'get',
      path: '/metrics',
      policy: ['read'],
      summary: "Figures in Prometheus' text format",
      answerType: 'text/plain',
      answer: z.string(),
      handle: async (context) => context.text(await metrics.text(), 200, { 'content-type': metrics.contentType }),
    },
  ];
}
