import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/tiny-model.ts';
import { createLabelling } from '../../labelling/index.ts';
import { drafts, runCrowd } from '../../labelling/testing/crowd.ts';
import { openLedger } from '../../ledger/index.ts';
import { runWords } from '../testing/run-words.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

test('campaign list, panel and export say what people said; label refuses rows with every problem', async () => {
  const store = join(folder.path, 'store');
  const ledger = await openLedger(store);
  const labelling = createLabelling(ledger.room);
  const campaign = await labelling.campaigns.create({ name: 'tone', actor: 'test' });
  await labelling.campaigns.addItems(campaign.id, drafts(3));
  await runCrowd(labelling, ledger.room, { campaign, people: [{ name: 'Anna', accuracy: 1 }] });
  await ledger.close();
  const run = (...words: string[]) => runWords(['campaign', ...words, '--store', store]);
  expect((await run('list')).out).toMatch(/^tone +open +3 of 3 done +3 votes +0 to decide +camp_/);
  expect((await run('panel')).out).toMatch(/the longer one chosen +0\.00 \[0\.00, 0\.00\] \(of 3\)/);
  const output = join(folder.path, 'pairs.jsonl');
  expect((await run('export', '--format', 'pairs', '--output', output)).out).toBe(`3 rows in ${output}\n`);
  const rows = readFileSync(output, 'utf8').trim().split('\n');
  expect(JSON.parse(rows[0]!)).toMatchObject({ prompt: 'question 0', chosen: 'good answer 0', margin: 1 });
  expect((await run('export', '--campaign', 'other')).err).toContain(
    '--campaign must be one that the store has (tone), got "other"',
  );
  expect((await run('export', '--min-votes', '2')).err).toContain('go with --format pairs, got votes');

  const data = join(folder.path, 'rows.jsonl');
  writeFileSync(
    data,
    '{"prompt":"P","a":"x","b":"y","gold":"z"}\n{"prompt":"P","answers":["1","2","3","4","5","6","7","8","9"]}\n',
  );
  const refused = await runWords(['label', '--data', data, '--store', join(folder.path, 'none')]);
  expect(refused.code).toBe(2);
  expect(refused.err).toContain(`${data}:1: gold must be a, b, tie or both-bad`);
  expect(refused.err).toContain(`${data}:2: a row must have 2 to 8 answers to compare, got 9`);
  expect((await runWords(['label', '--store', join(folder.path, 'empty')])).err).toContain('got neither');
});
