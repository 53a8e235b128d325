/** The thread that has the connection. Writes that wait together are committed together; each is answered after the commit. */
import { parentPort } from 'node:worker_threads';
import { internal, unreachable } from '../core/index.ts';
import { Connection } from './connection.ts';
import { faultOf } from './fault.ts';
import type { DatabaseReplies, DatabaseRequest, FromDatabase, ToDatabase } from './messages.ts';
import type { SqlStatement } from './sql.ts';

const port = parentPort ?? unreachable(undefined as never);

/** At most so many units share a commit, so that nobody waits for long. */
const MOST_UNITS = 1024;

/** Without a word for so long, the thread has time to tidy. */
const QUIET_MS = 200;

let connection: Connection | undefined;
const waiting: ToDatabase[] = [];
let isScheduled = false;
const quiet = setTimeout(() => connection?.tidy(), QUIET_MS);

port.on('message', (message: ToDatabase) => {
  waiting.push(message);
  schedule();
});

/** A commit blocks this thread; what arrives meanwhile is there in one piece afterwards, and shares the next one. */
function schedule(): void {
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(() => {
    isScheduled = false;
    work();
    if (waiting.length > 0) schedule();
    else quiet.refresh();
  });
}

function work(): void {
  const group: { readonly id: number; readonly statements: readonly SqlStatement[] }[] = [];
  const others: ToDatabase[] = [];
  while (waiting.length > 0 && group.length < MOST_UNITS) {
    const { id, request } = waiting[0]!;
    if (request.type === 'write') group.push({ id, statements: request.statements });
    else others.push(waiting[0]!);
    waiting.shift();
    // What is no read keeps its place among the writes.
    if (request.type !== 'write' && request.type !== 'read') break;
  }
  if (group.length > 0) commit(group);
  for (const { id, request } of others) answer(id, () => perform(request));
}

function commit(group: readonly { readonly id: number; readonly statements: readonly SqlStatement[] }[]): void {
  let outcomes;
  try {
    outcomes = opened().write(group.map(({ statements }) => statements));
  } catch (thrown) {
    outcomes = group.map(() => ({ thrown }));
  }
  for (const [place, { id }] of group.entries()) {
    const outcome = outcomes[place]!;
    if ('thrown' in outcome) post({ id, fault: faultOf(outcome.thrown) });
    else post({ id, reply: outcome.results });
  }
}

function answer(id: number, work_: () => DatabaseReplies[keyof DatabaseReplies]): void {
  try {
    post({ id, reply: work_() });
  } catch (error) {
    post({ id, fault: faultOf(error) });
  }
}

function post(message: FromDatabase): void {
  port.postMessage(message);
}

function opened(): Connection {
  if (connection === undefined) throw internal('the database is not open');
  return connection;
}

function perform(request: DatabaseRequest): DatabaseReplies[keyof DatabaseReplies] {
  switch (request.type) {
    case 'open':
      connection = new Connection(request.path, request.kind);
      return { sqliteVersion: connection.sqliteVersion };
    case 'write':
      throw internal('writes go by groups');
    case 'read':
      return request.statements.map((statement) => opened().all(statement));
    case 'checkpoint':
      opened().checkpoint();
      return null;
    case 'vacuum':
      opened().vacuum();
      return null;
    case 'check':
      return opened().check();
    case 'freeze':
      return { bytes: opened().freeze() };
    case 'thaw':
      opened().thaw();
      return null;
    case 'close':
      connection?.close();
      connection = undefined;
      return null;
    default:
      return unreachable(request);
  }
}
