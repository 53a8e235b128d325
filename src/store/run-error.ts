import { diskError } from '../files/index.ts';
import type { PreftuneError } from '../core/index.ts';

/** diskError for what belongs to a run, which goes on where it was. */
export function runDiskError(path: string, error: unknown): PreftuneError {
  return diskError(
    path,
    error,
    'and run the same command with --resume. What was written before is complete and readable',
  );
}
