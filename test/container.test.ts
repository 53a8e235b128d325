import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { buildCli } from './support/built-cli.ts';

/**
 * The container's entry as a plain process, with the environment and the mounts that platforms give: no image is built here. `preftune` is found by PATH as in the
 * image.
 */
const ROOT = join(import.meta.dirname, '..');
const ENTRY = join(ROOT, 'assets', 'deploy', 'preftune-container');
const MODEL = join(ROOT, 'assets', 'embedded-model');
const folder = mkdtempSync(join(tmpdir(), 'preftune-container-'));
const bin = join(folder, 'bin');
const running: ChildProcess[] = [];

beforeAll(() => {
  const main = buildCli();
  mkdirSync(bin);
  writeFileSync(join(bin, 'preftune'), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  chmodSync(join(bin, 'preftune'), 0o755);
}, 120_000);
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Container {
  readonly url: string;
  readonly pid: number;
  /** Everything that it has written. */
  readonly said: () => string;
  /** Code or signal with which it ended. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
  readonly child: ChildProcess;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

async function start(environment: Readonly<Record<string, string>>, words: readonly string[] = []): Promise<Container> {
  const port = await freePort();
  const child = spawn('sh', [ENTRY, ...words], {
    // Nothing of this process' own environment, as in a container.
    env: { PATH: `${bin}:/usr/bin:/bin`, HOME: folder, PORT: String(port), NO_COLOR: '1', ...environment },
    cwd: folder,
  });
  running.push(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (said += data.toString()));
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) =>
    child.on('close', (code, signal) => resolve(code ?? signal)),
  );
  return { url: `http://127.0.0.1:${port}`, pid: child.pid!, said: () => said, ended, child };
}

/** Statuses of a probe, as a platform asks for it, until it is 200; each once. */
async function probeUntilReady({ url, ended, said }: Container, route = '/ready'): Promise<readonly number[]> {
  const seen: number[] = [];
  let hasEnded = false;
  void ended.then(() => (hasEnded = true));
  for (;;) {
    if (hasEnded) throw new Error(said());
    const status = await fetch(`${url}${route}`).then(
      (response) => response.status,
      () => 0,
    );
    if (seen.at(-1) !== status) seen.push(status);
    if (status === 200) return seen;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function models({ url }: Container, key?: string): Promise<readonly string[] | number> {
  const response = await fetch(
    `${url}/v1/models`,
    key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } },
  );
  if (!response.ok) return response.status;
  return ((await response.json()) as { data: { id: string }[] }).data.map(({ id }) => id);
}

const chat = ({ url }: Container, more: object = {}) =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    // Hugging Face passes its own token on, and says in Host what the outside calls it.
    headers: { 'content-type': 'application/json', authorization: 'Bearer hf_outside', 'x-forwarded-proto': 'https' },
    body: JSON.stringify({
      model: 'you/your-model',
      messages: [{ role: 'user', content: 'hello' }],
      max_tokens: 8,
      ...more,
    }),
  });

it(
  'as Hugging Face starts it: a read-only /repository, health by route, a token in front, SIGTERM in the middle of a stream',
  { timeout: 60_000 },
  async () => {
    const repository = join(folder, 'repository');
    cpSync(MODEL, repository, { recursive: true });
    chmodSync(repository, 0o555);
    const container = await start({
      PREFTUNE_MODEL: repository,
      PREFTUNE_MODEL_NAME: 'you/your-model',
      PREFTUNE_STORE: 'none',
      PREFTUNE_AUTH: 'upstream',
      // The user of the image may have no home.
      HOME: '/nonexistent',
    });
    const statuses = await probeUntilReady(container);
    // Not before the models answer, so that no request is lost; 503 in between where it was fast enough to see.
    expect(statuses.filter((status) => status !== 503)).toEqual([0, 200]);
    expect(await models(container)).toEqual(['you/your-model']);
    // The process is the server itself: no shell stands between it and the signal.
    const response = await chat(container, { stream: true, max_tokens: 40 });
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    const reader = response.body!.getReader();
    let text = new TextDecoder().decode((await reader.read()).value);
    container.child.kill('SIGTERM');
    for (let read = await reader.read(); !read.done; read = await reader.read())
      text += new TextDecoder().decode(read.value);
    expect(text.trim().endsWith('data: [DONE]')).toBe(true);
    expect(await container.ended).toBe(0);
    chmodSync(repository, 0o755);
  },
);

