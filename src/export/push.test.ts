import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { pushFolder, type PushOptions } from './push.ts';
import { startPushServer, TOKEN, type PushServer } from './testing/push-server.ts';

let hub: PushServer;
let folder: string;
const large = Buffer.alloc(11 * 2 ** 20, 'weights ');

beforeEach(async () => {
  hub = await startPushServer();
  folder = mkdtempSync(join(tmpdir(), 'preftune-push-'));
  mkdirSync(join(folder, 'onnx'));
  writeFileSync(join(folder, 'model.safetensors'), large);
  writeFileSync(join(folder, 'README.md'), '# model\n');
  writeFileSync(join(folder, 'config.json'), '{}\n');
  writeFileSync(join(folder, 'onnx', 'model.onnx'), 'x'.repeat(2000));
});
afterEach(async () => {
  await hub.close();
  rmSync(folder, { recursive: true });
});

function options(over: Partial<PushOptions> = {}): PushOptions {
  return {
    folder,
    repo: 'owner/name',
    endpoint: hub.endpoint,
    token: TOKEN,
    title: 'Add model',
    retryDelaysMs: [1, 1],
    ...over,
  };
}

test('a push creates the repository, sends large files in parts and commits them first, the card last', async () => {
  const progress: number[] = [];
  const pushed = await pushFolder(
    options({ isPrivate: true, onProgress: ({ doneBytes }) => progress.push(doneBytes) }),
  );
  expect(hub.created).toEqual([{ name: 'name', organization: 'owner', visibility: 'private', type: 'model' }]);
  expect(hub.commits).toEqual([['model.safetensors'], ['config.json', 'onnx/model.onnx', 'README.md']]);
  expect(pushed).toEqual({
    url: `${hub.endpoint}/owner/name`,
    commit: '2'.padStart(40, '0'),
    uploaded: ['model.safetensors', 'config.json', 'onnx/model.onnx', 'README.md'],
    present: [],
  });
  expect(hub.store.get(createHash('sha256').update(large).digest('hex'))!.equals(large)).toBe(true);
  expect(Math.max(...progress)).toBe(large.length + 2000 + 8 + 3);
});

test('a second push sends what changed and nothing else', async () => {
  await pushFolder(options());
  writeFileSync(join(folder, 'config.json'), '{"a": 1}\n');
  const pushed = await pushFolder(options());
  expect(pushed.uploaded).toEqual(['config.json']);
  expect(pushed.present).toEqual(['model.safetensors', 'onnx/model.onnx', 'README.md']);
  expect(hub.commits.slice(2)).toEqual([['config.json']]);
  const again = await pushFolder(options());
  expect([again.uploaded, again.commit]).toEqual([[], undefined]);
});

test('a push that was cut off goes on: the large file that was committed is not sent again', async () => {
  hub.fault = (request, response) => {
    if (!request.url!.includes('/commit/') || hub.commits.length === 0) return false;
    response.destroy();
    return true;
  };
  await expect(pushFolder(options())).rejects.toThrow(
    /^push: the hub must be reachable at .*; the same command goes on with what is missing$/,
  );
  expect([...hub.files.keys()]).toEqual(['model.safetensors']);
  hub.fault = undefined;
  hub.requests.length = 0;
  const pushed = await pushFolder(options());
  expect(pushed.present).toEqual(['model.safetensors']);
  expect(hub.requests.filter((line) => line.startsWith('PUT'))).toEqual([]);
});

test('what has reached the store is not sent again even when its commit failed', async () => {
  hub.fault = (request, response) => {
    if (!request.url!.includes('/commit/')) return false;
    response.writeHead(400, { 'content-type': 'application/json' }).end('{"error": "bad commit"}');
    return true;
  };
  await expect(pushFolder(options())).rejects.toThrow(
    /^push: the hub must take the files of owner\/name, got bad commit/,
  );
  hub.fault = undefined;
  hub.requests.length = 0;
  await pushFolder(options());
  const puts = hub.requests.filter((line) => line.startsWith('PUT'));
  expect(puts).toHaveLength(1);
  expect(hub.files.size).toBe(4);
});

test('429 and 503 are waited out', async () => {
  let refusals = 2;
  hub.fault = (request, response) => {
    if (!request.url!.startsWith('/store/') || refusals === 0) return false;
    response.writeHead(refusals-- === 2 ? 429 : 503).end();
    return true;
  };
  const pushed = await pushFolder(options());
  expect([refusals, pushed.uploaded.length]).toEqual([0, 4]);
});

test.each([
  [401, 'push: the token must be valid at HUB, got 401; run `hf auth login` or set HF_TOKEN'],
  [
    403,
    'push: the token must be allowed to write to owner/name, got 403 (no. URL: HUB/api/repos/create); make one with write access, or name a repository of your own',
  ],
])('%s is told with what to do', async (status, message) => {
  hub.fault = (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end('{"error": "no"}');
    return true;
  };
  await expect(pushFolder(options())).rejects.toThrow(message.replaceAll('HUB', hub.endpoint));
});

test('a name that is none is refused before anything is asked', async () => {
  await expect(pushFolder(options({ repo: 'name' }))).rejects.toThrow(
    'push: the repository must be owner/name, got "name"',
  );
  expect(hub.requests).toEqual([]);
});

test('a stopped push says how it goes on', async () => {
  const controller = new AbortController();
  hub.fault = () => {
    controller.abort();
    return true;
  };
  await expect(pushFolder(options({ signal: controller.signal }))).rejects.toThrow(
    'push: stopped; the same command goes on with what is missing',
  );
});
