import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLedger } from '../../ledger/index.ts';
import { runWords } from '../testing/run-words.ts';

let folder: string;
let store: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-loop-'));
  store = join(folder, 'store');
  const ledger = await openLedger(store);
  await ledger.versions.setAlias('prod', 'base', 'owner');
  await ledger.close();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (...words: string[]) => runWords(['loop', ...words, '--store', store]);

const around = (value: number) => ({ value, interval: { low: value - 0.01, high: value + 0.01 } });

function writeComparison(low: number, names: readonly [string, string] = ['base', 'friendly']): string {
  const [baseline, model] = names;
  const path = join(folder, 'comparison');
  mkdirSync(path, { recursive: true });
  const evaluation = {
    behaviour: { lines: [{ measure: 'refusal', difference: around(0) }] },
    kl: { perToken: around(0.1) },
  };
  const comparison = {
    contestants: names.map((name) => ({ name })),
    prompts: 220,
    pairs: [{ model, baseline, winRate: { rate: low + 0.05, interval: { low, high: low + 0.1 } }, lengthRatio: 1.02 }],
    measured: [{ name: model, reference: baseline, evaluation }],
  };
  writeFileSync(join(path, 'comparison.json'), JSON.stringify(comparison));
  return path;
}

test('the whole way by commands: added, judged, promoted, rolled back', async () => {
  expect((await run('add', 'friendly')).out).toBe('friendly is a candidate; it must beat base\n');
  const weak = await run('gate', 'friendly', '--comparison', writeComparison(0.45));
  expect(weak.out).toMatch(
    /^It does not pass: it wins 50 % \(45 % to 55 %\) on 220 prompts: not clearly more than 50 %/,
  );
  const tried = await run('gate', 'friendly', '--comparison', writeComparison(0.56), '--dry-run');
  expect(tried.out).toMatch(/^It passes: it wins 61 % \(56 % to 66 %\) on 220 prompts\n- win rate: good: /);
  expect((await run('status')).out).toMatch(/^base answers as prod\nfriendly: failed: It does not pass/);
  const other = writeComparison(0.56, ['before', 'after']);
  expect((await run('gate', 'friendly', '--comparison', other)).err).toMatch(
    /must compare friendly with base, got before, after/,
  );
  expect((await run('gate', 'friendly', '--comparison', other, '--names', 'before,after')).code).toBe(0);
  const wrong = await run('promote', 'friendly', '--reason', 'ok', '--expected', 'another');
  expect([wrong.code, wrong.err]).toEqual([
    2,
    expect.stringMatching(/somebody changed prod meanwhile: it is base now/),
  ]);
  expect((await run('promote', 'friendly', '--reason', 'ok')).out).toBe('friendly answers as prod; base did before\n');
  expect((await run('status')).out).toMatch(
    /^friendly answers as prod since \d{4}-\d\d-\d\d \d\d:\d\d\nfriendly: promoted: ok\n$/,
  );
  expect((await run('rollback', '--reason', 'shorter')).out).toBe('base answers as prod again; friendly did before\n');
  const { candidates } = JSON.parse((await run('status', '--json')).out) as {
    candidates: { moves: { to: string }[] }[];
  };
  expect(candidates[0]!.moves.map(({ to }) => to)).toEqual(['failed', 'passed', 'promoted', 'failed']);
});

test('what is wrong is told, and what can be done', async () => {
  expect((await run('promote', 'nobody', '--reason', 'ok')).err).toMatch(/there is none yet: preftune loop add MODEL/);
  await run('add', 'friendly');
  expect((await run('promote', 'nobody', '--reason', 'ok')).err).toMatch(
    /must be a candidate, got nobody; there are friendly/,
  );
  expect((await run('add', 'friendly')).err).toMatch(/friendly is a candidate already/);
  expect((await run('gate', 'friendly', '--comparison', folder)).err).toMatch(/comparison.json/);
  expect((await run('gate', 'nobody', '--comparison', folder)).err).toMatch(/preftune loop add nobody/);
  expect((await run('rollback', '--reason', 'ok')).err).toMatch(/prod has been base from the beginning/);
  expect((await run('move', 'friendly', '--to', 'retired', '--reason', 'ok')).out).toBe('friendly: retired\n');
});
