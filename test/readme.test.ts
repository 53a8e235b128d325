import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { buildCli, preftune } from './support/built-cli.ts';

/** README.md names what there is: every command, every page of docs/. */
const ROOT = join(import.meta.dirname, '..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

it('its table of commands is that of --help, in that order', async () => {
  const { out } = await preftune(buildCli(), ['--help']);
  const listed = [...out.matchAll(/^ {2}([a-z]+(?: [a-z]+)?) {2,}\S/gm)].map(([, name]) => name);
  const named = [...README.matchAll(/^\| `([a-z ]+)` \|/gm)].map(([, name]) => name);
  expect(listed.length).toBeGreaterThan(15);
  expect(named).toEqual(listed);
});

it('links to every page of docs/, and to nothing that is not there', () => {
  const linked = new Set([...README.matchAll(/\]\((docs\/[\w-]+\.md)\)/g)].map(([, path]) => path));
  const pages = readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`);
  expect([...linked].toSorted()).toEqual(pages.filter((path) => path.endsWith('.md')).toSorted());
});
