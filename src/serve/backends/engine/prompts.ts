import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { localTimeOf } from '../../../core/index.ts';
import { ServeError } from '../../serve-error.ts';
import type { PromptReply, PromptRequest, PromptResult, PromptWorkerData } from './prompt-messages.ts';

export interface PromptReaderOptions {
  /** A model's folder or file on this machine. */
  readonly location: string;
  /** What templates are told, a local time in ISO 8601. Default: now, each day anew where the template prints it. */
  readonly templateTime?: string | undefined;
  /** Whether the template asks for the time. */
  readonly asksTime: boolean;
  /** Milliseconds that one conversation or text may take. */
  readonly timeoutMs: number;
  readonly now?: (() => Date) | undefined;
}

/** Conversations and texts to ids, in a thread of their own. */
export interface PromptReader {
  /** Throws ServeError 400 for what the template refuses, and for what takes too long. */
  read(work: PromptRequest['work']): Promise<PromptResult>;
  dispose(): Promise<void>;
}

/** What clients call what is read. */
const FIELDS: Readonly<Record<PromptRequest['work']['type'], string>> = {
  chat: 'messages',
  text: 'prompt',
  decode: 'tokens',
};

interface Waiting {
  readonly request: PromptRequest;
  readonly resolve: (result: PromptResult) => void;
  readonly reject: (reason: Error) => void;
}

/**
 * One thread, which answers in order. The time of a request runs from when the thread takes it, and not while the thread itself is started: that is no fault of whoever
 * asks. Where it passes, the thread is ended and a new one goes on with the next request.
 */
export function createPromptReader(options: PromptReaderOptions): PromptReader {
  const { location, templateTime, asksTime, timeoutMs, now = () => new Date() } = options;
  const waiting: Waiting[] = [];
  let worker: Worker | undefined;
  let startedOn = '';
  let timer: NodeJS.Timeout | undefined;
  let isOpen = false;
  let nextId = 0;
  let isDisposed = false;

  const today = (): string => templateTime ?? localTimeOf(now());

  const stop = async (): Promise<void> => {
    const old = worker;
    worker = undefined;
    isOpen = false;
    clearTimeout(timer);
    await old?.terminate();
  };

  const start = (): Worker => {
    const time = today();
    // A template that prints the day must not go on with that of its start.
    if (worker !== undefined && asksTime && time.slice(0, 10) !== startedOn) void stop();
    if (worker !== undefined) return worker;
    startedOn = time.slice(0, 10);
    const created = startWorker({ location, templateTime: time });
    created.unref();
    created.on('message', (reply: PromptReply) => {
      if (created !== worker) return;
      if ('isOpen' in reply) {
        isOpen = true;
        if (waiting.length > 0) startTimer();
      } else take(reply);
    });
    created.on('error', (error) => void fail(created, error));
    worker = created;
    return created;
  };

  const startTimer = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void expire(), timeoutMs);
    timer.unref();
  };

  /** Gives the next request to the thread; its time runs as soon as the thread can take it. */
  const next = (): void => {
    const first = waiting[0];
    if (first === undefined || isDisposed) return;
    const thread = start();
    if (isOpen) startTimer();
    // oxlint-disable-next-line require-post-message-target-origin -- a worker's port has no origin
    thread.postMessage(first.request);
  };

  const take = (reply: Exclude<PromptReply, { readonly isOpen: true }>): void => {
    const first = waiting[0];
    if (first?.request.id !== reply.id) return;
    waiting.shift();
    clearTimeout(timer);
    const param = FIELDS[first.request.work.type];
    if ('result' in reply) first.resolve(reply.result);
    else if (reply.error.isBadInput) first.reject(new ServeError(400, reply.error.message, { param }));
    else first.reject(new Error(reply.error.message));
    next();
  };

  const fail = async (thread: Worker, error: Error): Promise<void> => {
    if (thread !== worker) return;
    const first = waiting.shift();
    await stop();
    first?.reject(error);
    next();
  };

  const expire = async (): Promise<void> => {
    const first = waiting.shift();
    await stop();
    const param = FIELDS[first?.request.work.type ?? 'chat'];
    first?.reject(
      new ServeError(400, `${param}: must be read within ${timeoutMs / 1000} s, and took longer; send less`, {
        param,
        code: 'template_timeout',
      }),
    );
    next();
  };

  // The first request need not wait for it.
  start();
  return {
    read: (work) =>
      new Promise((resolve, reject) => {
        if (isDisposed) return reject(new ServeError(503, 'the server is stopping', { code: 'shutting_down' }));
        waiting.push({ request: { id: nextId++, work }, resolve, reject });
        if (waiting.length === 1) next();
      }),
    dispose: async () => {
      isDisposed = true;
      for (const { reject } of waiting.splice(0))
        reject(new ServeError(503, 'the server is stopping', { code: 'shutting_down' }));
      await stop();
    },
  };
}

/** As the device's worker: from the sources only code inside the thread can register the loader of TypeScript. */
function startWorker(data: PromptWorkerData): Worker {
  const settings = { workerData: data, execArgv: [] };
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./prompt-worker.js', import.meta.url), settings);
  const loader = new URL('./api/index.mjs', pathToFileURL(createRequire(import.meta.url).resolve('tsx/esm'))).href;
  const entry = new URL('./prompt-worker.ts', import.meta.url).href;
  const script = `import('${loader}').then(({ register }) => { register(); return import('${entry}'); })`;
  return new Worker(script, { eval: true, ...settings });
}
