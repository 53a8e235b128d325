import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { count, runFailed } from '../../core/index.ts';
import { requireWritableFile } from '../../files/index.ts';
import { askHolder, isHeld, openLedger, restoreBackup } from '../../ledger/index.ts';
import { option } from '../../options/index.ts';
import { defineCommand } from '../frame/command.ts';
import { requireNew, STORE, withStore } from './store-options.ts';

/** `preftune store backup`: a copy of a store as one file, also while a server works on it. */
export const STORE_BACKUP = defineCommand({
  name: 'store backup',
  description: 'Copies a store into one file (tar), also while a server works on it',
  examples: [
    { does: 'every night', words: '--store store --output backup.tar' },
    { does: 'on another disk', words: '--store store --output /mnt/backups/monday.tar' },
  ],
  options: z.strictObject({
    store: STORE,
    output: option(z.string().min(1), { help: 'file to write, which must not be there yet', alias: '-o' }),
  }),
  async run({ store, output }, { terminal }) {
    const path = resolve(output);
    requireNew(path);
    requireWritableFile(path);
    const activity = terminal.activity('copying');
    if (isHeld(store)) await askHolder(store, { do: 'backup', path });
    else await withStore(store, (ledger) => ledger.backup(path));
    activity.finish();
    const bytes = statSync(path).size;
    const leftOut = runsOf(store);
    terminal.result(
      { store, output, bytes, leftOut },
      `${count(bytes)} bytes in ${output}; it holds the secret of the store: keep it as safe`,
    );
    if (leftOut.length > 0)
      terminal.note(`run folders of jobs are left out; copy those whose models you need: ${leftOut.join(', ')}`);
  },
});

/** The run folders of a store: what its jobs trained, which is large. */
function runsOf(store: string): string[] {
  const folder = join(store, 'jobs');
  return existsSync(folder)
    ? readdirSync(folder)
        .toSorted()
        .map((name) => `jobs/${name}`)
    : [];
}

/** `preftune store restore`: a store from a backup. */
export const STORE_RESTORE = defineCommand({
  name: 'store restore',
  description: 'Makes a store from a backup, in a new folder; it is there whole or not at all',
  examples: [
    { does: 'into a new folder', words: '--from backup.tar --store restored' },
    { does: 'to work on a copy while a server runs', words: '--from backup.tar --store copy' },
  ],
  options: z.strictObject({
    store: STORE,
    from: option(z.string().min(1), { help: 'what store backup wrote' }),
  }),
  async run({ store, from }, { terminal }) {
    const missing: string[] = [];
    await restoreBackup(from, store, async (folder) => {
      missing.push(...(await settle(folder)));
    });
    for (const id of missing) terminal.warn(`${id} was removed while the backup was made: its bytes are not there`);
    terminal.result(
      { store, from, missingFiles: missing },
      `${store} is whole; preftune serve --store ${store} goes on with it`,
    );
  },
});

/** A store that was just unpacked must be whole. Files that went while the backup was made are marked; gives their ids. */
async function settle(folder: string): Promise<string[]> {
  const ledger = await openLedger(folder, { mustExist: true });
  try {
    const { problems } = await ledger.check();
    const isMissing = ({ file, message }: { file?: string; message: string }): boolean =>
      file?.startsWith(join(folder, 'files')) === true && message.startsWith('must be there');
    const others = problems.filter((problem) => !isMissing(problem));
    if (others.length > 0) throw runFailed(others);
    const ids = problems.map(({ file }) => file!.slice(join(folder, 'files').length + 1));
    for (const id of ids) await ledger.files.setStatus(id, 'error', 'its bytes were removed while the backup was made');
    return ids;
  } finally {
    await ledger.close();
  }
}
