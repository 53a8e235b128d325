/**
 * The house: folders of src/ stand in the order in which data flows, and this script holds them to it. It refuses
 *
 * - an import of a folder that stands later, or past a folder's index.ts
 * - files that import each other in a circle
 * - `export *` in an index.ts, since the names of a face are its contract
 * - a name that two faces give to different things
 * - what tests are helped by (`testing/`) in anything but a test
 * - a Node module in what a browser runs, or a value of a file that needs Node; and ONNX Runtime outside runtime/
 * - a folder of more than 25 files, or with a chain of more than ten imports inside it
 *
 * Exits 1 with one line for each breach.
 *
 *     tsx scripts/check-imports.ts [SOURCE_FOLDER]
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { browserBreaches, isBrowserFile, isNodeModule, type BrowserClaim } from './browser-claim.ts';

/** A folder of src/, what it is, and what of it a browser runs. */
export interface Room extends BrowserClaim {
  readonly purpose: string;
}

/** Steps, and tasks from what is in memory: what of train/ needs no run folder. */
const TRAIN_IN_MEMORY = [
  'loop',
  'recipes/completion-task.ts',
  'recipes/preference-reference.ts',
  'recipes/preference-rows.ts',
  'recipes/preference-task.ts',
];

/** In the order of the data: each imports only from those before it. */
export const ROOMS: readonly Room[] = [
  { name: 'core', purpose: 'errors, dtypes, JSON, text, seeded random numbers', isBrowser: true },
  { name: 'statistics', purpose: 'intervals, agreement, win rates, near duplicates', isBrowser: true },
  { name: 'answers', purpose: 'what an answer is like, and what is broken in it', isBrowser: true },
  { name: 'graph', purpose: 'immutable typed nodes with symbolic dimensions', isBrowser: true },
  { name: 'interpret', purpose: 'a graph to float64 numbers, slowly: the oracle of tests', isBrowser: true },
  { name: 'autodiff', purpose: 'a graph to its gradients', isBrowser: true },
  { name: 'passes', purpose: 'a graph to a better graph, and to a kernel plan', isBrowser: true },
  { name: 'onnx', purpose: 'graph and plan to model bytes', isBrowser: true },
  { name: 'runtime', purpose: 'bytes to results; the only importer of ONNX Runtime', browserFiles: ['types.ts'] },
  { name: 'models', purpose: 'families of models; parameters and tokens to nodes; LoRA', isBrowser: true },
  { name: 'files', purpose: 'files that are whole or absent, locks, lines that survive a kill' },
  { name: 'formats', purpose: 'safetensors, GGUF, adapter and model folders', isBrowser: true },
  { name: 'jinja', purpose: 'chat templates, rendered as Python renders them', isBrowser: true },
  { name: 'tokenizer', purpose: 'text to ids, conversations to text', isBrowser: true },
  { name: 'grammar', purpose: 'JSON schemas to the tokens that may come next', isBrowser: true },
  {
    name: 'tools',
    purpose: 'tool calls in what models write: formats of families, read as they come',
    isBrowser: true,
  },
  { name: 'data', purpose: 'bytes to rows, rows to tokens, tokens to batches', isBrowser: true },
  { name: 'objectives', purpose: 'log-probabilities to a loss', isBrowser: true },
  { name: 'optim', purpose: 'gradients to new parameters', isBrowser: true },
  {
    name: 'store',
    purpose: 'run folders, checkpoints, metrics: what is written and never lost',
    browserFiles: ['best-metric.ts'],
  },
  { name: 'api', purpose: "the server's routes: who may call them, what they take and give", isBrowser: true },
  { name: 'database', purpose: 'one SQLite file, held by one connection in one worker thread' },
  { name: 'ledger', purpose: 'what a server remembers: answers, keys, files, jobs, versions' },
  { name: 'report', purpose: 'pages: shell, curves, style, tables' },
  { name: 'manual', purpose: 'the documentation as pages, with search' },
  { name: 'hub', purpose: 'finding and fetching models and data by name' },
  { name: 'options', purpose: 'how options are declared: fields, help, problems, JSON schema', isBrowser: true },
  { name: 'specification', purpose: 'what decides a run: schema, problems, resume, sweep, stages', isBrowser: true },
  {
    name: 'policy',
    purpose: 'a model in use: opened, adapted, on a device, with its graphs and its memory',
    isBrowser: true,
  },
  { name: 'generate', purpose: 'prompts to answers', isBrowser: true },
  { name: 'score', purpose: 'log-probabilities of given answers; the stored reference', isBrowser: true },
  { name: 'monitor', purpose: 'what goes wrong in runs' },
  { name: 'reliability', purpose: 'whether data can be trusted' },
  { name: 'ask', purpose: 'asking a language model over HTTP: limits, retries, cost, stored calls' },
  { name: 'judge', purpose: 'two answers to a verdict: language models, rules, rewards; the sandbox' },
  { name: 'pairs', purpose: 'signals (ratings, votes, edits, thumbs, samples, verdicts) to rows' },
  { name: 'feedback', purpose: 'what people say of answers; rows made of it, with what they came from' },
  { name: 'feedback-client', purpose: 'feedback from a web page, without anything else', isBrowser: true },
  { name: 'labelling', purpose: 'people compare answers: campaigns, the queue, votes, agreement' },
  { name: 'experiments', purpose: 'live tests of models: who gets which, when a unit is closed, what the numbers say' },
  { name: 'train', purpose: 'recipes, the step loop, the shell of a run', browserFiles: TRAIN_IN_MEMORY },
  { name: 'evaluate', purpose: 'what changed: KL, behaviour, win rates, cards of judges' },
  { name: 'export', purpose: 'a trained model to the files that others read, each compared before it is there' },
  { name: 'loop', purpose: 'candidates, gates, promotion and the way back' },
  { name: 'serve', purpose: "HTTP: OpenAI's API, jobs; the only importer of hono" },
  { name: 'client', purpose: "calls of the server's routes with their types, for pages and scripts", isBrowser: true },
  { name: 'deploy', purpose: 'an endpoint on a platform: files, REST calls' },
  { name: 'quickstart', purpose: 'the pairs and questions of the first minute' },
  { name: 'cli', purpose: 'one file a command' },
];

