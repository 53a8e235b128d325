import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { runWords } from '../testing/run-words.ts';

const folder = mkdtempSync(join(tmpdir(), 'preftune-docs-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('words are looked up in the terminal, with the place of each section', async () => {
  const { code, out } = await runWords(['docs', 'columns', 'under', 'other', 'names']);
  expect(code).toBe(0);
  expect(out.split('\n')[0]).toBe('Columns under other names (docs/data.md#columns-under-other-names)');
  expect(out).toContain('npx preftune data check forum.csv --columns');
  const json = await runWords(['docs', '--json', 'columns', 'under', 'other', 'names']);
  expect((JSON.parse(json.out) as { hits: unknown[] }).hits[0]).toMatchObject({
    title: 'Columns under other names',
    page: 'Data',
    place: 'docs/data.md#columns-under-other-names',
  });
  expect(await runWords(['docs', 'zzqqzz'])).toMatchObject({ code: 2, out: '' });
});

test('the site is written whole into a new folder, and not into one with files', async () => {
  const site = join(folder, 'site');
  const { code, out } = await runWords(['docs', '--output', site]);
  expect([code, out.trim()]).toEqual([0, expect.stringMatching(/^\d+ files: .*index\.html$/)]);
  expect(readFileSync(join(site, 'index.html'), 'utf8')).toContain('<h1 id="preftune">');
  const again = await runWords(['docs', '--output', site]);
  expect([again.code, again.err]).toEqual([2, expect.stringContaining(site)]);
  expect(await runWords(['docs', 'beta', '--port', '80'])).toMatchObject({
    code: 2,
    err: '--port has no effect with words to search for; leave it out\n',
  });
});
