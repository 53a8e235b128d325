import { join } from 'node:path';
import { openLedger, type Ledger, type LogLevel } from '../../src/ledger/index.ts';
import { parseServeSettings, startServer, type RunningServer } from '../../src/serve/index.ts';
import { buildCli } from './built-cli.ts';

export const EMBEDDED_MODEL = join(import.meta.dirname, '..', '..', 'assets', 'embedded-model');

export interface TestServer {
  readonly server: RunningServer;
  /** Up to and with /v1. */
  readonly baseURL: string;
  readonly ledger: Ledger | undefined;
  /** What an operator was told. */
  readonly notes: readonly string[];
  close(): Promise<void>;
}

export interface TestServerOptions {
  readonly given?: Readonly<Record<string, unknown>>;
  /** A folder for what is remembered; nothing is, where it is left out. */
  readonly store?: string;
  readonly log?: LogLevel;
  readonly environment?: Readonly<Record<string, string>>;
}

/** A server with the embedded model, in this process, on a port that is free. Its jobs run the built command line. */
export async function startTestServer({
  given,
  store,
  log,
  environment = {},
}: TestServerOptions = {}): Promise<TestServer> {
  const settings = parseServeSettings(
    { model: EMBEDDED_MODEL, port: 0, threads: 1, store: store ?? 'none', ...given },
    environment,
  );
  const ledger = store === undefined ? undefined : await openLedger(store, { log });
  const notes: string[] = [];
  const server = await startServer({
    settings,
    ledger,
    command: [process.execPath, buildCli()],
    environment: { ...process.env, ...environment },
    resolve: async (model) => model,
    onNote: (note) => notes.push(note),
    version: '0.0.0',
  });
  await server.ready;
  return {
    server,
    baseURL: `${server.url}/v1`,
    ledger,
    notes,
    close: async () => {
      await server.close(0);
      await ledger?.close();
    },
  };
}
