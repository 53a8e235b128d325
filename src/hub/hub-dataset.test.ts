import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRandom } from '../core/index.ts';
import { readRecords, type DataSource } from '../data/index.ts';
import { openHubDataset, type HubDataset } from './hub-dataset.ts';
import type { DataSelection } from './hub-files.ts';
import { BLOCK_BYTES } from './hub-ranges.ts';
import type { HubOptions } from './hub.ts';
import {
  COMMIT,
  CONVERTED_COMMIT,
  sendBytes,
  sha256,
  startHubServer,
  type HubServer,
  type ServedFile,
} from './testing/hub-server.ts';
import { makeTemporaryFolder, removeFolder, thrownBy } from '../files/testing/support.ts';

const FIXTURES = join(import.meta.dirname, '../data/parquet/fixtures');
const PAIRS = readFileSync(join(FIXTURES, 'pairs-gzip.parquet'));
const TALKS = readFileSync(join(FIXTURES, 'conversations-v1.parquet'));

let hub: HubServer;
let cacheDir: string;
beforeEach(async () => {
  cacheDir = makeTemporaryFolder();
  hub = await startHubServer();
});
afterEach(async () => {
  await hub.close();
  removeFolder(cacheDir);
});

const large = (bytes: Buffer): ServedFile => ({ bytes, isLarge: true });
const text = (content: string): ServedFile => ({ bytes: Buffer.from(content) });

function open(id: string, more: Partial<HubOptions & DataSelection> = {}): Promise<HubDataset> {
  return openHubDataset(id, { endpoint: hub.endpoint, cacheDir, token: undefined, retryDelaysMs: [1, 1, 1], ...more });
}

async function rowsOf(sources: readonly DataSource[]): Promise<unknown[]> {
  const rows: unknown[] = [];
  for (const source of sources)
    for await (const event of readRecords(source)) rows.push(event.kind === 'record' ? event.value : event.problem);
  return rows;
}

const ranges = () => hub.requests.filter(({ url }) => /\/resolve\/.*\.parquet/.test(url)).map(({ range }) => range);
const blobs = () => readdirSync(join(cacheDir, 'datasets--org--pairs', 'blobs')).toSorted();

test('Parquet is read in ranges, becomes a blob when it was read whole, and is not fetched again', async () => {
  hub.repos.set('datasets/org/pairs', { 'data/train-00000-of-00001.parquet': large(PAIRS) });
  const { sources, commit, files, notes } = await open('org/pairs');
  expect([commit, files, notes]).toEqual([COMMIT, ['data/train-00000-of-00001.parquet'], []]);
  expect(sources.map(({ name }) => name)).toEqual(['org/pairs/data/train-00000-of-00001.parquet']);
  expect(ranges()).toEqual([]);
  const rows = await rowsOf(sources);
  expect([rows.length, rows[39]]).toEqual([40, { prompt: 'p39', chosen: 'c39'.repeat(5), rejected: 'r39' }]);
  expect(ranges()).toEqual([`bytes=0-${PAIRS.length - 1}`]);
  expect(blobs()).toEqual([sha256(PAIRS)]);
  const link = join(cacheDir, 'datasets--org--pairs/snapshots', COMMIT, 'data/train-00000-of-00001.parquet');
  expect(readlinkSync(link)).toBe(`../../../blobs/${sha256(PAIRS)}`);
  expect(readFileSync(link).equals(PAIRS)).toBe(true);
  expect(await rowsOf((await open('org/pairs')).sources)).toEqual(rows);
  expect(ranges().length).toBe(1);
  const offline = await open('org/pairs', { isOffline: true });
  expect([offline.cachedBecause, (await rowsOf(offline.sources)).length]).toEqual(['working offline', 40]);
});

/** Random bytes of three blocks and a bit. */
const random = createRandom(5, 'blocks');
const BIG = Buffer.from(Uint8Array.from({ length: 3 * BLOCK_BYTES + 1000 }, () => random.nextInt(256)));

async function read(offset: number, length: number): Promise<Buffer> {
  const bytes = await (await open('org/pairs')).sources[0]!.openBytes!();
  try {
    return Buffer.from(await bytes.read(offset, length));
  } finally {
    await bytes.close();
  }
}

