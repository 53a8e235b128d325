import { z } from '@hono/zod-openapi';
import type { RouteDefinition } from '../http/app.ts';
import { readBody } from '../http/json-body.ts';
import { ServeError } from '../serve-error.ts';
import type { ServeServices } from '../services.ts';
import { RECORDS_BODY } from './receive-records.ts';

/** What a batch may have: the sender keeps to 1 MiB unless a single record is that long. */
const MOST_BYTES = 4 * 2 ** 20;

const RECEIVED = z.object({
  accepted: z.array(z.string()),
  duplicates: z.array(z.string()),
  refused: z.array(z.object({ id: z.string(), reason: z.string() })),
});

/** Where records of other servers come to. */
export function recordRoutes({ receiver }: Pick<ServeServices, 'receiver'>): RouteDefinition[] {
  return [
    {
      method: 'post',
      path: '/v1/preftune/records',
      policy: ['feedback'],
      summary: 'Takes records that another preftune forwards, each once',
      body: RECORDS_BODY,
      answer: RECEIVED,
      handle: async (context) => {
        // Whoever reads a page has its key, and could make up answers that nobody gave.
        if (context.get('caller').isPageKey === true)
          throw new ServeError(403, 'A key that is bound to origins may not forward records; make one that is not', {
            code: 'insufficient_scope',
          });
        if (receiver === undefined)
          throw new ServeError(503, 'This server keeps nothing (--store none); forward to one that does', {
            code: 'no_store',
          });
        return context.json(await receiver.receive(await readBody(context, MOST_BYTES)));
      },
    },
  ];
}
