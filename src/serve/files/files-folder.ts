import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Ledger } from '../../ledger/index.ts';

/** The folder of a store's uploads. */
export function filesFolder({ folder }: Ledger): string {
  const path = join(folder, 'files');
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return path;
}
