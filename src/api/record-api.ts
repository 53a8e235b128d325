import { z } from 'zod';
import type { Route } from './route.ts';

export const MOST_RECORDS = 1000;

/** The body, its records yet unread: one that is wrong must not stand in the way of the others. */
export const RECORDS_BODY = z.strictObject({
  records: z.array(z.looseObject({ id: z.string().min(1).max(100), record: z.unknown() })).max(MOST_RECORDS),
  /** Records that the sender lost since its spool was made. */
  dropped: z.int().min(0).optional(),
});

/** Where records of other servers come to. */
export const RECORD_ROUTES = {
  receive: {
    method: 'post',
    path: '/v1/preftune/records',
    policy: ['feedback'],
    // It could make up answers that nobody gave.
    refusesPageKeys: true,
    summary: 'Takes records that another preftune forwards, each once',
    body: RECORDS_BODY,
    isBodyRaw: true,
    // The sender keeps to 1 MiB unless a single record is that long.
    maxBodyBytes: 4 * 2 ** 20,
    answer: z.object({
      accepted: z.array(z.string()),
      duplicates: z.array(z.string()),
      refused: z.array(z.object({ id: z.string(), reason: z.string() })),
    }),
  },
} as const satisfies Record<string, Route>;
