import { z } from 'zod';
import type { Route } from './route.ts';

const STATUS = z.object({ status: z.string() });

/** What platforms ask: whether the process lives, whether it answers, and its figures. */
export const PROBE_ROUTES = {
  health: {
    method: 'get',
    path: '/health',
    policy: 'public',
    summary: 'Whether the process lives',
    answer: STATUS,
  },
  ready: {
    method: 'get',
    path: '/ready',
    policy: 'public',
    summary: 'Whether models answer; 503 while they are loaded and while the server stops',
    answer: STATUS,
  },
  metrics: {
    method: 'get',
    path: '/metrics',
    policy: ['read'],
    summary: "Figures in Prometheus' text format",
    answerType: 'text/plain',
    answer: z.string(),
  },
} as const satisfies Record<string, Route>;
