/**
 * How a command reaches the process that has the store: a request is a file in `inbox/`, and so is its answer. Whoever may write there owns the store already. No key
 * and no user's name is ever written: a request holds hashes.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { SCOPES } from '../api/index.ts';
import { badInput, messageOf, PreftuneError, runFailed, type ErrorCode, type JsonValue } from '../core/index.ts';
import { lockOwner, removeRemains, writeFileAtomic } from '../files/index.ts';
import { inboxPath, lockPath } from './places.ts';

const KEY = z.object({
  id: z.string().regex(/^key_[0-9a-f]{18}$/),
  name: z.string().min(1).max(200),
  scopes: z.array(z.enum(SCOPES)).min(1),
  createdAt: z.int(),
  expiresAt: z.int().optional(),
  origins: z.array(z.string()).optional(),
});
const HASH = z.string().regex(/^[0-9a-f]{64}$/);

export const STORE_REQUEST = z.discriminatedUnion('do', [
  z.object({ do: z.literal('keys.add'), record: KEY, hash: HASH }),
  z.object({ do: z.literal('keys.list') }),
  z.object({ do: z.literal('keys.revoke'), id: z.string() }),
  z.object({ do: z.literal('users.erase'), hash: HASH }),
  z.object({ do: z.literal('backup'), path: z.string() }),
  z.object({ do: z.literal('room'), room: z.string(), request: z.json() }),
]);
/** What a command may ask of whoever has the store. */
export type StoreRequest = z.output<typeof STORE_REQUEST>;

export type AnswerRequest = (request: StoreRequest) => Promise<JsonValue>;

const ANSWER = z.union([
  z.object({ answer: z.json() }),
  z.object({ code: z.string(), problems: z.array(z.looseObject({ message: z.string() })) }),
]);

const POLL_MS = 250;
const REQUEST = /^([0-9a-f-]{36})\.request\.json$/;
const MOST_BYTES = 2 ** 16;

/** Answers requests until `stop`. What lies there from before is of commands that gave up. */
export function serveInbox(folder: string, answer: AnswerRequest): { stop(): Promise<void> } {
  const inbox = inboxPath(folder);
  rmSync(inbox, { recursive: true, force: true });
  mkdirSync(inbox, { mode: 0o700 });
  let working = Promise.resolve();
  const look = (): void => {
    for (const name of namesIn(inbox)) {
      const id = REQUEST.exec(name)?.[1];
      if (id !== undefined) working = working.then(() => answerOne(inbox, id, answer));
    }
  };
  let isBusy = false;
  const timer = setInterval(() => {
    if (isBusy) return;
    isBusy = true;
    look();
    void working.finally(() => {
      isBusy = false;
    });
  }, POLL_MS);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await working;
    },
  };
}

function namesIn(inbox: string): string[] {
  try {
    return readdirSync(inbox);
  } catch {
    // Removed by hand: nobody can ask anything then.
    return [];
  }
}

async function answerOne(inbox: string, id: string, answer: AnswerRequest): Promise<void> {
  const path = join(inbox, `${id}.request.json`);
  let reply: JsonValue;
  try {
    reply = { answer: await answer(readRequest(path)) };
  } catch (error) {
    const { code, problems } = error instanceof PreftuneError ? error : new PreftuneError('internal', messageOf(error));
    reply = {
      code,
      problems: problems.map(({ message, file }) => (file === undefined ? { message } : { message, file })),
    };
  }
  try {
    // The answer comes before the request goes: who waits never finds neither.
    writeFileAtomic(join(inbox, `${id}.answer.json`), JSON.stringify(reply), { mode: 0o600 });
    rmSync(path, { force: true });
  } catch {
    // A disk that takes no answer: the command says that none came.
  }
}

function readRequest(path: string): StoreRequest {
  if (statSync(path).size > MOST_BYTES) throw badInput('a request to a store must be small');
  const parsed = STORE_REQUEST.safeParse(JSON.parse(readFileSync(path, 'utf8')));
  if (parsed.success) return parsed.data;
  throw badInput(
    'the process that has the store must know the request, got one that it does not; use the same version of preftune for both',
  );
}

/** Whether a process that lives has the store. */
export function isHeld(folder: string): boolean {
  return lockOwner(lockPath(folder)) !== undefined;
}

/** How long an answer may take while the one who is asked lives. */
const PATIENCE_MS = 15_000;

/** Asks the process that has the store. Throws what it answers, and run-failed where no answer comes. A backup may take as long as it likes. */
export async function askHolder(folder: string, request: StoreRequest): Promise<JsonValue> {
  const inbox = inboxPath(folder);
  const id = randomUUID();
  const [asked, answered] = ['request', 'answer'].map((kind) => join(inbox, `${id}.${kind}.json`));
  const owner = lockOwner(lockPath(folder));
  const who =
    owner === undefined
      ? 'the process that has the store'
      : `process ${owner.pid} on ${owner.host}, which has the store,`;
  if (!existsSync(inbox))
    throw runFailed({
      file: folder,
      message: `${who} must take requests, got no inbox; try again when it has started`,
    });
  try {
    writeFileAtomic(asked!, JSON.stringify(request), { mode: 0o600 });
    const end = Date.now() + PATIENCE_MS;
    while (!existsSync(answered!)) {
      if (!isHeld(folder))
        throw runFailed({
          file: folder,
          message: `${who} must answer, got its end before; run the same command again`,
        });
      if (request.do !== 'backup' && Date.now() > end)
        throw runFailed({
          file: folder,
          message: `${who} must answer, got nothing for ${PATIENCE_MS / 1000} seconds; see whether it is at work`,
        });
      await sleep(POLL_MS / 5);
    }
    const reply = ANSWER.parse(JSON.parse(readFileSync(answered!, 'utf8')));
    if ('answer' in reply) return reply.answer as JsonValue;
    throw new PreftuneError(reply.code as ErrorCode, reply.problems);
  } finally {
    for (const path of [asked, answered]) rmSync(path!, { force: true });
    removeRemains(inbox);
  }
}
