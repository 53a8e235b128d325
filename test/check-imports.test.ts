import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { checkImports, measureFolders, ROOMS } from '../scripts/check-imports.ts';
import { houseText, withHouse } from '../scripts/write-house.ts';

const ROOT = join(import.meta.dirname, '..');
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** A source folder with these files. */
function sources(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'preftune-imports-'));
  folders.push(root);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  return root;
}

test('the folders of this repository keep the order', () => {
  expect(checkImports(join(ROOT, 'src'))).toEqual([]);
  expect(new Set(ROOMS.map(({ name }) => name)).size).toBe(ROOMS.length);
});

test('the README shows the house as it is', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  expect(withHouse(readme)).toBe(readme);
  expect(ROOMS.filter(({ name }) => !existsSync(join(ROOT, 'src', name, 'index.ts')))).toEqual([]);
  const width = Math.max(...ROOMS.map(({ name }) => name.length)) + 2;
  for (const { name, purpose } of ROOMS) expect(houseText()).toContain(name.padEnd(width) + purpose);
});

test('every kind of breach is found, in every form of import', () => {
  const root = sources({
    'core/a.ts': "import { b } from '../graph/index.ts';\nexport * from '../graph/dim.ts';",
    'core/side.ts': "import '../train/index.ts';",
    'core/late.ts': "const b = await import('../train/index.ts');\nimport type {\n  C,\n} from '../cli/index.ts';",
    'core/helped.ts': "export { b } from './testing/help.ts';",
    'core/helped.test.ts': "export { b } from './testing/help.ts';",
    'graph/b.ts': "import { a } from '../core/a.ts';\nimport { readFileSync } from 'node:fs';",
    'data/nested/deep.ts': "import { x } from '../../models/decoder.ts';",
    'train/run.ts': "import ort from 'onnxruntime-node';\nimport { join } from 'node:path';",
    'extras/x.ts': '',
  });
  expect(checkImports(root)).toEqual([
    'src/core/a.ts: core/ stands before graph/ and must not import it',
    'src/core/a.ts: core/ stands before graph/ and must not import it',
    'src/core/a.ts: import graph/index.ts, not graph/dim.ts',
    'src/core/helped.ts: only tests may import core/testing/help.ts',
    'src/core/late.ts: core/ stands before cli/ and must not import it',
    'src/core/late.ts: core/ stands before train/ and must not import it',
    'src/core/side.ts: core/ stands before train/ and must not import it',
    'src/data/nested/deep.ts: import models/index.ts, not models/decoder.ts',
    'src/extras: must have its place in ROOMS of scripts/check-imports.ts',
    'src/graph/b.ts: graph/ must stay free of node:fs, the browser runs it too',
    'src/graph/b.ts: import core/index.ts, not core/a.ts',
    'src/train/run.ts: only runtime/ may import onnxruntime-node',
  ]);
});

test('faces name what they give, each name means one thing', () => {
  const root = sources({
    'core/index.ts': "export * from './a.ts';\nexport { Split, type Fact } from './a.ts';",
    'core/a.ts': 'export const Split = 1;\nexport interface Fact {}',
    'data/index.ts': "export { type Split, readFact as Fact } from './b.ts';",
    'data/b.ts': 'export const readFact = 1;\nexport type Split = 1;',
  });
  expect(checkImports(root)).toEqual([
    'src/core/index.ts: name what ./a.ts gives, instead of export *',
    'src: Fact means 2 things: core/a.ts, data/b.ts',
    'src: Split means 2 things: core/a.ts, data/b.ts',
  ]);
});

test('files in a circle are found, types or not; what is loaded later closes none', () => {
  const root = sources({
    'core/a.ts': "import type { B } from './b.ts';",
    'core/b.ts': "import { c } from './c.ts';",
    'core/c.ts': "import { a } from './a.ts';",
    'core/d.ts': "const e = await import('./e.ts');",
    'core/e.ts': "import { d } from './d.ts';",
  });
  expect(checkImports(root)).toEqual([
    'src/core/a.ts: files must not import in a circle, got core/a.ts > core/b.ts > core/c.ts > core/a.ts',
  ]);
});

test('a Node module without its prefix is refused too', () => {
  const root = sources({ 'data/a.ts': "import { readFile } from 'fs/promises';\nimport path from 'path';" });
  expect(checkImports(root)).toEqual([
    'src/data/a.ts: data/ must stay free of fs/promises, the browser runs it too',
    'src/data/a.ts: data/ must stay free of path, the browser runs it too',
  ]);
});

