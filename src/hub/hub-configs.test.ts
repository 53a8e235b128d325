import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configsOf, selectConfigured } from './hub-configs.ts';
import { openHubDataset, type HubDataset } from './hub-dataset.ts';
import type { DataSelection } from './hub-files.ts';
import type { HubOptions } from './hub.ts';
import { COMMIT, CONVERTED_COMMIT, startHubServer, type HubServer, type ServedFile } from './testing/hub-server.ts';
import { makeTemporaryFolder, removeFolder, thrownBy } from '../files/testing/support.ts';

/** `configs:` in the README of a data set: which files a configuration and its splits are. */
const PAIRS = readFileSync(join(import.meta.dirname, '../data/parquet/fixtures/pairs-gzip.parquet'));
const text = (content: string): ServedFile => ({ bytes: Buffer.from(content) });
const ROW = text('{"prompt":"p","chosen":"a","rejected":"b"}\n');

/** As large data sets of preferences are laid out: split names of their own, several configurations. */
const CARD = `---
license: mit
configs:
- config_name: all
  data_files:
  - split: train_prefs
    path: data/prefs-train-*
  - split: test_prefs
    path:
    - "data/prefs-test.jsonl"
    - extra/*.jsonl
- config_name: raw
  default: true
  data_files:
    train: ./raw/**/*.jsonl
    test: raw-test.jsonl
- config_name: plain
  data_files: "plain.jsonl"
- config_name: folder
  data_dir: folder
---
# A data set
`;
const FILES: Record<string, ServedFile> = {
  'README.md': text(CARD),
  'data/prefs-train-00000.parquet': { bytes: PAIRS, isLarge: true },
  'data/prefs-train-00001.parquet': { bytes: PAIRS, isLarge: true },
  'data/prefs-test.jsonl': ROW,
  'extra/b.jsonl': ROW,
  'extra/a.jsonl': ROW,
  'extra/notes.txt': text('no data'),
  'raw/en/1.jsonl': ROW,
  'raw/de/deep/2.jsonl': ROW,
  'raw-test.jsonl': ROW,
  'plain.jsonl': ROW,
  'folder/train.jsonl': ROW,
  'folder/test.jsonl': ROW,
};

let hub: HubServer;
let cacheDir: string;
beforeEach(async () => {
  cacheDir = makeTemporaryFolder();
  hub = await startHubServer();
  hub.repos.set('datasets/org/pairs', FILES);
});
afterEach(async () => {
  await hub.close();
  removeFolder(cacheDir);
});

function open(id: string, more: Partial<HubOptions & DataSelection> = {}): Promise<HubDataset> {
  return openHubDataset(id, { endpoint: hub.endpoint, cacheDir, token: undefined, retryDelaysMs: [1, 1, 1], ...more });
}

async function said(id: string, more: Partial<HubOptions & DataSelection> = {}): Promise<string> {
  return (await thrownBy(() => open(id, more))).message;
}

/** Selects from one long name by a card with this pattern. */
function selecting(pattern: string) {
  return () =>
    selectConfigured(
      ['a'.repeat(900)],
      { repo: 'org/pairs', file: undefined },
      { card: `---\nconfigs:\n- config_name: a\n  data_files: ${JSON.stringify(pattern)}\n---\n` },
    );
}

