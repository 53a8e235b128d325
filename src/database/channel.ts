import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { internal, runFailed } from '../core/index.ts';
import { databaseError } from './fault.ts';
import type { DatabaseReplies, DatabaseRequest, FromDatabase, ToDatabase } from './messages.ts';

interface Pending {
  readonly resolve: (reply: never) => void;
  readonly reject: (error: Error) => void;
}

/** The host's end of the connection to the thread. */
export class DatabaseChannel {
  private readonly worker: Worker;
  private readonly path: string;
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;
  private ended: Error | undefined;

  constructor(path: string) {
    this.path = path;
    this.worker = startWorker();
    this.worker.on('message', (message: FromDatabase) => this.receive(message));
    this.worker.on('error', (error) =>
      this.end(runFailed(`${path}: the thread of the database failed: ${error.message}`)),
    );
    this.worker.on('exit', () => this.end(runFailed(`${path}: the database was closed before this was done`)));
  }

  send<K extends DatabaseRequest['type']>(
    request: Extract<DatabaseRequest, { readonly type: K }>,
  ): Promise<DatabaseReplies[K]> {
    if (this.ended !== undefined) return Promise.reject(this.ended);
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      this.worker.ref();
      this.post({ id, request });
    });
  }

  /** Lets the thread do what it was asked before, and ends it. */
  async close(): Promise<void> {
    if (this.ended !== undefined) return;
    const closed = this.send({ type: 'close' });
    this.ended = runFailed(`${this.path}: the database is closed`);
    try {
      await closed;
    } finally {
      await this.worker.terminate();
    }
  }

  private post(message: ToDatabase, transfer: readonly ArrayBuffer[] = []): void {
    this.worker.postMessage(message, transfer);
  }

  private receive(message: FromDatabase): void {
    const waiting = this.pending.get(message.id);
    this.pending.delete(message.id);
    // An idle database does not keep the process alive.
    if (this.pending.size === 0) this.worker.unref();
    if (waiting === undefined) throw internal(`the database answered ${message.id}, which nobody asked`);
    if ('fault' in message) waiting.reject(databaseError(this.path, message.fault));
    else waiting.resolve(message.reply as never);
  }

  private end(reason: Error): void {
    this.ended ??= reason;
    for (const { reject } of this.pending.values()) reject(this.ended);
    this.pending.clear();
  }
}

/** From the sources the worker needs the TypeScript loader, which only code inside the thread can register. */
function startWorker(): Worker {
  const fromSource = import.meta.url.endsWith('.ts');
  if (!fromSource) return new Worker(new URL('./worker.js', import.meta.url), { execArgv: [] });
  const loader = new URL('./api/index.mjs', pathToFileURL(createRequire(import.meta.url).resolve('tsx/esm'))).href;
  const entry = new URL('./worker.ts', import.meta.url).href;
  const script = `import('${loader}').then(({ register }) => { register(); return import('${entry}'); })`;
  return new Worker(script, { eval: true, execArgv: [] });
}
