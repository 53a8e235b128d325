import type { z } from 'zod';
import { formatProblems, runFailed } from '../core/index.ts';
import type { SqlRow } from './sql.ts';

/** Rows as what a schema makes of them. Throws run-failed for a row that no version of ours has written. */
export function parseRows<T>(schema: z.ZodType<T>, rows: readonly SqlRow[]): T[] {
  return rows.map((row) => {
    const parsed = schema.safeParse(row);
    if (parsed.success) return parsed.data;
    const problems = parsed.error.issues.map(({ path, message }) => ({ message: `${path.join('.')}: ${message}` }));
    throw runFailed(
      `the database must hold rows of its own kind, got one with ${formatProblems(problems)}; restore a backup (preftune store restore)`,
    );
  });
}
