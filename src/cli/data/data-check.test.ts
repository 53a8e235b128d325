import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { takeApart } from '../../hub/index.ts';

const GOOD = '{"prompt":"Why?","chosen":"Because it rains.","rejected":"No."}\n';
const COMMIT = 'ab'.repeat(20);
let folder: string;
let server: Server;
let environment: Record<string, string>;

/** A hub with one data set, org/pairs, that has two splits. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-data-'));
  const files: Record<string, string> = { 'train.jsonl': GOOD + GOOD, 'test.jsonl': GOOD };
  server = createServer((request, response) => {
    const path = new URL(request.url!, 'http://hub').pathname;
    const file = files[path.split('/').at(-1)!];
    if (path.startsWith(`/datasets/org/pairs/resolve/${COMMIT}/`) && file !== undefined) return response.end(file);
    response.setHeader('content-type', 'application/json');
    if (path === '/api/datasets/org/pairs/revision/main') {
      return response.end(JSON.stringify({ _id: '1', id: 'org/pairs', sha: COMMIT, lastModified: '2026-01-01' }));
    }
    if (path === `/api/datasets/org/pairs/tree/${COMMIT}`) {
      return response.end(
        JSON.stringify(
          Object.entries(files).map(([name, text]) => ({
            type: 'file',
            path: name,
            size: text.length,
            oid: createHash('sha1').update(`blob ${text.length}\0${text}`).digest('hex'),
          })),
        ),
      );
    }
    return response.writeHead(401, { 'x-error-code': 'RepoNotFound' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  environment = {
    HF_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    HF_HOME: join(folder, 'home'),
  };
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

function run(words: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
  const main = join(import.meta.dirname, '../main.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...words], {
    env: { ...process.env, ...environment },
    cwd: join(import.meta.dirname, '../../..'),
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (err += data.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
}

test('check ends with 2 when a row is wrong, stats does not', async () => {
  const file = join(folder, 'pairs.jsonl');
  writeFileSync(file, `${GOOD}{"prompt":"a","chosen":"b","rejected":"b"}\n`);
  const [check, stats] = await Promise.all([run(['data', 'check', file]), run(['data', 'stats', file, '--json'])]);
  expect(check.code).toBe(2);
  expect(check.out.replaceAll('\n', ' ')).toContain('chosen and rejected must differ, got "b" on both sides');
  expect(check.err).toBe('data check: every row must be usable, got 1 problem in 2 records; the report lists them\n');
  expect(stats.code).toBe(0);
  expect(JSON.parse(stats.out)).toMatchObject({ records: 2, validRows: 1, problemTotal: 1, chosenLonger: 1 });
});

test('options without effect, missing paths and missing repositories', async () => {
  const [idle, path, repository] = await Promise.all([
    run(['data', 'check', 'x.jsonl', '--max-length', '9', '--max-prompt-length', '4']),
    run(['data', 'check', './none.jsonl']),
    run(['data', 'check', 'org/none']),
  ]);
  expect(idle).toEqual({
    code: 2,
    out: '',
    err:
      '--max-length has no effect without --model; add it or leave --max-length out\n' +
      '--max-prompt-length has no effect without --model; add it or leave --max-prompt-length out\n',
  });
  expect(path.err).toEqual(
    expect.stringContaining('./none.jsonl: the data must be a file or folder that exists, got no such file here; '),
  );
  expect(repository.code).toBe(2);
  expect(repository.err).toBe(
    'hub: the data set org/none must exist and be readable, got 401; check the spelling; if it is private or gated, run `hf auth login` or set HF_TOKEN\n',
  );
});

test('a data set of the hub, by split, then from the cache when the hub is gone', async () => {
  const first = await run(['data', 'stats', 'org/pairs:train', '--json']);
  expect([first.code, first.err]).toEqual([0, '']);
  expect(JSON.parse(first.out)).toMatchObject({ records: 2, validRows: 2 });
  expect(JSON.parse((await run(['data', 'stats', 'org/pairs:test', '--json'])).out)).toMatchObject({ records: 1 });
  environment['HF_HUB_OFFLINE'] = '1';
  const offline = await run(['data', 'stats', 'org/pairs:train', '--json']);
  expect(JSON.parse(offline.out)).toMatchObject({ records: 2 });
  expect(JSON.parse(offline.err)).toEqual({
    event: 'warning',
    time: expect.any(String),
    message: `org/pairs: the copy in the cache is used (${COMMIT.slice(0, 7)}), because working offline`,
  });
});

test('names are taken apart', () => {
  expect(takeApart('org/name')).toEqual({ id: 'org/name', revision: undefined, split: undefined });
  expect(takeApart('org/name/sub@v1.0:train')).toEqual({ id: 'org/name/sub', revision: 'v1.0', split: 'train' });
  expect(takeApart('org/name:test')).toEqual({ id: 'org/name', revision: undefined, split: 'test' });
});
