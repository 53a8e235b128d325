import { RECORD_ROUTES } from '../../api/index.ts';
import { handled, type HandledRoute } from '../http/handled.ts';
import { ServeError } from '../serve-error.ts';
import type { ServeServices } from '../services.ts';

/** Where records of other servers come to. */
export function recordRoutes({ receiver }: Pick<ServeServices, 'receiver'>): HandledRoute[] {
  return [
    handled(RECORD_ROUTES.receive, async ({ body }) => {
      if (receiver === undefined)
        throw new ServeError(503, 'This server keeps nothing (--store none); forward to one that does', {
          code: 'no_store',
        });
      return receiver.receive(body);
    }),
  ];
}
