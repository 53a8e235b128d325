import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLedger } from '../../ledger/index.ts';
import { runWords } from '../testing/run-words.ts';

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-experiment-'));
  const ledger = await openLedger(join(folder, 'store'));
  await ledger.versions.setAlias('prod', 'base', 'owner');
  await ledger.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (...words: string[]) => runWords(['experiment', ...words, '--store', join(folder, 'store')]);

test('started, shown, stopped; what is wrong is told at once', async () => {
  expect((await run('list')).out).toBe('no experiments; preftune experiment start begins one\n');
  const wrong = await run('start', 'bad key', '--candidates', 'friendly', '--holdout', '0.001');
  expect(wrong.code).toBe(2);
  expect(wrong.err).toMatch(/key: must be letters(.|\n)*holdout/);
  expect((await run('start', 'friendlier', '--candidates', 'friendly')).out).toBe(
    'friendlier runs on prod: friendly against base\n',
  );
  expect((await run('start', 'terser', '--candidates', 'terse')).err).toMatch(
    /friendlier runs on prod already; stop it first/,
  );
  expect((await run('list')).out).toBe('friendlier on prod, running, 0 units: friendly against base: go on\n');
  const shown = JSON.parse((await run('show', 'friendlier', '--json')).out) as { metric: object };
  expect(shown.metric).toEqual({
    signal: 'thumbs_down',
    name: null,
    counts: 'any',
    better: 'lower',
    window_hours: 24,
  });
  expect((await run('show', 'nothing')).err).toMatch(/got "nothing"; there are friendlier/);
  expect((await run('stop', 'friendlier', '--reason', 'enough')).out).toMatch(
    /^friendlier on prod is stopped \(enough\)\n0 units: 0 closed, 0 open/,
  );
});
