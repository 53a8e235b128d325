import { createHash } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import type { Scope } from '../api/index.ts';
import { badInput, messageOf, runFailed, type Problem } from '../core/index.ts';
import type { Experiments } from '../experiments/index.ts';
import { answerFeedbackRequest, FEEDBACK_REQUEST, openFeedback } from '../feedback/index.ts';
import { hourly, sweepHourly, type KeyRecord, type Ledger } from '../ledger/index.ts';
import type { ResolveModel } from '../policy/index.ts';
import { sweepFilesHourly } from './files/files-folder.ts';
import { createJobManager } from './jobs/job-manager.ts';
import { trainableModel } from './jobs/trainable.ts';
import { createUpstreamBackends, type UpstreamBackend } from './backends/upstream/upstream-backend.ts';
import type { OwnEngine } from './backends/engine/own-engine.ts';
import { connectionLimits } from './config/limits.ts';
import { isLoopback } from './config/loopback.ts';
import type { ServeSettings } from './config/serve-config.ts';
import { createAllowance } from './http/allowance.ts';
import { createApp } from './http/app.ts';
import { equalInConstantTime, hostName, type Caller } from './http/guard.ts';
import { createSessions } from './http/session.ts';
import { OWNER_RIGHTS } from './http/session-routes.ts';
import { createLimitedServer } from './http/limited-server.ts';
import { createMetrics, type EngineGauges } from './http/metrics.ts';
import { createAdapterLoader, type AdapterLoader } from './models/adapter-loader.ts';
import { createModelBook, type ModelBook } from './models/model-book.ts';
import { closeByTheMinute, openLiveExperiments } from './live/live-experiments.ts';
import { takeLoopRequests } from './live/loop-requests.ts';
import { openForwarder } from './spool/forwarder.ts';
import { createReceiver } from './spool/receive-records.ts';
import { checkModels, loadModels, recordVersion, type CheckedModels } from './models/open-models.ts';
import { serveRoutes } from './routes.ts';
import { ServeError } from './serve-error.ts';
import type { ServeServices } from './services.ts';

export interface ServerOptions {
  readonly settings: ServeSettings;
  /** Undefined where nothing is kept. It stays the caller's. */
  readonly ledger: Ledger | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly resolve: ResolveModel;
  /** What an operator should know: faults of our own, models that came and went. */
  readonly onNote: (note: string) => void;
  /** Program and words that run preftune, for fine-tuning jobs: node, its flags, main.js. */
  readonly command: readonly string[];
  /** preftune's own. */
  readonly version: string;
  /** Asks for a key or a session whoever else could reach it, also where there is no key. Default false. */
  readonly isClosed?: boolean | undefined;
}

/** A server that listens. */
export interface RunningServer {
  /** `http://127.0.0.1:8000`. */
  readonly url: string;
  /** Resolves when models answer; rejects where they do not fit into memory. */
  readonly ready: Promise<void>;
  readonly book: ModelBook;
  readonly adapters: AdapterLoader;
  /** The address of the page; where callers need a key, one that signs its owner in, once. */
  pageUrl(): Promise<string>;
  /** An address that signs somebody else in, once, with these rights. */
  inviteUrl(scopes: readonly Scope[], forMs: number): Promise<string>;
  /** Takes no more requests, lets those under way end for at most so long, then cancels them and gives everything back. */
  close(graceMs?: number): Promise<void>;
}

