import { chmodSync, existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { badInput, shownValue, unreachable, type JsonValue, type PreftuneError } from '../core/index.ts';
import { openDatabase, sql, type Database } from '../database/index.ts';
import { diskError, removeRemains, syncFolder, tryLock, type Lock } from '../files/index.ts';
import { createAudit } from './audit.ts';
import { writeBackup } from './backup.ts';
import { checkStore } from './check.ts';
import { present } from './columns.ts';
import { createFiles } from './files.ts';
import { serveInbox, type StoreRequest } from './inbox.ts';
import { createInferences } from './inferences.ts';
import { createJobs } from './jobs.ts';
import { createKeys, type KeyRing } from './keys.ts';
import type { Ledger, LedgerOptions, Retention } from './ledger.ts';
import { databasePath, inboxPath, lockPath, secretPath } from './places.ts';
import { redactJson, redactText } from './redact.ts';
import { LEDGER_KIND } from './schema.ts';
import { openSecret } from './secret.ts';
import { createSweep, DEFAULT_RETENTION } from './sweep.ts';
import { createUsers, type UserBook } from './users.ts';
import { createVersions } from './versions.ts';

const FLUSH_MS = 60_000;

/**
 * Opens a store, or makes one: `ledger.db`, `secret`, `files/`, `jobs/`, readable by their owner alone. Throws bad-input where another process has it (and says which
 * one), where the folder cannot be written or holds another program's file; run-failed where the file is damaged.
 *
 * @example
 * ```ts run
 * import { openLedger } from 'preftune/ledger';
 *
 * const ledger = await openLedger('store');
 * const { key } = await ledger.keys.create({ name: 'the application', scopes: ['infer'] });
 * console.log(ledger.keys.find(key)?.scopes); // [ 'infer' ]
 * await ledger.close();
 * ```
 */
export async function openLedger(folder: string, options: LedgerOptions = {}): Promise<Ledger> {
  const { now = Date.now, retention = DEFAULT_RETENTION, mustExist = false } = options;
  requireRetention(retention);
  if (mustExist && !existsSync(databasePath(folder)))
    throw badInput({ file: folder, message: 'must be a store, got no ledger.db in it; name the folder of --store' });
  requireContent(folder, mustExist);
  makeFolders(folder);
  const lock = lockStore(folder);
  let database: Database | undefined;
  try {
    removeRemains(folder, { isHolder: true });
    database = await openDatabase(databasePath(folder), LEDGER_KIND);
    chmodSync(databasePath(folder), 0o600);
    return await assemble(folder, { ...options, now, retention }, database, lock);
  } catch (error) {
    await database?.close();
    lock.release();
    throw error;
  }
}

interface Settings extends LedgerOptions {
  readonly now: () => number;
  readonly retention: Retention;
}

async function assemble(
  folder: string,
  { log = 'metadata', redacts = true, now, retention }: Settings,
  database: Database,
  lock: Lock,
): Promise<Ledger> {
  const secret = await openSecret(folder, database);
  const audit = createAudit(database, now);
  const ring = await createKeys(database, audit, now);
  // What a server was answering when it ended has no end of its own.
  await database.write([
    sql(
      "UPDATE inferences SET status = 'failed', error = 'the server ended before the answer did' WHERE status IS NULL",
    ),
  ]);
  const book = createUsers({ database, audit, secret, now });
  const backup = (path: string): Promise<void> => writeBackup(folder, database, path);
  const rooms: Holders['rooms'] = new Map();
  const flushing = setInterval(() => void ring.flush().catch(() => undefined), FLUSH_MS);
  flushing.unref();
  const inbox = serveInbox(folder, (request) => answerRequest(request, { ring, book, backup, rooms }));
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    clearInterval(flushing);
    await inbox.stop();
    try {
      await ring.flush();
    } finally {
      await database.close();
      rmSync(inboxPath(folder), { recursive: true, force: true });
      lock.release();
    }
  };
  return {
    folder,
    log,
    room: {
      database,
      audit: (entry, statements) => audit.append(entry, statements),
      hashUser: (user) => secret.hashUser(user),
      cleanText: (text) => (redacts ? redactText(text) : text),
      cleanJson: (value) => (redacts ? redactJson(value) : value),
      onRequest: (room, answer) => void rooms.set(room, answer),
      now,
    },
    inferences: createInferences({ database, secret, log, redacts, now }),
    users: book.users,
    keys: ring.keys,
    files: createFiles(database, now),
    jobs: createJobs(database, now),
    versions: createVersions(database, audit, now),
    audit: audit.log,
    sweep: createSweep({ database, retention, now, elapsed: () => performance.now() }),
    backup,
    check: () => checkStore(folder, database, audit.log),
    vacuum: () => database.vacuum(),
    deriveKey: (purpose) => secret.deriveKey(purpose),
    close: () => (closing ??= close()),
  };
}

