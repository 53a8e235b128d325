import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRandom } from '../core/index.ts';
import { resolveHubModel, type HubOptions, type HubProgress } from './hub.ts';
import {
  COMMIT,
  fail,
  gitOid,
  sendBytes,
  sha256,
  startHubServer,
  type HubServer,
  type ServedFile,
} from './testing/hub-server.ts';
import { makeTemporaryFolder, removeFolder, skipBecause, thrownBy, withSmallDisk } from '../files/testing/support.ts';

const random = createRandom(3, 'weights');
const WEIGHTS = Buffer.from(Uint8Array.from({ length: 300_000 }, () => random.nextInt(256)));
const CONFIG = Buffer.from('{"architectures":["LlamaForCausalLM"]}');
const TINY: Record<string, ServedFile> = {
  'config.json': { bytes: CONFIG },
  'tokenizer.json': { bytes: Buffer.from('{}') },
  'chat_template.jinja': { bytes: Buffer.from('{{ messages }}') },
  'model.safetensors': { bytes: WEIGHTS, isLarge: true },
  'README.md': { bytes: Buffer.from('# tiny') },
  'onnx/model.onnx': { bytes: Buffer.from('big'), isLarge: true },
  'pytorch_model.bin': { bytes: Buffer.from('big'), isLarge: true },
};

let hub: HubServer;
let cacheDir: string;
beforeEach(async () => {
  cacheDir = makeTemporaryFolder();
  hub = await startHubServer();
  hub.repos.set('models/org/tiny', TINY);
});
afterEach(async () => {
  await hub.close();
  removeFolder(cacheDir);
});

function options(more: Partial<HubOptions> = {}): HubOptions {
  return { endpoint: hub.endpoint, cacheDir, token: undefined, retryDelaysMs: [1, 1, 1], ...more };
}

const isWeights = (url: string | undefined) => url?.endsWith('/model.safetensors') === true;
const weightRequests = () => hub.requests.filter(({ url }) => isWeights(url)).map(({ range }) => range);
const blobs = () => readdirSync(join(cacheDir, 'models--org--tiny', 'blobs')).toSorted();

/** Bytes of the weights that lie on the disk so far. */
function arrivedBytes(): number {
  const partial = join(cacheDir, 'models--org--tiny', 'blobs', `${sha256(WEIGHTS)}.incomplete`);
  return statSync(partial, { throwIfNoEntry: false })?.size ?? 0;
}

/** Does something when so many bytes of the weights lie on the disk: what is on its way is lost with its connection. */
function whenArrived(sizeBytes: number, socket: Socket, action: () => void): void {
  if (socket.destroyed || arrivedBytes() >= sizeBytes) action();
  else setImmediate(() => whenArrived(sizeBytes, socket, action));
}

/** Sends the first bytes of the weights and cuts the connection when they have arrived. */
function cutAfter(sizeBytes: number): void {
  hub.faults.push((request, response) => {
    if (!isWeights(request.url)) return false;
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const range = `bytes ${from}-${WEIGHTS.length - 1}/${WEIGHTS.length}`;
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': WEIGHTS.length - from, 'content-range': range });
    response.write(WEIGHTS.subarray(from, from + sizeBytes), () =>
      whenArrived(from + sizeBytes, request.socket, () => request.socket.destroy()),
    );
    return true;
  });
}

