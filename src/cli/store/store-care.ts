import { statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { count, runFailed } from '../../core/index.ts';
import { defineCommand } from '../frame/command.ts';
import { STORE, withStore } from './store-options.ts';

const OPTIONS = z.strictObject({ store: STORE });

/** `preftune store check`: whether a store is as it was written. */
export const STORE_CHECK = defineCommand({
  name: 'store check',
  description: 'Says whether a store is whole: the database, the audit log, the uploaded files',
  examples: [
    { does: 'after a crash of the machine', words: '--store store' },
    { does: 'for a program that watches', words: '--store store --json' },
  ],
  options: OPTIONS,
  async run({ store }, { terminal }) {
    const { problems, orphans } = await withStore(store, (ledger) => ledger.check());
    if (problems.length > 0) throw runFailed(problems);
    const lines = orphans.map((path) => `${path} belongs to no row: what a kill left; it can be removed`);
    terminal.result({ store, problems: [], orphans: [...orphans] }, [`${store} is whole`, ...lines].join('\n'));
  },
});

/** `preftune store vacuum`: gives the room of what was deleted back. */
export const STORE_VACUUM = defineCommand({
  name: 'store vacuum',
  description: 'Rewrites the database of a store without the holes that deleted rows left',
  examples: [
    { does: 'after much was deleted', words: '--store store' },
    { does: 'how much it gave back, for a program', words: '--store store --json' },
  ],
  options: OPTIONS,
  async run({ store }, { terminal }) {
    const file = join(store, 'ledger.db');
    const { before, after } = await withStore(store, async (ledger) => {
      const sizeBefore = statSync(file).size;
      await ledger.vacuum();
      return { before: sizeBefore, after: statSync(file).size };
    });
    terminal.result(
      { store, bytesBefore: before, bytesAfter: after },
      `${file}: ${count(before)} bytes before, ${count(after)} now`,
    );
  },
});