describe('a data set with configurations', () => {
  it('the default one and its split train, said with what there is', async () => {
    const { files, notes } = await open('org/pairs');
    expect(files).toEqual(['raw/de/deep/2.jsonl', 'raw/en/1.jsonl']);
    expect(notes).toEqual([
      'org/pairs: the configuration raw is taken; there are also all, plain, folder (write org/pairs/all)',
      'org/pairs: the split train is taken; there are also test (write org/pairs:test)',
    ]);
    expect((await open('org/pairs', { split: 'test' })).files).toEqual(['raw-test.jsonl']);
  });

  it('a configuration by its name; patterns in their order, files of no data left out', async () => {
    const { files, notes } = await open('org/pairs/all', { split: 'test_prefs' });
    expect([files, notes]).toEqual([['data/prefs-test.jsonl', 'extra/a.jsonl', 'extra/b.jsonl'], []]);
    expect((await open('org/pairs/all', { split: 'train_prefs' })).sources.map(({ name }) => name)).toEqual([
      'org/pairs/data/prefs-train-00000.parquet',
      'org/pairs/data/prefs-train-00001.parquet',
    ]);
    expect((await open('org/pairs/plain')).files).toEqual(['plain.jsonl']);
    // Without data_files the names of its files say the splits.
    expect((await open('org/pairs/folder', { split: 'test' })).files).toEqual(['folder/test.jsonl']);
    // What is no configuration is a folder or a file, as without a README.
    expect((await open('org/pairs/extra')).files).toEqual(['extra/a.jsonl', 'extra/b.jsonl']);
    expect((await open('org/pairs/plain.jsonl')).files).toEqual(['plain.jsonl']);
  });

  it('works offline with the README of the cache', async () => {
    await open('org/pairs');
    const { files, commit, cachedBecause } = await open('org/pairs', { isOffline: true });
    expect([files.length, commit, cachedBecause]).toEqual([2, COMMIT, 'working offline']);
  });

  it('what cannot be told is asked, with what there is', async () => {
    expect(await said('org/pairs/all')).toBe(
      'hub: one split of org/pairs/all must be named, got train_prefs, test_prefs; write org/pairs/all:train_prefs',
    );
    expect(await said('org/pairs', { split: 'prefs' })).toBe(
      'hub: the configuration raw of org/pairs must have the split prefs, got train, test',
    );
    hub.repos.set('datasets/org/pairs', { ...FILES, 'README.md': text(CARD.replace('  default: true\n', '')) });
    expect(await said('org/pairs')).toBe(
      'hub: one configuration of the data set org/pairs must be named, got all, raw, plain, folder; write org/pairs/all',
    );
  });

  it('a configuration whose files cannot be read is read from the hub’s own Parquet', async () => {
    const card = '---\nconfigs:\n- config_name: xml\n  data_files: "*.xml"\n---\n';
    hub.repos.set('datasets/org/pairs', { 'README.md': text(card), 'a.xml': text('<a/>'), 'b.jsonl': ROW });
    expect(await said('org/pairs')).toBe(
      'hub: the data set org/pairs must have files (.jsonl, .json, .parquet, .csv, .tsv) that *.xml of its README.md match, got a.xml',
    );
    hub.repos.set('datasets/org/pairs@refs/convert/parquet', {
      'xml/train/0000.parquet': { bytes: PAIRS, isLarge: true },
    });
    const { commit, files } = await open('org/pairs/xml');
    expect([commit, files]).toEqual([CONVERTED_COMMIT, ['xml/train/0000.parquet']]);
  });

  it.each([
    ['- 1', 'configs[0] must have a text config_name'],
    ['- config_name: a\n  data_files: [{path: x}]', 'configs[0].data_files[0] must have split and path'],
    [
      '- config_name: a\n  data_files: {train: 3}',
      'configs[0].data_files.train must be a pattern of file names or a list of them',
    ],
    ['- config_name: a\n  data_dir: [1]', 'configs[0].data_dir must be a text'],
  ])('a README that says something else: %s', async (configs, message) => {
    hub.repos.set('datasets/org/pairs', { 'README.md': text(`---\nconfigs:\n${configs}\n---\n`), 'b.jsonl': ROW });
    expect(await said('org/pairs')).toBe(
      `hub: README.md of the data set org/pairs: ${message}; name a file as org/pairs/FILE instead`,
    );
    // The way out that the message names.
    expect((await open('org/pairs/b.jsonl')).files).toEqual(['b.jsonl']);
  });

  it('addresses and endless patterns are refused', () => {
    expect(selecting('https://example.test/a.jsonl')).toThrow(
      'hub: files of the data set org/pairs must be its own, got https://example.test/a.jsonl in its README.md; download them and name the files',
    );
    expect(selecting(`${'a*'.repeat(40)}b`)).toThrow('patterns of files of org/pairs must have at most 6 stars');
  });

  it('front matter that is no YAML says so; without any there are no configurations', () => {
    expect(() => configsOf('---\na: [\n---\n', 'org/pairs')).toThrow(
      /^hub: the front matter of org\/pairs's README\.md must be YAML, got /,
    );
    expect(configsOf('# A title\n\n---\nconfigs: 1\n---\n', 'org/pairs')).toEqual([]);
    expect(configsOf('---\nlicense: mit\n---\n', 'org/pairs')).toEqual([]);
  });
});
