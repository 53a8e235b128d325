import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { shellWords } from '../src/core/index.ts';
import { optionsOf } from '../src/options/index.ts';
import { DPO } from '../src/cli/training/dpo.ts';
import { buildCli, preftune } from './support/built-cli.ts';
import { temporaryFolder } from './support/tiny-model.ts';

const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);
const EMBEDDED = join(import.meta.dirname, '..', 'assets', 'embedded-model');
let main: string;
beforeAll(() => {
  main = buildCli();
});
afterAll(folder.remove);

const run = (words: readonly string[], cwd = folder.path) =>
  preftune(main, words, { cwd, environment: { XDG_CACHE_HOME: at('cache') } });

test('the folder trains as it stands: every command of its README runs, in order', { timeout: 120_000 }, async () => {
  const made = await run(['init', 'my model', '--model', EMBEDDED]);
  expect([made.code, made.err]).toEqual([0, '']);
  expect(readdirSync(at('my model')).toSorted()).toEqual(['README.md', 'pairs.jsonl', 'prompts.txt', 'run.yaml']);
  const readme = readFileSync(at('my model', 'README.md'), 'utf8');
  const commands = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, text]) => shellWords(text!));
  expect(commands.map((words) => words.slice(0, 3).join(' '))).toEqual([
    'npx preftune data',
    'npx preftune dpo',
    'npx preftune generate',
    'npx preftune compare',
    'npx preftune export',
  ]);
  for (const words of commands) {
    const { code, err } = await run(words.slice(2), at('my model'));
    expect([words.join(' '), code, err.split('\n').filter((line) => /internal|must/.test(line))]).toEqual([
      words.join(' '),
      0,
      [],
    ]);
  }
  expect(existsSync(at('my model', 'run', 'adapter'))).toBe(true);
  expect(existsSync(at('my model', 'comparison', 'report.html'))).toBe(true);
});

const told = (name: string) =>
  `taken/${name}: init: must not exist yet, got a file; nothing was written: name a new folder, such as preftune init my-model\n`;

test('run.yaml explains the common options, and each line that is a comment can be taken as it is', () => {
  const text = readFileSync(at('my model', 'run.yaml'), 'utf8');
  expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
  expect(parse(text)).toEqual({
    model: EMBEDDED,
    data: 'pairs.jsonl',
    output: 'run',
    heldOutFraction: 0.2,
    batchSize: 2,
    epochs: 3,
  });
  const shown = [...text.matchAll(/^#?([a-zA-Z][\w.]*): (.*)$/gm)].filter(([line]) => !line.startsWith('# '));
  const options = new Map(optionsOf(DPO.options).map((option) => [option.path, option]));
  expect(shown.length).toBeGreaterThan(15);
  for (const [, path, value] of shown) {
    const { bare, default: usual } = options.get(path!)!;
    if (value!.startsWith('<')) continue;
    const read: unknown = (parse(`value: ${value}`) as { value: unknown }).value;
    expect([path, bare.safeParse(read).success]).toEqual([path, true]);
    if (usual !== undefined && text.includes(`\n#${path}: `)) expect([path, read]).toEqual([path, usual]);
  }
});

test('nothing is overwritten, and nothing written beside what is there', async () => {
  mkdirSync(at('taken'));
  writeFileSync(at('taken', 'pairs.jsonl'), 'mine\n');
  writeFileSync(at('taken', 'README.md'), 'mine\n');
  const taken = await run(['init', 'taken']);
  expect([taken.code, taken.out, taken.err]).toEqual([2, '', told('pairs.jsonl') + told('README.md')]);
  expect(readdirSync(at('taken')).toSorted()).toEqual(['README.md', 'pairs.jsonl']);
  expect(readFileSync(at('taken', 'pairs.jsonl'), 'utf8')).toBe('mine\n');
  const file = await run(['init', 'taken/pairs.jsonl']);
  expect([file.code, file.err]).toEqual([2, 'taken/pairs.jsonl: init: must be a folder, got a file; name another\n']);
});

test('a model that is named from here is named from there', async () => {
  mkdirSync(at('models'), { recursive: true });
  await run(['init', 'deep/er', '--model', 'models']);
  expect(readFileSync(at('deep', 'er', 'run.yaml'), 'utf8')).toContain('\nmodel: ../../models\n');
});