it('as Azure ML starts it: the model some folders below AZUREML_MODEL_DIR', { timeout: 60_000 }, async () => {
  const mount = join(folder, 'models', 'friendly', '3');
  cpSync(MODEL, join(mount, 'outputs', 'my model'), { recursive: true });
  const container = await start({
    AZUREML_MODEL_DIR: mount,
    PREFTUNE_AUTH: 'upstream',
    PREFTUNE_MODEL_NAME: 'friendly',
  });
  // Alive while it loads, so that nobody kills it.
  expect(await probeUntilReady(container, '/health')).toEqual([0, 200]);
  await probeUntilReady(container);
  expect(await models(container)).toEqual(['friendly']);
  container.child.kill('SIGTERM');
  expect(await container.ended).toBe(0);
});

it(
  'as compose starts it: a store, a key, more words; killed, the store is there at the next start',
  { timeout: 60_000 },
  async () => {
    const environment = {
      PREFTUNE_MODEL: MODEL,
      PREFTUNE_STORE: join(folder, 'data', 'store'),
      PREFTUNE_API_KEY: 'key-of-the-callers-1',
      PREFTUNE_ARGS: '--log text   --max-tokens 16',
    };
    mkdirSync(join(folder, 'data'));
    const first = await start(environment);
    await probeUntilReady(first);
    expect(await models(first)).toBe(401);
    expect(await models(first, 'key-of-the-callers-1')).toEqual(['embedded-model']);
    first.child.kill('SIGKILL');
    expect(await first.ended).toBe('SIGKILL');
    const second = await start(environment, ['--max-choices', '2']);
    await probeUntilReady(second);
    expect(await models(second, 'key-of-the-callers-1')).toEqual(['embedded-model']);
    expect(second.said()).not.toContain('key-of-the-callers-1');
  },
);

it(
  'records reach a home server, those of a container that was killed by its next start',
  { timeout: 90_000 },
  async () => {
    const key = 'key-of-the-home-server';
    const home = await start({ PREFTUNE_MODEL: MODEL, PREFTUNE_STORE: join(folder, 'home'), PREFTUNE_API_KEY: key });
    const address = `${home.url}/v1/preftune/records`;
    const environment = {
      PREFTUNE_MODEL: MODEL,
      PREFTUNE_AUTH: 'upstream',
      PREFTUNE_MODEL_NAME: 'you/your-model',
      PREFTUNE_FORWARD: address,
      PREFTUNE_FORWARD_KEY: 'a key of nobody'.replaceAll(' ', '-'),
      PREFTUNE_ARGS: `--forward-folder ${join(folder, 'spool')}`,
    };
    // A wrong key first: nothing is lost for it.
    const first = await start(environment);
    await Promise.all([probeUntilReady(home), probeUntilReady(first)]);
    const ids = [((await (await chat(first)).json()) as { id: string }).id];
    first.child.kill('SIGKILL');
    await first.ended;
    const second = await start({ ...environment, PREFTUNE_FORWARD_KEY: key });
    await probeUntilReady(second);
    ids.push(((await (await chat(second)).json()) as { id: string }).id);
    second.child.kill('SIGTERM');
    expect(await second.ended).toBe(0);
    const lines = readFileSync(join(folder, 'home', 'arrivals', 'records.jsonl'), 'utf8')
      .trim()
      .split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { record: { id: string } }).record.id)).toEqual(ids);
  },
);

it.each([
  [{}, [], 'PREFTUNE_MODEL must name a model'],
  [{ PREFTUNE_MODEL: 'EMPTY' }, [], 'must hold a model (config.json or a .gguf file), got none'],
  [{ PREFTUNE_MODEL: 'TWO' }, [], 'must name one model, got 2 .gguf files'],
  // Reachable from outside, and nobody asks for a key.
  [{ PREFTUNE_MODEL: MODEL }, [], '--host 0.0.0.0 can be reached by others and needs a key'],
  [{ PREFTUNE_MODEL: MODEL, PREFTUNE_AUTH: 'upstream' }, ['--no-such-option'], '--no-such-option'],
])(
  'what is missing is told, and the exit code says that a restart does not help: %j %j',
  async (environment, words, message) => {
    const named = environment as Record<string, string>;
    const place = named['PREFTUNE_MODEL'];
    if (place === 'EMPTY' || place === 'TWO') {
      named['PREFTUNE_MODEL'] = join(folder, place);
      mkdirSync(named['PREFTUNE_MODEL'], { recursive: true });
      if (place === 'TWO')
        for (const name of ['a.gguf', 'b.gguf']) writeFileSync(join(named['PREFTUNE_MODEL'], name), '');
    }
    const container = await start(named, words);
    expect(await container.ended).toBe(2);
    expect(container.said()).toContain(message);
  },
);
