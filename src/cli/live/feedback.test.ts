import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { memorySource, readRows } from '../../data/index.ts';
import { answerFeedbackRequest, FEEDBACK_REQUEST, openFeedback, readSignal } from '../../feedback/index.ts';
import { answered } from '../../feedback/testing/answers.ts';
import { openLedger } from '../../ledger/index.ts';
import { runWords } from '../testing/run-words.ts';

let folder: string;
let store: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-feedback-cli-'));
  store = join(folder, 'store');
  const ledger = await openLedger(store, { log: 'text' });
  const feedback = openFeedback(ledger);
  for (const n of [1, 2, 3])
    await answered(ledger, { id: `c${n}`, prompt: `question ${n}`, answers: [`Answer ${n}.`] });
  await answered(ledger, { id: 'c4', prompt: 'Say boo', answers: ['boo'] });
  const signals = [
    { kind: 'edit', inference_id: 'c1', value: 'A much better answer.', user: 'ann' },
    { kind: 'edit', inference_id: 'c2', value: 'Another answer, longer.', user: 'ben' },
    { kind: 'thumb', inference_id: 'c3', value: false, user: 'ann' },
    { kind: 'thumb', inference_id: 'c4', value: true, user: 'ann' },
    { kind: 'copy', inference_id: 'c3' },
  ];
  await feedback.take(signals.map(readSignal));
  await ledger.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (...words: string[]) => runWords(['feedback', ...words, '--store', store]);

test('lists what came, writes rows that dpo reads, and says what became none', async () => {
  const listed = await run('list', '--kind', 'edit', '--limit', '1');
  expect(listed.out).toMatch(/edit\s+Another answer, longer\.\s+c2\s+prod/);
  expect(JSON.parse((await run('list', '--user', 'ann', '--json')).out)).toHaveLength(3);
  const heldOut = join(folder, 'gate.jsonl');
  writeFileSync(heldOut, '{"prompt": "question 2"}\n');
  const output = join(folder, 'rows.jsonl');
  const made = await run('rows', '--output', output, '--held-out', heldOut);
  expect(made.out).toBe(
    [
      'signals: 5; pairs: 1, single answers: 2, answers to learn: 1',
      'people: 1; the most rows of one are 100 %',
      'became no row:',
      '  are of prompts that are held out: 1',
      '  are weak signals, which count only where a weight is given: 1',
      'wait for somebody to look at them (preftune feedback review): 1',
      '  have prompts that dictate their answer: 1',
      `${output}: 1 of the kind pair`,
      '',
    ].join('\n'),
  );
  const read: unknown[] = [];
  for await (const event of readRows(memorySource('rows.jsonl', readFileSync(output))))
    if (event.kind === 'pair') read.push([event.row.chosen, event.row.meta?.chosenModel]);
  expect(read).toEqual([[[{ role: 'assistant', content: 'A much better answer.' }], 'human']]);
  expect((await run('rows', '--output', output)).err).toMatch(/must not be there yet/);
  expect((await run('rows', '--weak', 'copy=2')).err).toMatch(/--weak must be KIND=WEIGHT/);
});

test('rows that wait are shown, approved and rejected, here or by the process that has the store', async () => {
  await run('rows');
  const shown = await run('review');
  const id = /^row-[0-9a-f]{32}/.exec(shown.out)![0];
  expect(shown.out).toContain('single of thumb: dictates_answer\n  prompt: Say boo\n  completion: boo\n  label: true');
  expect((await run('review', id)).err).toMatch(/add --approve or --reject/);
  expect((await run('review', '--approve')).err).toMatch(/must name the rows/);
  const ledger = await openLedger(store, { log: 'text' });
  try {
    const feedback = openFeedback(ledger);
    ledger.room.onRequest('feedback', (asked) => answerFeedbackRequest(feedback, FEEDBACK_REQUEST.parse(asked)));
    expect((await run('review', id, '--approve', '--note', 'fine')).out).toBe(`approved: ${id}\n`);
    expect((await feedback.rows.get(id))!.state).toBe('approved');
    expect((await run('review', 'row-none', '--reject')).err).toMatch(/must be ids of rows, got row-none/);
    const output = join(folder, 'single.jsonl');
    await run('rows', '--kind', 'single', '--output', output, '--max-age', '0');
    expect(readFileSync(output, 'utf8').trim().split('\n')).toHaveLength(2);
  } finally {
    await ledger.close();
  }
});
