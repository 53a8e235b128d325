import { existsSync } from 'node:fs';
import { z } from 'zod';
import { badInput } from '../../core/index.ts';
import { openLedger, type Ledger } from '../../ledger/index.ts';
import { option } from '../../options/index.ts';

export const STORE = option(z.string().min(1), { help: 'folder of the store, as serve has it', alias: '-s' });

export const USER = option(z.string().min(1), { help: 'the user, as requests name it (user, safety_identifier)' });

/** Works on a store that is there and that nobody else has. */
export async function withStore<T>(folder: string, work: (ledger: Ledger) => Promise<T>): Promise<T> {
  const ledger = await openLedger(folder, { mustExist: true });
  try {
    return await work(ledger);
  } finally {
    await ledger.close();
  }
}

export function requireNew(path: string): void {
  if (existsSync(path)) throw badInput({ file: path, message: 'must not be there yet; name another file' });
}