const ORDER = ROOMS.map(({ name }) => name);

const MOST_FILES = 25;
const MOST_FLOORS = 10;

/** `import ... from 'x'`, `export ... from 'x'`, `import 'x'`, `import('x')`. */
const IMPORT = /(?:\bfrom|\bimport\s*\(|\bimport)\s*'([^']+)'/g;
/** The same without `import('x')`, which runs later and so closes no circle. */
const STATIC_IMPORT = /(?:\bfrom|\bimport)\s*'([^']+)'/g;
const NAMED_EXPORT = /^export (?:type )?\{([^}]*)\} from '([^']+)';/gm;

interface Source {
  /** Path below src. */
  readonly file: string;
  readonly folder: string;
  readonly isTest: boolean;
  readonly text: string;
}

function readSources(root: string): Source[] {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  return files.map((file) => ({
    file,
    folder: file.split('/')[0]!,
    isTest: file.endsWith('.test.ts') || file.includes('/testing/'),
    text: readFileSync(join(root, file), 'utf8'),
  }));
}

/** What is wrong with one import, if anything. */
function importBreaches({ file, folder, isTest }: Source, target: string): string[] {
  const where = `src/${file}`;
  if (target.startsWith('onnxruntime-')) {
    return folder === 'runtime' ? [] : [`${where}: only runtime/ may import ${target}`];
  }
  if (isNodeModule(target)) {
    const isFree = isBrowserFile(file, ROOMS) && !isTest;
    return isFree ? [`${where}: ${folder}/ must stay free of ${target}, the browser runs it too`] : [];
  }
  if (!target.startsWith('.')) return [];
  const imported = join(dirname(file), target);
  if (!isTest && imported.includes('/testing/')) return [`${where}: only tests may import ${imported}`];
  const importedFolder = imported.split('/')[0]!;
  if (importedFolder === folder || imported.startsWith('..')) return [];
  const breaches: string[] = [];
  if (!folder.endsWith('.ts') && !isTest && ORDER.indexOf(importedFolder) > ORDER.indexOf(folder))
    breaches.push(`${where}: ${folder}/ stands before ${importedFolder}/ and must not import it`);
  const isFace = imported === `${importedFolder}/index.ts` || (isTest && imported.includes('/testing/'));
  if (!isFace) breaches.push(`${where}: import ${importedFolder}/index.ts, not ${imported}`);
  return breaches;
}

function starBreaches({ file, text }: Source): string[] {
  if (!file.endsWith('index.ts')) return [];
  return [...text.matchAll(/^export \* from '([^']+)'/gm)].map(
    ([, from]) => `src/${file}: name what ${from} gives, instead of export *`,
  );
}

