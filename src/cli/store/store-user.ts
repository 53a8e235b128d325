import { z } from 'zod';
import { badInput, count, isObject } from '../../core/index.ts';
import { requireWritableFile, writeLinesAtomic } from '../../files/index.ts';
import { askHolder, isHeld, userHash } from '../../ledger/index.ts';
import { option } from '../../options/index.ts';
import { defineCommand } from '../frame/command.ts';
import { requireNew, STORE, USER, withStore } from './store-options.ts';

/** `preftune store erase`: nothing of a user stays. */
export const STORE_ERASE = defineCommand({
  name: 'store erase',
  description: 'Erases all that a store keeps of a user, from the file and its log, also while a server works on it',
  examples: [
    { does: 'who asks for it', words: '--store store --user user-17' },
    { does: 'how many requests that were, for a program', words: '--store store --user user-17 --json' },
  ],
  options: z.strictObject({ store: STORE, user: USER }),
  async run({ store, user }, { terminal }) {
    const erased = isHeld(store)
      ? await askHolder(store, { do: 'users.erase', hash: userHash(store, user) })
      : await withStore(store, (ledger) => ledger.users.erase(user));
    const { inferences = 0, trainedOn = [] } = (isObject(erased) ? erased : {}) as {
      readonly inferences?: number;
      readonly trainedOn?: readonly string[];
    };
    terminal.result(
      { store, user, inferences, trainedOn: [...trainedOn] },
      `requests of ${user} erased: ${count(inferences)}; backups that were made before still hold them`,
    );
    if (trainedOn.length > 0)
      terminal.warn(
        `models have learned from rows of ${user}: ${trainedOn.join(', ')}; nothing takes that out of them: train anew without`,
      );
  },
});

/** `preftune store user`: what is kept of a user, for who asks what it is. */
export const STORE_USER = defineCommand({
  name: 'store user',
  description: 'Writes all that a store keeps of a user as JSON Lines, for who asks what it is',
  examples: [
    { does: 'on the screen', words: '--store store --user user-17' },
    { does: 'into a file', words: '--store store --user user-17 --output user-17.jsonl' },
  ],
  options: z.strictObject({
    store: STORE,
    user: USER,
    output: option(z.string().min(1).optional(), { help: 'file to write', alias: '-o', usually: 'standard output' }),
  }),
  async run({ store, user, output }, { terminal }) {
    if (user.trim() === '') throw badInput('--user must name a user, got white space');
    if (output !== undefined) {
      requireNew(output);
      requireWritableFile(output);
    }
    await withStore(store, async ({ users }) => {
      if (output === undefined) {
        for await (const row of users.export(user)) {
          if (terminal.isJson) terminal.result(row, '');
          else terminal.stream(`${JSON.stringify(row)}\n`);
        }
        return;
      }
      const rows = await writeLinesAtomic(output, async (write) => {
        let written = 0;
        for await (const row of users.export(user)) {
          write(JSON.stringify(row));
          written++;
        }
        return written;
      });
      terminal.result({ store, user, output, rows }, `${count(rows)} rows in ${output}`);
    });
  },
});