test('a model comes into the standard cache layout, only with the files it needs', async () => {
  const events: HubProgress[] = [];
  const snapshot = await resolveHubModel('org/tiny', options({ onProgress: (event) => events.push(event) }));
  const root = join(cacheDir, 'models--org--tiny');
  expect(snapshot).toEqual({
    id: 'org/tiny',
    commit: COMMIT,
    path: join(root, 'snapshots', COMMIT),
    files: ['config.json', 'tokenizer.json', 'chat_template.jinja', 'model.safetensors'],
  });
  expect(readFileSync(join(root, 'refs', 'main'), 'utf8')).toBe(COMMIT);
  expect(readdirSync(snapshot.path).toSorted()).toEqual([
    'chat_template.jinja',
    'config.json',
    'model.safetensors',
    'tokenizer.json',
  ]);
  expect(readlinkSync(join(snapshot.path, 'model.safetensors'))).toBe(`../../blobs/${sha256(WEIGHTS)}`);
  expect(readlinkSync(join(snapshot.path, 'config.json'))).toBe(`../../blobs/${gitOid(CONFIG)}`);
  expect(readFileSync(join(snapshot.path, 'model.safetensors')).equals(WEIGHTS)).toBe(true);
  expect(events.at(-1)).toEqual({
    file: 'model.safetensors',
    doneBytes: WEIGHTS.length + 54,
    totalBytes: WEIGHTS.length + 54,
  });
  expect(events.map(({ doneBytes }) => doneBytes)).toEqual(
    events.map(({ doneBytes }) => doneBytes).toSorted((a, b) => a - b),
  );
});

test('what the cache has is not downloaded again', async () => {
  await resolveHubModel('org/tiny', options());
  hub.requests.length = 0;
  await resolveHubModel('org/tiny', options({ revision: COMMIT }));
  expect(hub.requests.filter(({ url }) => url.includes('/resolve/'))).toEqual([]);
});

test('connections that are cut again and again are continued where they broke, and nothing half is visible', async () => {
  for (const sizeBytes of [100_000, 50_000, 70_000, 20_000]) cutAfter(sizeBytes);
  const { path } = await resolveHubModel('org/tiny', options({ retryDelaysMs: [1] }));
  expect(readFileSync(join(path, 'model.safetensors')).equals(WEIGHTS)).toBe(true);
  expect(weightRequests()).toEqual([undefined, ...[100_000, 150_000, 220_000, 240_000].map((at) => `bytes=${at}-`)]);
});

test('a download that failed is continued by the next one', async () => {
  cutAfter(100_000);
  for (let i = 0; i < 3; i++) cutAfter(0);
  const error = await thrownBy(() => resolveHubModel('org/tiny', options({ retryDelaysMs: [1, 1] })));
  expect(error.code).toBe('run-failed');
  expect(error.message).toContain(`hub: must be reachable at ${hub.endpoint} for org/tiny, got `);
  expect(blobs()).toContain(`${sha256(WEIGHTS)}.incomplete`);
  expect(existsSync(join(cacheDir, 'models--org--tiny', 'refs', 'main'))).toBe(false);
  hub.faults.length = 0;
  hub.requests.length = 0;
  const { path } = await resolveHubModel('org/tiny', options());
  expect(weightRequests()).toEqual(['bytes=100000-']);
  expect(readFileSync(join(path, 'model.safetensors')).equals(WEIGHTS)).toBe(true);
  expect(blobs()).toEqual(
    [CONFIG, TINY['tokenizer.json']!.bytes, TINY['chat_template.jinja']!.bytes]
      .map(gitOid)
      .concat(sha256(WEIGHTS))
      .toSorted(),
  );
});

