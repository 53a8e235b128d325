import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { PreftuneError, runFailed } from '../core/index.ts';
import type { FromWorker, Replies, Request, RequestOf, ToWorker } from './messages.ts';

type Transfer = readonly ArrayBuffer[];

/** The host's end of the connection to the worker thread that owns ONNX Runtime. Requests are done in the order of sending. */
export class Channel {
  private readonly worker: Worker;
  private readonly pending = new Map<number, { resolve: (reply: never) => void; reject: (error: Error) => void }>();
  private nextId = 1;
  private ended: Error | undefined;

  constructor() {
    this.worker = startWorker();
    this.worker.on('message', (message: FromWorker) => this.receive(message));
    this.worker.on('error', (error) => this.end(runFailed(`device: the worker thread failed: ${error.message}`)));
    this.worker.on('exit', () => this.end(cancelled('device: the device was disposed before this finished')));
  }

  /** The reply; rejects with an Error that holds ONNX Runtime's message, or when the device ends first. */
  send<K extends Request['type']>(
    request: RequestOf<K>,
    { transfer = [], signal }: { transfer?: Transfer; signal?: AbortSignal | undefined } = {},
  ): Promise<Replies[K]> {
    if (this.ended !== undefined) return Promise.reject(this.ended);
    if (signal?.aborted === true) return Promise.reject(cancelled('run: cancelled by its signal'));
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.pending.delete(id);
        this.post({ cancel: id });
        this.settle();
        reject(cancelled('run: cancelled by its signal'));
      };
      const done = <T>(settle: (value: T) => void): ((value: T) => void) => {
        return (value) => {
          signal?.removeEventListener('abort', abort);
          settle(value);
        };
      };
      this.pending.set(id, { resolve: done(resolve), reject: done(reject) });
      signal?.addEventListener('abort', abort, { once: true });
      this.worker.ref();
      this.post({ id, request }, transfer);
    });
  }

  /** Gives something on the device back; where the device ends first it is gone already, which is no error. */
  async release(request: RequestOf<'free' | 'releaseProgram'>): Promise<void> {
    try {
      await this.send(request);
    } catch (error) {
      if (!(error instanceof PreftuneError && error.code === 'cancelled')) throw error;
    }
  }

  /** Rejects what is under way as cancelled, lets the worker finish its present operation, and ends it. */
  async close(): Promise<void> {
    if (this.ended !== undefined) return;
    const closed = this.send({ type: 'close' });
    const closeId = this.nextId - 1;
    const reason = cancelled('device: the device was disposed before this finished');
    for (const [id, { reject }] of this.pending) {
      if (id === closeId) continue;
      this.pending.delete(id);
      reject(reason);
    }
    await closed;
    this.end(reason);
    await this.worker.terminate();
  }

  private post(message: ToWorker, transfer: Transfer = []): void {
    this.worker.postMessage(message, transfer);
  }

  private receive(message: FromWorker): void {
    const waiting = this.pending.get(message.id);
    this.pending.delete(message.id);
    this.settle();
    if (waiting === undefined) return;
    if ('error' in message) waiting.reject(new Error(message.error));
    else waiting.resolve(message.reply as never);
  }

  /** An idle worker does not keep the process alive. */
  private settle(): void {
    if (this.pending.size === 0) this.worker.unref();
  }

  private end(reason: Error): void {
    this.ended ??= reason;
    for (const { reject } of this.pending.values()) reject(this.ended);
    this.pending.clear();
  }
}

export function cancelled(message: string): PreftuneError {
  return new PreftuneError('cancelled', message);
}

/**
 * From the sources the worker needs the TypeScript loader, which only code inside the thread can register; from dist/ it is
 * plain JavaScript.
 */
function startWorker(): Worker {
  const fromSource = import.meta.url.endsWith('.ts');
  if (!fromSource) return new Worker(new URL('./worker.js', import.meta.url), { execArgv: [] });
  const loader = new URL('./api/index.mjs', pathToFileURL(createRequire(import.meta.url).resolve('tsx/esm'))).href;
  const entry = new URL('./worker.ts', import.meta.url).href;
  const script = `import('${loader}').then(({ register }) => { register(); return import('${entry}'); })`;
  return new Worker(script, { eval: true, execArgv: [] });
}