/**
 * Checks everything, listens, and loads the models. Throws bad-input with every problem before anything listens, and run-failed where the address is taken.
 *
 * @example
 * ```ts
 * import { openLedger } from 'preftune/ledger';
 * import { parseServeSettings, startServer } from 'preftune/serve';
 *
 * const settings = parseServeSettings({ model: 'model.gguf', port: 8000 });
 * const ledger = await openLedger(settings.store);
 * const server = await startServer({
 *   settings,
 *   ledger,
 *   command: ['node', 'node_modules/preftune/dist/cli/main.js'],
 *   environment: process.env,
 *   resolve: async (model) => model,
 *   onNote: console.error,
 *   version: '1.0.0',
 * });
 * await server.ready;
 * console.log(server.url);
 * ```
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { settings, ledger, environment, onNote } = options;
  const envKey = settings.apiKeyEnv === undefined ? undefined : environment[settings.apiKeyEnv];
  const models = await checkAll(options, envKey);
  const book = createModelBook();
  const engines = new Map<string, OwnEngine>();
  const allowance = createAllowance(settings);
  let state: 'loading' | 'ready' | 'stopping' = 'loading';
  const adapters = createAdapterLoader({
    book,
    engines,
    tokenLimit: settings.maxTokens,
    onVersion: (version, digest) => recordVersion(ledger, version, digest),
    onNote,
  });
  const upstreams = createUpstreamBackends(settings.upstreams ?? [], { environment, onNote });
  let forwarder: ServeServices['forwarder'];
  let receiver: ServeServices['receiver'];
  let experiments: Experiments | undefined;
  try {
    forwarder = openForwarder(settings, { environment, onNote });
    receiver = ledger && createReceiver({ folder: join(settings.store, 'arrivals') });
    experiments = ledger && (await openLiveExperiments(ledger, { book, onNote }));
  } catch (thrown) {
    await forwarder?.close(0);
    receiver?.dispose();
    await models.close();
    throw thrown;
  }
  const metrics = createMetrics({
    forward: () => forwarder?.stats(),
    upstreams: () => [...upstreams.values()].map((upstream) => upstream.state()),
    gauges: () => gaugesOf(engines),
  });
  const jobs =
    ledger &&
    createJobManager({
      ledger,
      command: options.command,
      environment: withoutKeys(environment, settings),
      trainable: (name) => trainableModel(book, name),
      onModel: async (adapter) => void (await adapters.load({ ...adapter, replaces: true })),
      onModelGone: (name) => adapters.unload(name),
      threads: settings.jobThreads,
      atOnce: settings.jobsAtOnce,
      maxQueued: settings.maxJobs,
      onNote,
    });
  const keys = keysOf(ledger, { envKey, isAlone: isLoopback(settings.host) && options.isClosed !== true });
  const needsKey = (): boolean => settings.auth === 'keys' && keys.hasKeys();
  const sessions = await createSessions({ room: ledger?.room, keyOf: keys.keyOf, isClosed: needsKey });
  const feedback = ledger && openFeedback(ledger);
  ledger?.room.onRequest('feedback', (asked) => answerFeedbackRequest(feedback!, FEEDBACK_REQUEST.parse(asked)));
  const services: ServeServices = {
    access: { sessions, findKey: keys.findKey, needsKey },
    forwarder,
    receiver,
    book,
    ledger,
    metrics,
    limits: settings,
    adapters,
    jobs,
    feedback,
    experiments,
    arms: experiments,
    feedbackAllowance: createAllowance({ tokensPerMinute: settings.feedbackPerMinute, what: 'signals' }),
    requireRoom: (caller) => {
      if (state !== 'ready') throw notReady(state);
      allowance.take(nameOf(caller));
    },
    spend: (caller, tokens) => allowance.spend(nameOf(caller), tokens),
    tellFault: (requestId, thrown) =>
      onNote(`${requestId}: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`),
    isReady: () => state === 'ready',
  };
  if (ledger !== undefined) takeLoopRequests(ledger, book);
  const roots = settings.adapterRoot === undefined ? [] : [settings.adapterRoot].flat();
  const routes = serveRoutes({ services, adapterRoots: roots });
  const { app } = createApp({
    services,
    version: options.version,
    routes,
    auth: settings.auth,
    ...keys,
    pageOrigins: async () => originsOfKeys(await ledger?.keys.list()),
    findSession: sessions.find,
    allowedHosts: hostsOf(settings),
    allowedOrigins: new Set(settings.corsOrigins === undefined ? [] : [settings.corsOrigins].flat()),
  });
  // Whoever sends a form sends a file.
  const uploads = new Set(
    routes.flatMap(({ route: { form, method, path } }) => (form === undefined ? [] : [`${method} ${path}`])),
  );
  const server = createLimitedServer({
    limits: connectionLimits(settings),
    isUpload: (method, path) => uploads.has(`${method.toLowerCase()} ${path}`),
    listener: getRequestListener(app.fetch, { overrideGlobalObjects: false }),
  });
  try {
    await listen(server, settings);
  } catch (thrown) {
    await forwarder?.close(0);
    receiver?.dispose();
    await models.close();
    throw thrown;
  }
  const sweeping = ledger && sweepHourly(ledger, onNote);
  const closingUnits = experiments && closeByTheMinute(experiments, { ledger: ledger!, book, onNote });
  const sweepingFiles = ledger && sweepFilesHourly(ledger, onNote);
  // They may hold texts.
  const sweepingArrivals =
    receiver &&
    hourly(async () => {
      try {
        receiver.sweep(settings.textDays);
      } catch (thrown) {
        onNote(`records of other servers that are kept too long could not be removed: ${messageOf(thrown)}`);
      }
    });
  const load = async (): Promise<void> => {
    for (const upstream of upstreams.values()) void tellHealth(upstream, onNote);
    await loadModels(models, { settings, book, adapters, engines, ledger, upstreams, onNote });
    await jobs?.begin();
    if (state === 'loading') state = 'ready';
  };
  const ready = load();
  ready.catch(() => undefined);
  let closing: Promise<void> | undefined;
  const close = async (graceMs: number): Promise<void> => {
    state = 'stopping';
    await ready.catch(() => undefined);
    await closeServer(server, graceMs);
    await forwarder?.close(DRAIN_MS);
    receiver?.dispose();
    await jobs?.close();
    await sweeping?.stop();
    await closingUnits?.stop();
    await sweepingFiles?.stop();
    await sweepingArrivals?.stop();
    await book.dispose();
    for (const own of engines.values()) await own.dispose();
  };
  const { port } = server.address() as AddressInfo;
  return {
    url: urlOf(settings.host, port),
    ready,
    book,
    adapters,
    inviteUrl: async (scopes, forMs) =>
      `${urlOf(settings.host, port)}/login/${await sessions.invite({ keyId: OWNER_RIGHTS.keyId, scopes, forMs })}`,
    pageUrl: async () => {
      const address = urlOf(settings.host, port);
      return needsKey() ? `${address}/login/${await sessions.invite(OWNER_RIGHTS)}` : `${address}/ui/`;
    },
    close: (graceMs = settings.graceSeconds * 1000) => (closing ??= close(graceMs)),
  };
}

function gaugesOf(engines: ReadonlyMap<string, OwnEngine>): EngineGauges {
  let [running, waiting] = [0, 0];
  for (const { engine } of engines.values()) {
    const stats = engine.stats();
    running += stats.running;
    waiting += stats.waiting;
  }
  return { running, waiting };
}

/** Lets requests under way end, for at most so long. */
async function closeServer(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  // A client keeps its connection when its answer has ended, and would hold the end up until the grace is over.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  const grace = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearInterval(sweep);
  clearTimeout(grace);
}