test('a server that ignores ranges, and a partial file longer than the whole, start over', async () => {
  const folder = join(cacheDir, 'models--org--tiny', 'blobs');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${sha256(WEIGHTS)}.incomplete`), WEIGHTS.subarray(0, 1000));
  hub.faults.push((request, response) => {
    if (!isWeights(request.url)) return false;
    response.writeHead(200, { 'content-length': WEIGHTS.length }).end(WEIGHTS);
    return true;
  });
  let { path } = await resolveHubModel('org/tiny', options());
  expect(readFileSync(join(path, 'model.safetensors')).equals(WEIGHTS)).toBe(true);
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
  writeFileSync(join(folder, `${sha256(WEIGHTS)}.incomplete`), Buffer.alloc(WEIGHTS.length + 1));
  ({ path } = await resolveHubModel('org/tiny', options()));
  expect(readFileSync(join(path, 'model.safetensors')).equals(WEIGHTS)).toBe(true);
});

test('wrong bytes once are fetched again; wrong bytes twice are refused and removed', async () => {
  const wrong = Buffer.from(WEIGHTS);
  wrong[7]! ^= 1;
  const serveWrong = () =>
    hub.faults.push((request, response) => {
      if (!isWeights(request.url)) return false;
      sendBytes(wrong, request, response);
      return true;
    });
  serveWrong();
  serveWrong();
  const error = await thrownBy(() => resolveHubModel('org/tiny', options()));
  expect(error.code).toBe('bad-input');
  expect(error.message).toBe(
    `hub: model.safetensors of org/tiny must have the checksum ${sha256(WEIGHTS)}, got ${sha256(wrong)} twice; ` +
      'something between here and the hub changes the bytes: try another network',
  );
  expect(blobs().filter((name) => name.startsWith(sha256(WEIGHTS)))).toEqual([]);
  serveWrong();
  const { path } = await resolveHubModel('org/tiny', options());
  expect(readFileSync(join(path, 'model.safetensors')).equals(WEIGHTS)).toBe(true);
});

test('small files are checked by their git id', async () => {
  for (let i = 0; i < 2; i++) {
    hub.faults.push((request, response) => {
      if (request.url?.endsWith('/config.json') !== true) return false;
      sendBytes(Buffer.from(CONFIG.toString().replace('Llama', 'Lliar')), request, response);
      return true;
    });
  }
  expect((await thrownBy(() => resolveHubModel('org/tiny', options()))).message).toContain(
    `hub: config.json of org/tiny must have the checksum ${gitOid(CONFIG)}, got `,
  );
});

test('429 and 5xx are tried again, as long as Retry-After says; too often is said', async () => {
  const refuse = (status: number, headers: Record<string, string> = {}) =>
    hub.faults.push((_, response) => {
      response.writeHead(status, headers).end();
      return true;
    });
  refuse(429);
  refuse(503);
  refuse(502);
  expect((await resolveHubModel('org/tiny', options())).commit).toBe(COMMIT);
  for (let i = 0; i < 4; i++) refuse(429);
  const error = await thrownBy(() => resolveHubModel('org/tiny', options()));
  expect(error.code).toBe('run-failed');
  expect(error.message).toBe(
    'hub: may not be asked this often, got 429 for org/tiny; wait some minutes, or run `hf auth login` for a higher limit',
  );
  hub.faults.length = 0;
  refuse(429, { 'retry-after': '3600' });
  expect((await thrownBy(() => resolveHubModel('org/tiny', options({ token: 'hf_x' })))).message).toBe(
    'hub: may not be asked this often, got 429 for org/tiny; wait 3600 s',
  );
});

async function message(id: string, more: Partial<HubOptions> = {}): Promise<string> {
  const error = await thrownBy(() => resolveHubModel(id, options(more)));
  expect(error.code).toBe('bad-input');
  return error.message;
}

test('401, 403 and 404 say what to do', async () => {
  expect(await message('org/none')).toBe(
    'hub: the model org/none must exist and be readable, got 401; check the spelling; if it is private or gated, run `hf auth login` or set HF_TOKEN',
  );
  expect(await message('org/none', { token: 'hf_x' })).toBe(
    `hub: the model org/none must exist and be readable, got 401; check the spelling, and that the token may read ${hub.endpoint}/org/none`,
  );
  expect(await message('org/tiny', { revision: 'v9' })).toBe(
    `hub: org/tiny must have the revision v9, got 404; see the branches and tags at ${hub.endpoint}/org/tiny`,
  );
  hub.faults.push((request, response) => {
    if (request.url?.includes('/resolve/') !== true) return false;
    fail(response, 403, 'GatedRepo');
    return true;
  });
  expect(await message('org/tiny')).toBe(
    `hub: the terms of org/tiny must be accepted, got 403; accept them at ${hub.endpoint}/org/tiny, then run \`hf auth login\` or set HF_TOKEN`,
  );
  hub.faults.push((_, response) => {
    fail(response, 404);
    return true;
  });
  expect(await message('org/tiny')).toContain('hub: the model org/tiny must exist, got 404 for http');
});

