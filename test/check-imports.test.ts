import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { checkImports, ORDER } from '../scripts/check-imports.ts';

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
  expect(new Set(ORDER).size).toBe(ORDER.length);
});

test('every kind of breach is found, in every form of import', () => {
  const root = sources({
    'core/a.ts': "import { b } from '../graph/index.ts';\nexport * from '../graph/dim.ts';",
    'core/side.ts': "import '../train/index.ts';",
    'core/late.ts': "const b = await import('../train/index.ts');\nimport type {\n  C,\n} from '../cli/index.ts';",
    'graph/b.ts': "import { a } from '../core/a.ts';\nimport { readFileSync } from 'node:fs';",
    'data/nested/deep.ts': "import { x } from '../../models/decoder.ts';",
    'train/run.ts': "import ort from 'onnxruntime-node';\nimport { join } from 'node:path';",
    'extras/x.ts': '',
  });
  expect(checkImports(root)).toEqual([
    'src/core/a.ts: core/ stands before graph/ and must not import it',
    'src/core/a.ts: core/ stands before graph/ and must not import it',
    'src/core/a.ts: import graph/index.ts, not graph/dim.ts',
    'src/core/late.ts: core/ stands before cli/ and must not import it',
    'src/core/late.ts: core/ stands before train/ and must not import it',
    'src/core/side.ts: core/ stands before train/ and must not import it',
    'src/data/nested/deep.ts: import models/index.ts, not models/decoder.ts',
    'src/extras: must have its place in ORDER of scripts/check-imports.ts',
    'src/graph/b.ts: graph/ must stay free of node:fs, the browser runs it too',
    'src/graph/b.ts: import core/index.ts, not core/a.ts',
    'src/train/run.ts: only runtime/ may import onnxruntime-node',
  ]);
});

test('what is allowed: the own folder, earlier faces, later ones in tests, node: in node-*.ts, packages, the root', () => {
  const root = sources({
    'graph/b.ts': "import { a } from './c.ts';\nimport { d } from '../core/index.ts';\nimport { z } from 'zod';",
    'graph/b.test.ts':
      "import { t } from '../train/index.ts';\nimport { s } from '../../test/support/x.ts';\nimport 'node:fs';",
    'data/node-source.ts': "import { readFile } from 'node:fs/promises';",
    'runtime/open.ts': "import ort from 'onnxruntime-node';\nimport { Worker } from 'node:worker_threads';",
    'index.ts': "export { trainDpo } from './train/index.ts';\nexport * from './core/index.ts';",
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