function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
}

/** Says what is wrong with another server at the start. It may come later, so nobody waits for it. */
async function tellHealth(upstream: UpstreamBackend, onNote: (note: string) => void): Promise<void> {
  const { problem } = await upstream.health();
  if (problem !== undefined) onNote(problem);
}

/** What waits for a home server then stays on the disk. */
const DRAIN_MS = 4000;

/** Origins of pages that have a key for feedback. */
function originsOfKeys(keys: readonly KeyRecord[] = []): ReadonlySet<string> {
  const now = Date.now();
  const usable = keys.filter(
    ({ scopes, revokedAt, expiresAt = Infinity }) =>
      scopes.includes('feedback') && revokedAt === undefined && expiresAt > now,
  );
  return new Set(usable.flatMap(({ origins = [] }) => origins));
}

function nameOf({ keyId }: Caller): string {
  return keyId ?? 'local';
}

/** Opens what was named, so that all that is wrong is told before anything listens. */
async function checkAll(
  { settings, ledger, resolve, isClosed = false }: ServerOptions,
  envKey: string | undefined,
): Promise<CheckedModels> {
  const problems: Problem[] = [];
  const hasKey = envKey !== undefined || isClosed || ledger?.keys.hasAny === true;
  if (!isLoopback(settings.host) && settings.auth === 'keys' && !hasKey)
    problems.push({
      path: 'host',
      message: `--host ${settings.host} can be reached by others and needs a key: preftune keys create --store ${settings.store} --name NAME, or --api-key-env; --auth upstream where what stands in front asks for one`,
    });
  const models = await checkModels(settings, { resolve, problems });
  if (problems.length === 0) return models;
  await models.close();
  throw badInput(problems);
}