test('the token goes to the hub and never to the place it redirects to', async () => {
  const seen: (string | undefined)[] = [];
  const elsewhere = createServer((request, response) => {
    seen.push(request.headers.authorization);
    sendBytes(WEIGHTS, request, response);
  });
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
  hub.redirectTo = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
  try {
    await resolveHubModel('org/tiny', options({ token: 'secret' }));
  } finally {
    elsewhere.closeAllConnections();
    elsewhere.close();
  }
  expect(seen).toEqual([undefined]);
  expect(new Set(hub.requests.map(({ authorization }) => authorization))).toEqual(new Set(['Bearer secret']));
});

test('without a connection the cache answers, and says so; without a copy the connection is the problem', async () => {
  const gone = options({ endpoint: 'http://127.0.0.1:1', retryDelaysMs: [] });
  const error = await thrownBy(() => resolveHubModel('org/tiny', gone));
  expect(error.code).toBe('run-failed');
  expect(error.message).toMatch(
    /^hub: must be reachable at http:\/\/127\.0\.0\.1:1 for org\/tiny, got fetch failed: .*; check the connection, or name a folder or \.gguf file on this computer$/,
  );
  const first = await resolveHubModel('org/tiny', options());
  const second = await resolveHubModel('org/tiny', gone);
  expect({ ...second, cachedBecause: undefined, files: second.files.toSorted() }).toEqual({
    ...first,
    cachedBecause: undefined,
    files: first.files.toSorted(),
  });
  expect(second.cachedBecause).toContain('hub: must be reachable');
  expect((await resolveHubModel('org/tiny', options({ isOffline: true }))).cachedBecause).toBe('working offline');
  expect((await thrownBy(() => resolveHubModel('org/other', options({ isOffline: true })))).message).toContain(
    'hub: org/other must be in the cache to work offline, got: hub: no copy of org/other at main in ',
  );
});

test('a cache that lacks a shard does not answer', async () => {
  const index = Buffer.from(
    JSON.stringify({ weight_map: { a: 'model-1.safetensors', b: 'model-2.safetensors', c: 'model-1.safetensors' } }),
  );
  hub.repos.set('models/org/two', {
    'config.json': { bytes: CONFIG },
    'model.safetensors.index.json': { bytes: index },
    'model-1.safetensors': { bytes: Buffer.from('one'), isLarge: true },
    'model-2.safetensors': { bytes: Buffer.from('two'), isLarge: true },
  });
  const { path, files } = await resolveHubModel('org/two', options());
  expect(files).toEqual(['config.json', 'model.safetensors.index.json', 'model-1.safetensors', 'model-2.safetensors']);
  rmSync(join(path, 'model-2.safetensors'));
  const error = await thrownBy(() => resolveHubModel('org/two', options({ isOffline: true })));
  expect(error.message).toContain('got model-2.safetensors, which it lacks');
});

test('a hostile index and hostile names', async () => {
  hub.repos.set('models/org/evil', {
    'config.json': { bytes: CONFIG },
    'model.safetensors.index.json': { bytes: Buffer.from('{"weight_map": {"a": "../../../etc/passwd", "b": 7}}') },
    '../../outside.gguf': { bytes: Buffer.from('evil') },
  });
  expect((await thrownBy(() => resolveHubModel('org/evil', options()))).message).toBe(
    "hub: model.safetensors.index.json of org/evil must name the repository's own files, got ../../../etc/passwd, 7, which it lacks; choose another revision",
  );
  for (const id of ['../evil', 'org/..', 'org/tiny/../../x', 'a b', 'org/tiny/a\\b', '']) {
    expect((await thrownBy(() => resolveHubModel(id, options()))).message).toBe(
      `hub: a model must be named owner/name, got ${JSON.stringify(id)}; or name a folder that exists`,
    );
  }
  expect((await thrownBy(() => resolveHubModel('org/tiny', options({ revision: '../../x' })))).message).toBe(
    'hub: a revision must be a branch, tag or commit, got "../../x"',
  );
  expect(existsSync(join(cacheDir, '..', 'outside.gguf'))).toBe(false);
});