interface Holders {
  readonly ring: KeyRing;
  readonly book: UserBook;
  readonly backup: (path: string) => Promise<void>;
  readonly rooms: Map<string, (request: JsonValue) => Promise<JsonValue>>;
}

/** What another process asks of this one. */
async function answerRequest(request: StoreRequest, { ring, book, backup, rooms }: Holders): Promise<JsonValue> {
  switch (request.do) {
    case 'keys.add':
      await ring.add(present(request.record), request.hash);
      return null;
    case 'keys.list':
      return (await ring.keys.list()) as unknown as JsonValue;
    case 'keys.revoke':
      return ring.keys.revoke(request.id);
    case 'users.erase':
      return (await book.eraseHash(request.hash)) as unknown as JsonValue;
    case 'backup':
      await backup(request.path);
      return null;
    case 'room': {
      const answer = rooms.get(request.room);
      if (answer === undefined)
        throw badInput(
          `the process that has the store must know about ${request.room}, and does not: it is no server; wait until it has ended`,
        );
      return answer(request.request);
    }
    default:
      return unreachable(request);
  }
}

function requireRetention({ textDays, metadataDays, feedbackDays }: NonNullable<LedgerOptions['retention']>): void {
  const problems = Object.entries({ textDays, metadataDays, feedbackDays })
    .filter(([, days]) => days !== undefined && !(days > 0 && Number.isFinite(days)))
    .map(([name, days]) => ({ path: name, message: `${name}: must be more than 0 days, got ${shownValue(days)}` }));
  if (problems.length > 0) throw badInput(problems);
}

/** SQLite takes an empty file for a new database: one that was cut to nothing would begin anew without a word. */
function requireContent(folder: string, mustExist: boolean): void {
  const file = databasePath(folder);
  const isEmpty = statSync(file, { throwIfNoEntry: false })?.size === 0;
  if (!isEmpty || (!mustExist && !existsSync(secretPath(folder)))) return;
  throw badInput({
    file,
    message: 'must hold what the store remembers, got an empty file; restore a backup (preftune store restore)',
  });
}

function makeFolders(folder: string): void {
  try {
    const made = mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const name of ['files', 'jobs']) mkdirSync(join(folder, name), { recursive: true, mode: 0o700 });
    syncFolder(folder);
    if (made !== undefined) syncFolder(dirname(made));
  } catch (error) {
    throw diskError(folder, error);
  }
}

function lockStore(folder: string): Lock {
  const { lock, owner } = tryLock(lockPath(folder));
  if (lock !== undefined) return lock;
  throw storeInUse(folder, owner);
}

type Owner = NonNullable<ReturnType<typeof tryLock>['owner']>;

export function storeInUse(folder: string, owner: Owner | undefined): PreftuneError {
  const who =
    owner === undefined ? 'several that start at once' : `process ${owner.pid} on ${owner.host} since ${owner.since}`;
  return badInput({
    file: folder,
    message: `one process at a time has a store, and this one is in use by ${who}; stop it, or work on a copy (preftune store backup, then store restore into another folder). If there is no such process any more, remove ${lockPath(folder)}`,
  });
}
