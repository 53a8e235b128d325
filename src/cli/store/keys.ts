import { z } from 'zod';
import { SCOPES } from '../../api/index.ts';
import { badInput, table, type JsonObject, type JsonValue } from '../../core/index.ts';
import { askHolder, isHeld, makeKey, openLedger, type KeyRecord } from '../../ledger/index.ts';
import { option, present } from '../../options/index.ts';
import { defineCommand } from '../frame/command.ts';
import { STORE, withStore } from './store-options.ts';

const DAY_MS = 86_400_000;
/** No column is left out: a narrow terminal breaks the lines. */
const MOST_COLUMNS = 1000;

const CREATE_OPTIONS = z.strictObject({
  store: STORE,
  name: option(z.string().min(1), { help: 'whose it is, for people' }),
  scopes: option(z.array(z.enum(SCOPES)).min(1), { help: 'what it may do, with commas between' }),
  origins: option(z.array(z.string().min(1)).min(1).optional(), {
    help: 'origins of web pages that may use it; none: no browser',
  }),
  expires: option(z.string().min(1).optional(), {
    help: 'a day (2027-06-30) or days from now (90d)',
    usually: 'never',
  }),
});

/** `preftune keys create`: a key for a server, shown once. */
export const KEYS_CREATE = defineCommand({
  name: 'keys create',
  description: 'Makes a key for a server and shows it, once; a running server takes it at once',
  examples: [
    { does: 'for an application', words: '--store store --name app --scopes infer' },
    { does: 'for fine-tuning, for 90 days', words: '--store store --name trainer --scopes infer,train --expires 90d' },
  ],
  options: CREATE_OPTIONS,
  check: ({ expires, origins }) => [
    ...(expires === undefined || expiryOf(expires, Date.now()) !== undefined
      ? []
      : [
          {
            path: 'expires',
            message: '--expires must be a day to come (2027-06-30) or days from now (90d); write one of them',
          },
        ]),
    ...(origins ?? [])
      .filter((origin) => !isOrigin(origin))
      .map((origin) => ({
        path: 'origins',
        message: `--origins must be origins of web pages (https://app.example.com), got ${JSON.stringify(origin)}; leave the path out`,
      })),
  ],
  async run({ store, name, scopes, origins, expires }, { terminal }) {
    const wish = {
      name,
      scopes: scopes,
      ...present({
        origins,
        expiresAt: expires === undefined ? undefined : expiryOf(expires, Date.now()),
      }),
    };
    if (isHeld(store)) {
      // The key itself never leaves this process: the server is given its hash.
      const { key, record, hash } = makeKey(wish, Date.now());
      await askHolder(store, { do: 'keys.add', record: mutable(record), hash });
      return terminal.result(shown(key, record), textOf(key, record));
    }
    // The first key comes before the first server: then the store is made here.
    const ledger = await openLedger(store);
    try {
      const { key, record } = await ledger.keys.create(wish);
      terminal.result(shown(key, record), textOf(key, record));
    } finally {
      await ledger.close();
    }
  },
});

/** `preftune keys list`: which keys there are. */
export const KEYS_LIST = defineCommand({
  name: 'keys list',
  description: 'Lists the keys of a store: names, scopes, when they were used last; never the keys themselves',
  examples: [
    { does: 'all of them', words: '--store store' },
    { does: 'for a program', words: '--store store --json' },
  ],
  options: z.strictObject({ store: STORE }),
  async run({ store }, { terminal }) {
    const records = isHeld(store)
      ? ((await askHolder(store, { do: 'keys.list' })) as unknown as readonly KeyRecord[])
      : await withStore(store, ({ keys }) => keys.list());
    const rows = records.map(({ id, name, scopes, createdAt, lastUsedAt, ...record }) => [
      id,
      name,
      scopes.join(','),
      stateOf(record),
      `made ${day(createdAt)}`,
      lastUsedAt === undefined ? 'never used' : `used ${day(lastUsedAt)}`,
    ]);
    terminal.result(
      records as unknown as JsonValue,
      rows.length === 0 ? 'no keys; preftune keys create makes one' : table(rows, MOST_COLUMNS).join('\n'),
    );
  },
});

/** `preftune keys revoke`: a key that opens nothing any more. */
export const KEYS_REVOKE = defineCommand({
  name: 'keys revoke',
  description: 'Takes a key back: a running server refuses it from then on',
  arguments: [{ name: 'id', help: 'key_..., as keys list shows it', isRequired: true }],
  examples: [
    { does: 'one that leaked', words: 'key_0123456789abcdef01 --store store' },
    { does: 'from a program', words: 'key_0123456789abcdef01 --store store --json' },
  ],
  options: z.strictObject({ store: STORE }),
  async run({ store }, { args, terminal }) {
    const id = args[0]!;
    const isRevoked = isHeld(store)
      ? await askHolder(store, { do: 'keys.revoke', id })
      : await withStore(store, ({ keys }) => keys.revoke(id));
    if (isRevoked !== true)
      throw badInput(
        `keys revoke: the id must be that of a key that is not revoked yet, got ${id}; preftune keys list shows them`,
      );
    terminal.result({ id, revoked: true }, `${id} is revoked`);
  },
});

/** Milliseconds since 1970; the end of a day that is named. Undefined for anything else, and for what is over. */
function expiryOf(text: string, now: number): number | undefined {
  const days = /^(\d{1,5})d$/.exec(text)?.[1];
  const at = days === undefined ? endOfDay(text) : now + Number(days) * DAY_MS;
  return at !== undefined && at > now ? at : undefined;
}

function endOfDay(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return undefined;
  const begin = Date.parse(`${text}T00:00:00Z`);
  // JavaScript takes the 31st of June for the 1st of July.
  return Number.isNaN(begin) || !new Date(begin).toISOString().startsWith(text) ? undefined : begin + DAY_MS;
}

function isOrigin(text: string): boolean {
  try {
    return new URL(text).origin === text;
  } catch {
    return false;
  }
}

function stateOf({ revokedAt, expiresAt }: Pick<KeyRecord, 'revokedAt' | 'expiresAt'>): string {
  if (revokedAt !== undefined) return `revoked ${day(revokedAt)}`;
  if (expiresAt === undefined) return 'valid';
  return `${expiresAt > Date.now() ? 'until' : 'expired'} ${day(expiresAt)}`;
}

function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

function shown(key: string, record: KeyRecord): JsonObject {
  return { key, ...record } as unknown as JsonObject;
}

function textOf(key: string, { id, scopes }: KeyRecord): string {
  return `${key}\nThis is ${id} with ${scopes.join(', ')}. It is shown this once: what is kept is its hash.`;
}

function mutable({ scopes, origins, ...record }: KeyRecord) {
  return { ...record, scopes: [...scopes], ...(origins === undefined ? {} : { origins: [...origins] }) };
}
