import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CommandEntry } from '../src/cli/frame/command.ts';
import { runWords } from '../src/cli/testing/run-words.ts';
import { temporaryFolder } from './support/tiny-model.ts';

/** The code of CONTRIBUTING.md compiles where it says that it stands, and its command runs. */
const ROOT = join(import.meta.dirname, '..');
const PAGE = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8');

/** A fence of TypeScript names its file: ```ts src/cli/tokens.ts. A block for a file that exists is one more entry of its list. */
const BLOCKS = [...PAGE.matchAll(/^```ts(.*)\n([\s\S]*?)\n```$/gm)].map(([, path, code]) => ({
  path: path!.trim(),
  code: code!,
}));

const { path: folder, remove } = temporaryFolder();
afterAll(remove);

/** What the blocks make of the repository's files. */
function written(): Map<string, string> {
  return new Map(
    BLOCKS.map(({ path, code }) => {
      if (!existsSync(join(ROOT, path))) return [path, code];
      const text = readFileSync(join(ROOT, path), 'utf8');
      const end = text.lastIndexOf('\n];');
      return [path, `${text.slice(0, end)}\n${code}${text.slice(end)}`];
    }),
  );
}

/** The text for the temporary folder: imports of what no block wrote are those of the repository. */
function moved(path: string, text: string, files: ReadonlyMap<string, string>): string {
  return text.replaceAll(/(from |import\()'(\.[^']+)'/g, (whole, before: string, target: string) => {
    const named = join(dirname(path), target);
    return files.has(named) ? whole : `${before}'${join(ROOT, named)}'`;
  });
}

beforeAll(() => {
  const files = written();
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  for (const [path, text] of files) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), `${moved(path, text, files)}\n`);
  }
});

test('every block of TypeScript names its file', () => {
  expect(BLOCKS.map(({ path }) => path)).toEqual([
    'src/cli/tokens.ts',
    'src/cli/commands.ts',
    'src/cli/tokens.test.ts',
  ]);
});

test('the blocks compile as strictly as the sources', () => {
  const settings = {
    extends: join(ROOT, 'tsconfig.json'),
    include: ['src'],
    compilerOptions: { rewriteRelativeImportExtensions: false },
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings));
  const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  let said = '';
  try {
    execFileSync(process.execPath, [compiler, '-p', folder], { cwd: folder, encoding: 'utf8' });
  } catch (error) {
    said = (error as { stdout: string }).stdout;
  }
  expect(said).toBe('');
});

/** The command of the page among the others. */
async function run(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const { COMMANDS } = (await import(join(folder, 'src/cli/commands.ts'))) as { COMMANDS: readonly CommandEntry[] };
  return runWords(['tokens', '--model', 'assets/embedded-model', ...words], COMMANDS);
}

test('the command counts, warns, and prints ids', async () => {
  // What the page's own test says.
  expect(await run('a cat')).toEqual({ code: 0, out: '2\n', err: '' });
  const { code, out, err } = await run('-n', '1', '--show-ids', 'a', 'a cat');
  const lines = out.trim().split('\n');
  expect([code, lines.map((line) => line.split(' ').length)]).toEqual([0, [2, 3]]);
  expect(err).toBe('warning: a cat: 2 tokens\n');
});

test('the command tells every problem at once, and has its options in --help', async () => {
  const { code, err } = await run('--at-most', '0', '--show-ids', '--json', 'a');
  const { error } = JSON.parse(err) as { error: { problems: { message: string }[] } };
  expect([code, error.problems.map(({ message }) => message)]).toEqual([
    2,
    ['--at-most must be at least 1, got 0', '--show-ids has no effect with --json; leave it out'],
  ]);
  expect((await run('--help')).out).toContain('-n, --at-most <integer>');
});

test('what it tells to run names files that exist, with the options behind them', () => {
  const pages = ['CONTRIBUTING.md', 'ARCHITECTURE.md', 'README.md'].map((name) =>
    readFileSync(join(ROOT, name), 'utf8'),
  );
  const words = pages.flatMap((page) =>
    [...page.matchAll(/npx vitest run ([^`]+)`/g)].map(([, rest]) => rest!.split(/\s+/)),
  );
  expect(words.length).toBeGreaterThan(4);
  // `-u file` is one option: vitest then runs, and updates, everything.
  expect(words.filter((each) => each.slice(0, -1).includes('-u'))).toEqual([]);
  const paths = words.flat().filter((word) => word !== '-u');
  expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

test('the files and folders that it names exist', () => {
  const own = new Set(BLOCKS.map(({ path }) => path));
  const named = [...PAGE.matchAll(/`((?:src|test|docs|scripts|bench)\/[^`\s<>*]+)`/g)].map(([, path]) => path!);
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((path) => !own.has(path) && !existsSync(join(ROOT, path)))).toEqual([]);
});
