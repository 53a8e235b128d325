/**
 * Import direction: the folders of src/ stand in the order in which data flows, and a file may import only from its own
 * folder, or through the index.ts of a folder that stands earlier. Exits 1 with one line for each breach.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

export const ORDER = [
  'core',
  'graph',
  'interpret',
  'autodiff',
  'passes',
  'onnx',
  'runtime',
  'formats',
  'tokenizer',
  'models',
  'data',
  'objectives',
  'optim',
  'store',
  'train',
  'generate',
  'judge',
  'evaluate',
  'export',
  'serve',
  'cli',
];

/** These run in the browser too. */
const NODE_FREE = [
  'core',
  'graph',
  'interpret',
  'autodiff',
  'passes',
  'onnx',
  'models',
  'data',
  'objectives',
  'optim',
  'tokenizer',
];

const root = resolve(import.meta.dirname, '..', 'src');
const problems: string[] = [];

for (const file of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
  if (!file.endsWith('.ts')) continue;
  const path = join(root, file);
  const folder = relative(root, path).split('/')[0]!;
  const isTest = file.endsWith('.test.ts');
  const text = readFileSync(path, 'utf8');
  for (const match of text.matchAll(/(?:from|import\()\s*'([^']+)'/g)) {
    const target = match[1]!;
    const where = `src/${file}`;
    if (target === 'onnxruntime-node' && folder !== 'runtime')
      problems.push(`${where}: only runtime/ may import onnxruntime-node`);
    if (target.startsWith('node:') && NODE_FREE.includes(folder) && !isTest && !file.includes('/node-')) {
      problems.push(`${where}: ${folder}/ must stay free of ${target}, the browser runs it too`);
    }
    if (!target.startsWith('.')) continue;
    const imported = relative(root, resolve(dirname(path), target));
    const importedFolder = imported.split('/')[0]!;
    if (importedFolder === folder || folder.endsWith('.ts') || imported.startsWith('..')) continue;
    if (!isTest && ORDER.indexOf(importedFolder) > ORDER.indexOf(folder)) {
      problems.push(`${where}: ${folder}/ stands before ${importedFolder}/ and must not import it`);
    }
    if (imported !== `${importedFolder}/index.ts`)
      problems.push(`${where}: import ${importedFolder}/index.ts, not ${imported}`);
  }
}

for (const problem of problems) process.stderr.write(`${problem}\n`);
process.exitCode = problems.length > 0 ? 1 : 0;