test('only the blocks that are read are fetched, once, over cuts and faults', async () => {
  hub.repos.set('datasets/org/pairs', { 'train.parquet': large(BIG) });
  // A fault, then an answer that is cut after 1000 bytes, then the rest of the block.
  hub.faults.push((request, response) => {
    if (request.headers.range === undefined) return false;
    response.writeHead(503).end();
    return true;
  });
  hub.faults.push((request, response) => {
    if (request.headers.range !== `bytes=${BLOCK_BYTES}-${2 * BLOCK_BYTES - 1}`) return false;
    const place = `bytes ${BLOCK_BYTES}-${2 * BLOCK_BYTES - 1}/${BIG.length}`;
    response.writeHead(206, { 'content-length': BLOCK_BYTES, 'content-range': place });
    response.write(BIG.subarray(BLOCK_BYTES, BLOCK_BYTES + 1000), () => request.socket.end());
    return true;
  });
  const at = BLOCK_BYTES + 10;
  expect((await read(at, 5000)).equals(BIG.subarray(at, at + 5000))).toBe(true);
  const second = `bytes=${BLOCK_BYTES}-${2 * BLOCK_BYTES - 1}`;
  const [...asked] = ranges();
  expect(asked.slice(0, 2)).toEqual([second, second]);
  // What was on its way when the connection ended may be lost, so the rest begins there or before.
  const starts = asked.slice(2).map((range) => Number(/^bytes=(\d+)-/.exec(range!)![1]));
  expect(starts.length).toBe(1);
  expect([BLOCK_BYTES, BLOCK_BYTES + 1000]).toContain(starts[0]);
  expect(blobs()).toEqual([`${sha256(BIG)}.blocks`]);
  hub.requests.length = 0;
  // Across the border of a block that is there and one that is not.
  const border = 2 * BLOCK_BYTES - 3;
  expect((await read(border, 6)).equals(BIG.subarray(border, border + 6))).toBe(true);
  expect(ranges()).toEqual([`bytes=${2 * BLOCK_BYTES}-${3 * BLOCK_BYTES - 1}`]);
  expect((await read(0, BIG.length)).equals(BIG)).toBe(true);
  expect(ranges().slice(1)).toEqual([`bytes=0-${BLOCK_BYTES - 1}`, `bytes=${3 * BLOCK_BYTES}-${BIG.length - 1}`]);
  expect(blobs()).toEqual([sha256(BIG)]);
  await expect(read(BIG.length - 2, 3)).rejects.toThrow('3 bytes must follow, got 2');
});

test('bytes that are not those of the checksum are thrown away', async () => {
  hub.repos.set('datasets/org/pairs', { 'train.parquet': large(PAIRS) });
  const wrong = Buffer.from(PAIRS);
  wrong[5]! ^= 255;
  hub.faults.push((request, response) => {
    if (request.headers.range === undefined) return false;
    sendBytes(wrong, request, response);
    return true;
  });
  const bytes = await (await open('org/pairs')).sources[0]!.openBytes!();
  await bytes.read(0, 10);
  expect((await thrownBy(() => bytes.close())).message).toContain(
    `hub: train.parquet of org/pairs must have the checksum ${sha256(PAIRS)}, got ${sha256(wrong)}`,
  );
  expect(blobs()).toEqual([]);
  expect((await rowsOf((await open('org/pairs')).sources)).length).toBe(40);
});

test('a server without ranges gives the whole file; one that is gone is said', async () => {
  hub.repos.set('datasets/org/pairs', { 'train.parquet': large(PAIRS) });
  hub.faults.push((request, response) => {
    if (request.headers.range === undefined) return false;
    response.writeHead(200, { 'content-length': PAIRS.length }).end(PAIRS);
    return true;
  });
  expect((await rowsOf((await open('org/pairs')).sources)).length).toBe(40);
  expect(blobs()).toEqual([sha256(PAIRS)]);
  hub.repos.set('datasets/org/pairs', { 'train.parquet': large(TALKS) });
  const [source] = (await open('org/pairs')).sources;
  await hub.close();
  const error = await thrownBy(() => rowsOf([source!]));
  expect([error.code, error.message]).toEqual([
    'run-failed',
    expect.stringContaining(`hub: must be reachable at ${hub.endpoint} for org/pairs, got `),
  ]);
  hub = await startHubServer();
});

