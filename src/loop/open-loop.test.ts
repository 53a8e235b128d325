import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLedger, type Ledger } from '../ledger/index.ts';
import { mayMove, MOVES, openLoop, type CandidateState, type Loop } from './index.ts';

let folder: string;
let ledger: Ledger;
let loop: Loop;
let now: number;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-loop-'));
  now = Date.UTC(2027, 0, 1);
  ledger = await openLedger(join(folder, 'store'), { now: () => now });
  loop = openLoop(ledger);
});
afterEach(async () => {
  await ledger.close();
  rmSync(folder, { recursive: true });
});

const act = { actor: 'key_ann', reason: 'the team agreed' };

async function passed(model: string, parent = 'base'): Promise<string> {
  const { id } = await loop.add({ model, parent });
  await loop.move(id, 'passed', { ...act, reason: 'it wins' });
  return id;
}

test('what answers changes in one step, what answered before is retired, and one step leads back', async () => {
  await ledger.versions.setAlias('prod', 'base', 'ann');
  const [first, second] = [await passed('friendly-1'), await passed('friendly-2', 'friendly-1')];
  expect(await loop.promote(first, act)).toMatchObject({ before: 'base', after: 'friendly-1', kind: 'promotion' });
  now += 1000;
  await loop.promote(second, act);
  const states = async (): Promise<object> =>
    Object.fromEntries((await loop.list()).map(({ model, state }) => [model, state]));
  expect([await loop.production(), await states()]).toEqual([
    'friendly-2',
    { 'friendly-1': 'retired', 'friendly-2': 'promoted' },
  ]);
  expect(await loop.rollback({ actor: 'loop', reason: 'errors rose' })).toMatchObject({ after: 'friendly-1' });
  expect([await loop.production(), await states()]).toEqual([
    'friendly-1',
    { 'friendly-1': 'promoted', 'friendly-2': 'failed' },
  ]);
  // And once more, to the model from before the loop.
  await loop.rollback(act);
  expect(await loop.production()).toBe('base');
  await expect(loop.rollback(act)).rejects.toThrow(/prod has been base from the beginning/);
  expect((await loop.moves(second)).map(({ from, to, actor }) => [from, to, actor])).toEqual([
    ['trained', 'passed', 'key_ann'],
    ['passed', 'promoted', 'key_ann'],
    ['promoted', 'failed', 'loop'],
  ]);
  const { items } = await ledger.audit.list({ limit: 50, order: 'asc' });
  expect(items.map(({ action }) => action)).toEqual([
    'alias.set',
    'candidate.add',
    'candidate.passed',
    'candidate.add',
    'candidate.passed',
    'promote',
    'promote',
    'rollback',
    'rollback',
  ]);
  expect(await ledger.audit.verify()).toEqual({ entries: 9 });
});

test('two people at once: one promotion happens, the other is told, and nothing of it is there', async () => {
  const [first, second] = [await passed('a'), await passed('b')];
  await ledger.versions.setAlias('prod', 'base', 'ann');
  const ends = await Promise.allSettled([
    loop.promote(first, { ...act, expected: 'base' }),
    loop.promote(second, { ...act, expected: 'base' }),
  ]);
  expect(ends.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  const lost = ends.find((end) => end.status === 'rejected') as PromiseRejectedResult;
  expect(String(lost.reason)).toMatch(/somebody changed prod meanwhile: it is [ab] now/);
  const winner = (await loop.production())!;
  const states = Object.fromEntries((await loop.list()).map(({ model, state }) => [model, state]));
  expect(states).toEqual({ a: 'passed', b: 'passed', [winner]: 'promoted' });
  expect(await loop.promotions()).toHaveLength(1);
});

test('a state that may not follow, an unknown candidate, an act without a reason, a name that is taken: each is told', async () => {
  const { id } = await loop.add({ model: 'a', parent: 'base' });
  await expect(loop.promote(id, act)).rejects.toThrow(
    /a is trained and cannot be promoted next; what may come is passed/,
  );
  await expect(loop.move(id, 'canary', act)).rejects.toThrow(/cannot be canary next/);
  await expect(loop.move('cand_0', 'passed', act)).rejects.toThrow(/must be a candidate, got cand_0/);
  await expect(loop.move(id, 'passed', { actor: 'ann', reason: ' ' })).rejects.toThrow(/must say why/);
  await expect(loop.add({ model: 'a', parent: 'base' })).rejects.toThrow(/a is a candidate already/);
  expect((await loop.list()).map(({ state }) => state)).toEqual(['trained']);
});

test('a line keeps its first model, however often it is trained on', async () => {
  await loop.add({ model: 'a', parent: 'base' });
  await loop.add({ model: 'b', parent: 'a' });
  expect((await loop.add({ model: 'c', parent: 'b' })).origin).toBe('base');
  expect((await loop.add({ model: 'd', parent: 'c', origin: 'other' })).origin).toBe('other');
});

test('every state is reached, and from every state a person can get out', () => {
  const states = Object.keys(MOVES) as CandidateState[];
  const reached = new Set(states.flatMap((state) => MOVES[state]));
  expect(states.filter((state) => !reached.has(state))).toEqual(['training']);
  for (const state of states) expect(MOVES[state].length).toBeGreaterThan(0);
  expect(mayMove('failed', 'promoted')).toBe(false);
});