function needsNode(taker: string, from: string): string {
  return `src/${taker}: takes a value from ${from}, which needs Node; let the caller pass it in`;
}

test('what a browser runs takes no value from what needs Node, through a face or not; types it may', () => {
  const root = sources({
    'policy/index.ts':
      "export { openIt as open, type Opened } from './node/open.ts';\nexport { place } from './place.ts';",
    'policy/node/open.ts': "import { freemem } from 'node:os';\nimport { place } from '../place.ts';",
    'policy/place.ts':
      "import type { Device } from '../runtime/index.ts';\nimport { isTensor, openDevice } from '../runtime/index.ts';",
    'policy/near.ts': "import {\n  type Opened,\n  openIt,\n} from './node/open.ts';",
    'runtime/index.ts':
      "export { isTensor, type Device } from './types.ts';\nexport { openDevice } from './open-device.ts';",
    'runtime/open-device.ts': "import { Worker } from 'node:worker_threads';",
    'runtime/types.ts': '',
    'generate/engine.ts':
      "import { open, place, type Opened } from '../policy/index.ts';\nimport { type Run } from '../store/index.ts';",
    'generate/node-open.ts': "import { open } from '../policy/index.ts';",
    'store/index.ts': "export { readRun, type Run } from './run.ts';",
    'store/run.ts': '',
    'train/loop/step.ts': "const { readRun } = await import('../../store/run.ts');\nimport { run } from '../run.ts';",
    'train/loop/step.test.ts': "import { readRun } from '../../store/index.ts';",
    'train/run.ts': "import { readRun } from '../store/index.ts';\nimport { join } from 'node:path';",
  });
  expect(checkImports(root)).toEqual([
    needsNode('generate/engine.ts', 'policy/node/open.ts'),
    needsNode('policy/near.ts', 'policy/node/open.ts'),
    needsNode('policy/place.ts', 'runtime/open-device.ts'),
    'src/train/loop/step.ts: import store/index.ts, not store/run.ts',
    needsNode('train/loop/step.ts', 'store/run.ts'),
    needsNode('train/loop/step.ts', 'train/run.ts'),
  ]);
});

test('a folder has at most 25 files and ten floors', () => {
  const many = Object.fromEntries(Array.from({ length: 26 }, (_, i) => [`core/f${i}.ts`, '']));
  const high = Object.fromEntries(
    Array.from({ length: 11 }, (_, i) => [`graph/deep/f${i}.ts`, i === 0 ? '' : `import './f${i - 1}.ts';`]),
  );
  const root = sources({ ...many, ...high });
  expect(checkImports(root)).toEqual([
    'src/core: at most 25 files belong in a folder, got 26',
    'src/graph/deep: at most 10 imports may stand on each other, got 11',
  ]);
  expect(measureFolders(root).get('graph/deep')).toEqual({ files: 11, floors: 11 });
});

test('what is allowed: the own folder, earlier faces, later ones in tests, node: in node-*.ts, packages, the root', () => {
  const root = sources({
    'graph/b.ts': "import { a } from './c.ts';\nimport { d } from '../core/index.ts';\nimport { z } from 'zod';",
    'graph/b.test.ts':
      "import { t } from '../train/index.ts';\nimport { s } from '../../test/support/x.ts';\nimport 'node:fs';",
    'data/node-source.ts': "import { readFile } from 'node:fs/promises';",
    'runtime/open.ts': "import ort from 'onnxruntime-node';\nimport { Worker } from 'node:worker_threads';",
    'index.ts': "export { trainDpo } from './train/index.ts';\nexport { a } from './core/index.ts';",
  });
  expect(checkImports(root)).toEqual([]);
});

test('the script prints the breaches and exits 1, or 0 when there are none', () => {
  const script = join(ROOT, 'scripts', 'check-imports.ts');
  const broken = sources({ 'core/a.ts': "import '../graph/index.ts';" });
  const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', script, broken], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([1, 'src/core/a.ts: core/ stands before graph/ and must not import it\n']);
  expect(execFileSync(process.execPath, ['--import', 'tsx', script], { cwd: ROOT, encoding: 'utf8' })).toBe('');
});