test('splits, folders and kinds: what is taken, and what must be named', async () => {
  const row = text('{"prompt":"p","chosen":"a","rejected":"b"}\n');
  hub.repos.set('datasets/org/pairs', {
    'README.md': text('#'),
    'helpful/train.jsonl': row,
    'helpful/test.jsonl': row,
    'harmless/train.jsonl': row,
    'prefs/data/train_prefs-00000-of-00002.parquet': large(PAIRS),
    'prefs/data/train_prefs-00001-of-00002.parquet': large(PAIRS),
    'prefs/data/test_prefs-00000-of-00001.parquet': large(PAIRS),
  });
  expect(await open('org/pairs/helpful')).toMatchObject({
    files: ['helpful/train.jsonl'],
    notes: ['org/pairs: the split train is taken; there are also test (write org/pairs:test)'],
  });
  expect((await open('org/pairs', { folder: 'helpful', split: 'test' })).files).toEqual(['helpful/test.jsonl']);
  expect((await open('org/pairs/harmless/train.jsonl')).files).toEqual(['harmless/train.jsonl']);
  expect((await open('org/pairs/prefs', { split: 'train_prefs' })).files).toEqual([
    'prefs/data/train_prefs-00000-of-00002.parquet',
    'prefs/data/train_prefs-00001-of-00002.parquet',
  ]);
  expect((await thrownBy(() => open('org/pairs/prefs'))).message).toBe(
    'hub: one split of the data set org/pairs must be named, got prefs/data/train_prefs-00000-of-00002.parquet, ' +
      'prefs/data/train_prefs-00001-of-00002.parquet, prefs/data/test_prefs-00000-of-00001.parquet; write org/pairs:NAME',
  );
  expect((await thrownBy(() => open('org/pairs'))).message).toBe(
    'hub: one folder of the data set org/pairs must be named, got harmless, helpful; write org/pairs/harmless',
  );
  expect((await thrownBy(() => open('org/pairs', { split: 'validation' }))).message).toBe(
    'hub: the data set org/pairs must have files (.jsonl, .json, .parquet, .csv, .tsv; packed as .gz or .zst) of split validation, ' +
      'got helpful/train.jsonl, helpful/test.jsonl, harmless/train.jsonl, prefs/data/train_prefs-00000-of-00002.parquet, ' +
      'prefs/data/train_prefs-00001-of-00002.parquet, prefs/data/test_prefs-00000-of-00001.parquet',
  );
});

test('where a repository has nothing that can be read, the Parquet that the hub made of it is', async () => {
  hub.repos.set('datasets/org/pairs', { 'pairs.py': text('import x'), 'data.arrow': text('x') });
  hub.repos.set('datasets/org/pairs@refs/convert/parquet', {
    'default/train/0000.parquet': large(PAIRS),
    'default/partial-test/0000.parquet': large(TALKS),
  });
  const train = await open('org/pairs');
  expect([train.commit, train.files, train.notes]).toEqual([
    CONVERTED_COMMIT,
    ['default/train/0000.parquet'],
    [
      "org/pairs: the repository has no data files of this kind, the hub's own Parquet of it is read (refs/convert/parquet)",
      'org/pairs: the split train is taken; there are also test (write org/pairs:test)',
    ],
  ]);
  expect((await rowsOf(train.sources)).length).toBe(40);
  const held = await open('org/pairs/default', { split: 'test', revision: 'refs/convert/parquet' });
  expect((await rowsOf(held.sources)).length).toBe(700);
  expect(existsSync(join(cacheDir, 'datasets--org--pairs/refs/refs/convert/parquet'))).toBe(true);
  hub.repos.delete('datasets/org/pairs@refs/convert/parquet');
  expect((await thrownBy(() => open('org/pairs'))).message).toBe(
    'hub: the data set org/pairs must have files (.jsonl, .json, .parquet, .csv, .tsv; packed as .gz or .zst), got none at all',
  );
});
