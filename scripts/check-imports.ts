/**
 * Import direction: the folders of src/ stand in the order in which data flows, and a file may import only from its own
 * folder, or through the index.ts of a folder that stands earlier. Exits 1 with one line for each breach.
 *
 *     tsx scripts/check-imports.ts [SOURCE_FOLDER]
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

export const ORDER = [
  'core',
  'statistics',
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
  'reliability',
  'judge',
  'evaluate',
  'export',
  'serve',
  'cli',
];

/** These run in the browser too. */
const NODE_FREE = [
  'core',
  'statistics',
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

/** `import ... from 'x'`, `export ... from 'x'`, `import 'x'`, `import('x')`. */
const IMPORT = /(?:\bfrom|\bimport\s*\(|\bimport)\s*'([^']+)'/g;

interface Importer {
  /** Path below src. */
  readonly file: string;
  readonly folder: string;
  readonly isTest: boolean;
}

/** What is wrong with one import, if anything. */
function breachesOf({ file, folder, isTest }: Importer, target: string): string[] {
  const where = `src/${file}`;
  if (target === 'onnxruntime-node') {
    return folder === 'runtime' ? [] : [`${where}: only runtime/ may import onnxruntime-node`];
  }
  if (target.startsWith('node:')) {
    const isFree = NODE_FREE.includes(folder) && !isTest && !file.includes('/node-');
    return isFree ? [`${where}: ${folder}/ must stay free of ${target}, the browser runs it too`] : [];
  }
  if (!target.startsWith('.')) return [];
  const imported = join(dirname(file), target);
  const importedFolder = imported.split('/')[0]!;
  if (importedFolder === folder || imported.startsWith('..')) return [];
  const breaches: string[] = [];
  if (!folder.endsWith('.ts') && !isTest && ORDER.indexOf(importedFolder) > ORDER.indexOf(folder))
    breaches.push(`${where}: ${folder}/ stands before ${importedFolder}/ and must not import it`);
  if (imported !== `${importedFolder}/index.ts`)
    breaches.push(`${where}: import ${importedFolder}/index.ts, not ${imported}`);
  return breaches;
}

/** Every breach below a source folder, one line each, sorted. */
export function checkImports(root: string): string[] {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const folders = new Set(files.filter((file) => file.includes('/')).map((file) => file.split('/')[0]!));
  const unknown = [...folders].filter((folder) => !ORDER.includes(folder));
  const problems = unknown.map((folder) => `src/${folder}: must have its place in ORDER of scripts/check-imports.ts`);
  for (const file of files) {
    const importer = { file, folder: file.split('/')[0]!, isTest: file.endsWith('.test.ts') };
    const text = readFileSync(join(root, file), 'utf8');
    for (const match of text.matchAll(IMPORT)) problems.push(...breachesOf(importer, match[1]!));
  }
  return problems.toSorted();
}

if (process.argv[1] === import.meta.filename) {
  const problems = checkImports(process.argv[2] ?? resolve(import.meta.dirname, '..', 'src'));
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
