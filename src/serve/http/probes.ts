import { PROBE_ROUTES } from '../../api/index.ts';
import type { ServeServices } from '../services.ts';
import { handled, type HandledRoute } from './handled.ts';

export function probeRoutes({ metrics, isReady }: ServeServices): HandledRoute[] {
  return [
    handled(PROBE_ROUTES.health, () => ({ status: 'ok' })),
    handled(PROBE_ROUTES.ready, ({ context }) =>
      isReady() ? { status: 'ready' } : context.json({ status: 'loading' }, 503, { 'retry-after': '1' }),
    ),
    handled(PROBE_ROUTES.metrics, async ({ context }) =>
      context.text(await metrics.text(), 200, { 'content-type': metrics.contentType }),
    ),
  ];
}