test('GGUF files are named, pickles are refused', async () => {
  hub.repos.set('models/org/gguf', {
    'tiny-Q4_0.gguf': { bytes: Buffer.from('q4'), isLarge: true },
    'sub/tiny-Q8_0.gguf': { bytes: Buffer.from('q8'), isLarge: true },
  });
  const one = await resolveHubModel('org/gguf/sub/tiny-Q8_0.gguf', options());
  expect(readFileSync(one.path, 'utf8')).toBe('q8');
  expect((await thrownBy(() => resolveHubModel('org/gguf', options()))).message).toBe(
    'hub: org/gguf has GGUF files, one must be named; add one of tiny-Q4_0.gguf as org/gguf/tiny-Q4_0.gguf',
  );
  expect((await thrownBy(() => resolveHubModel('org/gguf/none.gguf', options()))).message).toBe(
    'hub: org/gguf must have the file none.gguf, got tiny-Q4_0.gguf, sub/tiny-Q8_0.gguf',
  );
  hub.repos.set('models/org/old', {
    'config.json': { bytes: CONFIG },
    'pytorch_model.bin': { bytes: Buffer.from('x') },
  });
  expect((await thrownBy(() => resolveHubModel('org/old', options()))).message).toContain(
    'must have safetensors weights',
  );
});

test('two at once bring every file once', async () => {
  await Promise.all([resolveHubModel('org/tiny', options()), resolveHubModel('org/tiny', options())]);
  expect(weightRequests()).toEqual([undefined]);
});

test('a stop keeps what came, and says that the same command continues', async () => {
  const controller = new AbortController();
  hub.faults.push((request, response) => {
    if (!isWeights(request.url)) return false;
    response.writeHead(200, { 'content-length': WEIGHTS.length });
    response.write(WEIGHTS.subarray(0, 120_000));
    return true;
  });
  const error = await thrownBy(() =>
    resolveHubModel(
      'org/tiny',
      options({ signal: controller.signal, onProgress: ({ doneBytes }) => doneBytes > 119_000 && controller.abort() }),
    ),
  );
  expect(error.code).toBe('cancelled');
  expect(error.message).toBe('hub: the download of org/tiny was stopped; the same command continues it');
  await resolveHubModel('org/tiny', options());
  expect(weightRequests().at(-1)).toMatch(/^bytes=\d+-$/);
});

test('a download that stalls is started again', async () => {
  hub.faults.push((request, response) => {
    if (!isWeights(request.url)) return false;
    response.writeHead(200, { 'content-length': WEIGHTS.length });
    response.write(WEIGHTS.subarray(0, 60_000));
    return true;
  });
  // A busy machine stalls too, at any place, so patience is long and more requests than two are well.
  await resolveHubModel('org/tiny', options({ stallMs: 500, retryDelaysMs: Array.from({ length: 50 }, () => 1) }));
  const [first, ...more] = weightRequests();
  expect([first, more.at(-1)]).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
});

test('a disk without room is found before the download', async ({ skip }) => {
  const reason = await withSmallDisk(128, async (disk) => {
    const error = await thrownBy(() => resolveHubModel('org/tiny', options({ cacheDir: disk })));
    expect(error.code).toBe('run-failed');
    expect(error.message).toContain(`must have ${WEIGHTS.length + 54} bytes free, got `);
    expect(weightRequests()).toEqual([]);
  });
  skipBecause(skip, reason);
});