/** Names that faces give to different things. */
function nameBreaches(sources: readonly Source[]): string[] {
  const meanings = new Map<string, Set<string>>();
  for (const { file, folder, text } of sources) {
    if (file !== `${folder}/index.ts`) continue;
    for (const [, names = '', from = ''] of text.matchAll(NAMED_EXPORT))
      for (const part of names.split(',')) {
        const name = part
          .replace(/^\s*type /, '')
          .split(' as ')
          .at(-1)!
          .trim();
        if (name === '') continue;
        meanings.set(name, (meanings.get(name) ?? new Set()).add(join(folder, from)));
      }
  }
  return [...meanings].flatMap(([name, places]) =>
    places.size === 1 ? [] : [`src: ${name} means ${places.size} things: ${[...places].toSorted().join(', ')}`],
  );
}

/** What each file imports at once, of the files that there are. */
function importsOf(sources: readonly Source[]): Map<string, readonly string[]> {
  const own = sources.filter(({ isTest }) => !isTest);
  const files = new Set(own.map(({ file }) => file));
  return new Map(
    own.map(({ file, text }) => {
      const targets = [...text.matchAll(STATIC_IMPORT)].map(([, target]) => join(dirname(file), target!));
      return [file, targets.filter((target) => files.has(target))];
    }),
  );
}

/** One line for each circle that a walk along the imports closes. */
function circleBreaches(imports: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const path: string[] = [];
  const breaches: string[] = [];
  const visit = (file: string): void => {
    const at = path.indexOf(file);
    if (at !== -1)
      breaches.push(
        `src/${path[at]!}: files must not import in a circle, got ${[...path.slice(at), file].join(' > ')}`,
      );
    if (at !== -1 || done.has(file)) return;
    path.push(file);
    for (const target of imports.get(file) ?? []) visit(target);
    path.pop();
    done.add(file);
  };
  for (const file of [...imports.keys()].toSorted()) visit(file);
  return breaches;
}

/** Files of each folder, nested ones apart, and its longest chain of imports. */
export function measureFolders(root: string): Map<string, { readonly files: number; readonly floors: number }> {
  const imports = importsOf(readSources(root));
  const folders = new Map<string, string[]>();
  for (const file of imports.keys()) folders.set(dirname(file), [...(folders.get(dirname(file)) ?? []), file]);
  const floors = new Map<string, number>();
  const floorOf = (file: string): number => {
    const known = floors.get(file);
    if (known !== undefined) return known;
    floors.set(file, 1);
    const below = imports.get(file)!.filter((target) => dirname(target) === dirname(file));
    const floor = 1 + Math.max(0, ...below.map(floorOf));
    floors.set(file, floor);
    return floor;
  };
  return new Map(
    [...folders].map(([folder, files]) => {
      const inner = files.filter((file) => !file.endsWith('index.ts'));
      return [folder, { files: inner.length, floors: Math.max(0, ...inner.map(floorOf)) }];
    }),
  );
}

function sizeBreaches(root: string): string[] {
  return [...measureFolders(root)].flatMap(([folder, { files, floors }]) => [
    ...(files > MOST_FILES ? [`src/${folder}: at most ${MOST_FILES} files belong in a folder, got ${files}`] : []),
    ...(floors > MOST_FLOORS
      ? [`src/${folder}: at most ${MOST_FLOORS} imports may stand on each other, got ${floors}`]
      : []),
  ]);
}

/** Every breach below a source folder, one line each, sorted. */
export function checkImports(root: string): string[] {
  const sources = readSources(root);
  const folders = new Set(sources.filter(({ file }) => file.includes('/')).map(({ folder }) => folder));
  const unknown = [...folders].filter((folder) => !ORDER.includes(folder));
  return [
    ...unknown.map((folder) => `src/${folder}: must have its place in ROOMS of scripts/check-imports.ts`),
    ...sources.flatMap((source) => [
      ...[...source.text.matchAll(IMPORT)].flatMap(([, target]) => importBreaches(source, target!)),
      ...starBreaches(source),
    ]),
    ...nameBreaches(sources),
    ...browserBreaches(sources, ROOMS),
    ...circleBreaches(importsOf(sources)),
    ...sizeBreaches(root),
  ].toSorted();
}

if (process.argv[1] === import.meta.filename) {
  const problems = checkImports(process.argv[2] ?? resolve(import.meta.dirname, '..', 'src'));
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