/** What training commands get: the keys that the settings name are the server's alone. */
function withoutKeys(
  environment: ServerOptions['environment'],
  { apiKeyEnv, forwardKeyEnv, upstreams = [] }: ServeSettings,
): ServerOptions['environment'] {
  const names = new Set([apiKeyEnv, forwardKeyEnv, ...upstreams.map((upstream) => upstream.apiKeyEnv)]);
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !names.has(name)));
}

const ENV_SCOPES: readonly Scope[] = ['infer', 'feedback', 'read', 'train'];

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Keys of the store, and the one of the environment. */
function keysOf(
  ledger: Ledger | undefined,
  { envKey, isAlone }: { readonly envKey: string | undefined; readonly isAlone: boolean },
): {
  readonly findKey: (key: string) => KeyRecord | undefined;
  readonly keyOf: (id: string) => KeyRecord | undefined;
  readonly hasKeys: () => boolean;
} {
  const wanted = envKey === undefined ? undefined : hashOf(envKey);
  // A server that others reach, and one that has had a key, does not open when the last one is revoked or expires.
  let needsKeys = !isAlone || wanted !== undefined;
  const own: KeyRecord = { id: 'key_env', name: 'environment', scopes: ENV_SCOPES, createdAt: 0 };
  return {
    findKey: (key) => (wanted !== undefined && equalInConstantTime(hashOf(key), wanted) ? own : ledger?.keys.find(key)),
    keyOf: (id) => (wanted !== undefined && id === own.id ? own : ledger?.keys.get(id)),
    hasKeys: () => (needsKeys ||= ledger?.keys.hasAny === true),
  };
}

/** Names by which a server without keys may be called: a page of somebody else can point its own name here, and then asks from the victim's browser. */
function hostsOf({ host, allowedHosts }: ServeSettings): ReadonlySet<string> | undefined {
  const given = allowedHosts === undefined ? [] : [allowedHosts].flat().map((name) => name.toLowerCase());
  if (given.length > 0) return new Set([...given, 'localhost', '127.0.0.1', '[::1]']);
  if (!isLoopback(host)) return undefined;
  return new Set(['localhost', '127.0.0.1', '[::1]', hostName(host)]);
}

function notReady(state: 'loading' | 'stopping'): ServeError {
  return state === 'loading'
    ? new ServeError(503, 'The model is being loaded; try again', { code: 'loading', retryAfterSeconds: 1 })
    : new ServeError(503, 'The server is stopping', { code: 'shutting_down', retryAfterSeconds: 5 });
}

async function listen(server: Server, { host, port }: ServeSettings): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE'
          ? 'another program listens there; take another --port, or 0 for any'
          : error.code === 'EACCES'
            ? 'this user may not; take a --port above 1023'
            : error.message;
      reject(runFailed(`serve: --host ${host} --port ${port} must be free to listen on: ${why}`, { cause: error }));
    });
    server.listen(port, host.replace(/^\[|\]$/g, ''), () => resolve());
  });
}
