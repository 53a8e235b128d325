import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';

/** Every file and folder of ours that a document names is there. docs/log.md is a diary: what it names was there. */
const ROOT = join(import.meta.dirname, '..');
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'ARCHITECTURE.md',
  'bench/README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md') && name !== 'log.md')
    .map((name) => `docs/${name}`),
];

/** Every file of the repository, new ones included. */
const FILES = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .filter((path) => existsSync(join(ROOT, path)));

/** A source file by its ending, or a path that begins with a folder of ours; `*` stands for a part of a name. */
const NAMED =
  /(?<![\w./@-])(?:[\w*.-]+\/)*[\w*.-]+\.(?:ts|py|mjs|sh)\b|(?<![\w./@-])(?:src|test|scripts|bench|tools|examples|assets|docs)\/[\w*./-]*[\w*/]/g;
/** A folder of src/ in running text: `objectives/`, `evaluate/compare/`. */
const FOLDER = /(?<=[`(, ])((?:[a-z][a-z-]*\/)+)(?=[`), .:])/g;
const LINK = /\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g;

/** What CONTRIBUTING.md has its readers make. */
const MADE: ReadonlySet<string> = new Set(['src/cli/tokens.ts']);

/** The text with fences left out: they hold what users type and see. */
function prose(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8').replaceAll(/^```[\s\S]*?^```$/gm, '');
}

/** Whether a name is that of a file or folder, whole or from the middle of its path on; dist/ is there after a build. */
function isThere(name: string): boolean {
  const pattern = name.replace(/\/$/, '').replaceAll('.', '\\.').replaceAll('*', '[^/]*');
  const inside = new RegExp(`(^|/)${pattern}($|/)`);
  return name === 'dist/' || FILES.some((path) => inside.test(path));
}

it.each(PAGES)('%s names nothing that is not there', (page) => {
  const text = prose(page);
  const named = [...text.matchAll(NAMED)].map(([name]) => name);
  const folders = page === 'ARCHITECTURE.md' || page === 'CONTRIBUTING.md' ? [...text.matchAll(FOLDER)] : [];
  const links = [...text.matchAll(LINK)].map(([, path]) => join(dirname(page), path!));
  const all = [...named, ...folders.map(([name]) => name), ...links];
  expect([...new Set(all)].filter((name) => !isThere(name) && !MADE.has(name))).toEqual([]);
});
