import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { problemsOf, type JsonObject } from '../core/index.ts';
import { sql } from '../database/index.ts';
import { openLedger, type Ledger } from '../ledger/index.ts';
import { openFeedback, type Feedback } from './open-feedback.ts';
import { readSignal, type Signal } from './signals/signal.ts';
import type { SignalSender, Taken } from './signals/take-signals.ts';
import { signalOfTensorZero, TENSORZERO_FEEDBACK } from './signals/tensorzero.ts';
import { answered } from './testing/answers.ts';

const MINUTE = 60_000;
let folder: string;
let ledger: Ledger;
let feedback: Feedback;
let now: number;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-feedback-'));
  now = Date.UTC(2027, 0, 1);
  ledger = await openLedger(join(folder, 'store'), { log: 'text', now: () => now });
  feedback = openFeedback(ledger);
});
/** One store for all tests, since a database is a thread: each begins with nothing in it. */
afterEach(async () => {
  const tables = ['signals', 'feedback_rows', 'held_out_prompts', 'inferences', 'removed', 'erased_users', 'snapshots'];
  await ledger.room.database.write(tables.map((table) => sql(`DELETE FROM ${table}`)));
});
afterAll(async () => {
  await ledger.close();
  rmSync(folder, { recursive: true });
});

async function send(value: object, sender: SignalSender = {}): Promise<Taken> {
  return (await feedback.take([readSignal(value)], { sender }))[0]!;
}

const thumb = (id: string, more: object = {}): object => ({ kind: 'thumb', inference_id: id, value: 1, ...more });

async function all(): Promise<readonly JsonObject[]> {
  const { items } = await feedback.list({}, { limit: 100, order: 'asc' });
  return items as unknown as readonly JsonObject[];
}

test('a thumb that is sent twice is one; one that changes stands last, and both are kept', async () => {
  await answered(ledger, { id: 'c1', user: 'ann' });
  const up = { kind: 'thumb', inference_id: 'c1', value: true };
  const first = await send(up);
  expect(first).toMatchObject({ status: 'accepted' });
  expect(await send({ ...up, value: 'up' })).toEqual({ status: 'duplicate', id: (first as { id: string }).id });
  expect(await send({ ...up, value: 0 })).toMatchObject({ status: 'accepted' });
  // The same as the first, but something came between: it is said anew.
  expect(await send(up)).toMatchObject({ status: 'accepted' });
  expect(await send({ ...up, value: null })).toMatchObject({ status: 'accepted' });
  expect((await all()).map(({ value, isCurrent }) => [value, isCurrent])).toEqual([
    [1, false],
    [0, false],
    [1, false],
    [undefined, true],
  ]);
  // Another person's thumb on the same answer stands beside it.
  expect(await send({ ...up, user: 'ben' })).toMatchObject({ status: 'accepted' });
  expect((await feedback.list({ isCurrent: true }, { limit: 9, order: 'asc' })).items.length).toBe(2);
});

test('after ten minutes the same comment is a new one; within them it is not, whatever the order of a batch', async () => {
  await answered(ledger, { id: 'c1' });
  const comment = readSignal({ kind: 'comment', inference_id: 'c1', value: 'too long' });
  const other = readSignal({ kind: 'comment', inference_id: 'c1', value: 'and wrong' });
  const taken = await feedback.take([comment, other, comment]);
  expect(taken.map(({ status }) => status)).toEqual(['accepted', 'accepted', 'duplicate']);
  expect((taken[2] as { id: string }).id).toBe((taken[0] as { id: string }).id);
  now += 9 * MINUTE;
  expect((await feedback.take([comment]))[0]!.status).toBe('duplicate');
  now += 2 * MINUTE;
  expect((await feedback.take([comment]))[0]!.status).toBe('accepted');
  expect(await all()).toHaveLength(3);
});

test('a key of idempotency holds for ever, for one sender, and for one content', async () => {
  await answered(ledger, { id: 'c1' });
  const said = { kind: 'copy', inference_id: 'c1', idempotency_key: 'k1' };
  const first = await send(said, { keyId: 'key_a' });
  now += 400 * MINUTE;
  expect(await send(said, { keyId: 'key_a' })).toEqual({ status: 'duplicate', id: (first as { id: string }).id });
  expect(await send({ ...said, kind: 'accept' }, { keyId: 'key_a' })).toMatchObject({
    status: 'refused',
    code: 'key_reused',
  });
  expect(await send(said, { keyId: 'key_b' })).toMatchObject({ status: 'accepted' });
});

test('what nobody knows is 404, what was erased 410, and neither leaves a row', async () => {
  await answered(ledger, { id: 'c1', user: 'ann', answers: ['a', 'b'] });
  await answered(ledger, { id: 'c2', user: 'ann', episode: 'talk-1' });
  expect(await send(thumb('nobody'))).toMatchObject({ status: 'refused', code: 'not_found', field: 'inference_id' });
  expect(await send(thumb('c1', { choice: 2 }))).toMatchObject({ code: 'invalid_value', field: 'choice' });
  expect(await send({ kind: 'outcome', name: 'solved', episode_id: 'talk-2', value: true })).toMatchObject({
    code: 'not_found',
    field: 'episode_id',
  });
  expect(await send({ kind: 'outcome', name: 'solved', episode_id: 'talk-1', value: 'true' })).toMatchObject({
    status: 'accepted',
  });
  const two = { kind: 'comparison', a: { inference_id: 'c1' }, b: { inference_id: 'gone' }, value: 'a' };
  expect(await send(two)).toMatchObject({ code: 'not_found', field: 'b.inference_id' });
  expect(await send(thumb('c1'))).toMatchObject({ status: 'accepted' });
  await ledger.inferences.remove('c1');
  expect(await send(thumb('c1'))).toMatchObject({ status: 'refused', code: 'gone' });
  // The thumb went with its answer; the outcome of the episode did not.
  expect((await all()).map(({ kind }) => kind)).toEqual(['outcome']);
  await ledger.users.erase('ann');
  expect(await all()).toEqual([]);
  expect(await send(thumb('c2'))).toMatchObject({ code: 'gone' });
});

test('an erased user who said something before, and is heard later, stays out; afterwards he is new', async () => {
  await answered(ledger, { id: 'c1' });
  const up = thumb('c1', { user: 'eve' });
  await send(up);
  now += MINUTE;
  await ledger.users.erase('eve');
  expect(await all()).toEqual([]);
  now += MINUTE;
  expect(await send({ ...up, at: now - 1.5 * MINUTE })).toMatchObject({ status: 'refused', code: 'erased_user' });
  expect(await send(up)).toMatchObject({ status: 'accepted' });
});

test('a page speaks for whom the answer was for, whatever it says; erasure reaches both', async () => {
  await answered(ledger, { id: 'c1', user: 'ann' });
  await answered(ledger, { id: 'c2' });
  const page = { keyId: 'key_page', isPage: true };
  for (const user of ['ann', 'mallory', 'mallory 2'])
    await send({ kind: 'thumb', inference_id: 'c1', value: 0, user }, page);
  await send({ kind: 'thumb', inference_id: 'c2', value: 0, user: 'mallory' }, page);
  const ann = ledger.room.hashUser('ann');
  const mallory = ledger.room.hashUser('mallory');
  // Three names, one person: said three times, it is one thumb.
  expect((await all()).map(({ userHash, personHash, isCurrent }) => [userHash, personHash, isCurrent])).toEqual([
    [ann, ann, true],
    [mallory, undefined, true],
  ]);
  await ledger.users.erase('mallory');
  expect(await all()).toHaveLength(1);
  let told = 0;
  for await (const one of ledger.users.export('ann')) if (one['kind'] === 'feedback') told++;
  expect(told).toBe(1);
});

const value = (signal: object): unknown => readSignal({ inference_id: 'c', ...signal }).value;
const wrong = (signal: object | null): string[] => problemsOf(() => readSignal(signal)).map(({ message }) => message);
const read = (body: object): Signal => signalOfTensorZero(TENSORZERO_FEEDBACK.parse(body));

test('values come as texts, numbers and truth; everything that is wrong is told at once', () => {
  for (const up of [true, 1, '1', 'true', 'up', 'good', 'yes']) expect(value({ kind: 'thumb', value: up })).toBe(1);
  for (const down of [false, 0, -1, '-1', 'false', 'down', 'bad', 'no'])
    expect(value({ kind: 'thumb', value: down })).toBe(0);
  expect(value({ kind: 'rating', value: '4.5' })).toBe(4.5);
  expect(value({ kind: 'rating', value: 80, min: 0, max: 100 })).toBe(80);
  expect(value({ kind: 'accept' })).toBe(1);
  expect(value({ kind: 'outcome', name: 'seconds', value: '-1e3' })).toBe(-1000);
  expect(wrong({ kind: 'rating', value: 6, inference_id: 'c', episode_id: 'e' })).toEqual([
    'episode_id: must not be given beside inference_id; leave one of them out',
    'value: must be from 1 to 5, got 6; min and max name another scale',
  ]);
  expect(wrong({ kind: 'thumb', value: 2, inference_id: '', colour: 'red' })).toHaveLength(3);
  expect(wrong({ kind: 'thumb', value: 1 })).toEqual([
    'inference_id: must be given, or episode_id; it is the id of the answer',
  ]);
  expect(wrong({ kind: 'comment', inference_id: 'c', value: ' \n' })).toEqual(['value: must not be empty']);
  expect(wrong({ kind: 'outcome', name: 'x', inference_id: 'c', value: '1e999' })).toEqual([
    'value: must be finite, got 1e999',
  ]);
  const same = { inference_id: 'c', choice: 0 };
  expect(wrong({ kind: 'comparison', a: same, b: { inference_id: 'c' }, value: 'tie', strength: 2 })).toHaveLength(2);
  expect(wrong({ kind: 'love', inference_id: 'c' })).toHaveLength(1);
  expect(wrong(null)).toHaveLength(1);
});

test('texts of any kind come back as they were, personal data masked', async () => {
  await answered(ledger, { id: 'c1' });
  const texts = ['\0 first', 'half \ud83d', '\u0001"', 'gut 👍🏽', 'x'.repeat(32_000)];
  for (const text of texts) await send({ kind: 'comment', inference_id: 'c1', value: text });
  await send({ kind: 'comment', inference_id: 'c1', value: 'write to eve@example.com' });
  expect((await all()).map(({ text }) => text)).toEqual([...texts, 'write to [email]']);
  expect(problemsOf(() => readSignal({ kind: 'comment', inference_id: 'c1', value: 'x'.repeat(32_001) }))).toHaveLength(
    1,
  );
});

test('b against a is the same comparison as a against b, said the other way round', async () => {
  await answered(ledger, { id: 'c1', answers: ['one', 'two'] });
  const [one, two] = [{ inference_id: 'c1' }, { inference_id: 'c1', choice: 1 }];
  expect(await send({ kind: 'comparison', a: one, b: two, value: 'a' })).toMatchObject({ status: 'accepted' });
  // Now the second one wins: no repetition, although it says `a` again.
  expect(await send({ kind: 'comparison', a: two, b: one, value: 'a' })).toMatchObject({ status: 'accepted' });
  expect((await all()).map(({ isCurrent }) => isCurrent)).toEqual([false, true]);
});

test('clocks of clients that are off are not believed, and it is said', async () => {
  await answered(ledger, { id: 'c1' });
  const at = async (saidAt: number): Promise<Taken> => {
    now += 20 * MINUTE;
    return send({ kind: 'copy', inference_id: 'c1', at: saidAt });
  };
  const began = now;
  expect(await at(began + MINUTE)).not.toHaveProperty('warnings');
  for (const far of [began + 400 * 86_400_000, 0, -5])
    expect(await at(far)).toMatchObject({ status: 'accepted', warnings: [expect.stringContaining('clock')] });
  expect((await all()).map(({ saidAt }) => saidAt)).toEqual([began + MINUTE, undefined, undefined, undefined]);
});

test('edits need texts: a server that keeps none, and a request that said so, refuse them', async () => {
  await answered(ledger, { id: 'c1', store: false });
  const edit = readSignal({ kind: 'edit', inference_id: 'c1', value: 'Ice, dust and gas.' });
  expect((await feedback.take([edit]))[0]).toMatchObject({ code: 'texts_not_kept' });
  const counting = openFeedback({ ...ledger, log: 'metadata' });
  await answered(ledger, { id: 'c2' });
  const other = readSignal({ kind: 'edit', inference_id: 'c2', value: 'Ice.' });
  expect((await counting.take([other]))[0]).toMatchObject({ code: 'texts_not_kept' });
  expect((await feedback.take([other], { isDry: true }))[0]).toMatchObject({ status: 'accepted' });
  expect(await all()).toEqual([]);
});

test("TensorZero's bodies: its own names, and every other metric", () => {
  expect(read({ metric_name: 'comment', value: 'nice', episode_id: 'e', inference_id: null })).toMatchObject({
    kind: 'comment',
    text: 'nice',
    episodeId: 'e',
  });
  expect(
    read({
      metric_name: 'demonstration',
      inference_id: 'c',
      value: [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
    }),
  ).toMatchObject({ kind: 'edit', text: 'ab' });
  expect(
    read({ metric_name: 'task_success', inference_id: 'c', value: false, tags: { team: 'x', user: 'ann' } }),
  ).toMatchObject({
    kind: 'outcome',
    name: 'task_success',
    value: 0,
    user: 'ann',
    tags: { team: 'x' },
  });
  expect(
    problemsOf(() => read({ metric_name: 'demonstration', inference_id: 'c', value: { tool_calls: [] } })),
  ).toHaveLength(1);
  expect(TENSORZERO_FEEDBACK.safeParse({ metric_name: 'x', value: 1, inferenceId: 'c' }).success).toBe(false);
});

test('lists go by index, whatever is asked for', async () => {
  const asked = new Set<string>();
  const { database } = ledger.room;
  const noting = {
    ...database,
    read: (one: { readonly sql: string; readonly values: never }) => (asked.add(one.sql), database.read(one)),
  };
  const watched = openFeedback({ ...ledger, room: { ...ledger.room, database: noting as typeof database } });
  const filters = [
    {},
    { kind: 'thumb' },
    { model: 'm' },
    { user: 'u' },
    { inferenceId: 'c' },
    { episodeId: 'e' },
  ] as const;
  for (const filter of filters)
    for (const more of [{}, { since: 1, until: 2, isCurrent: true }, { kind: 'copy', model: 'm' }] as const)
      await watched.list({ ...filter, ...more }, { limit: 1, order: 'desc' });
  for (const text of asked) {
    const plan = (await database.read(sql(`EXPLAIN QUERY PLAN ${text}`)))
      .map(({ detail }) => String(detail))
      .join('; ');
    expect([text, plan]).toEqual([text, expect.not.stringContaining('TEMP B-TREE')]);
    if (/WHERE signals\.(?:kind|model|user|inference|episode)/.test(text)) expect(plan).toContain('USING INDEX');
  }
  expect(asked.size).toBeGreaterThan(10);
});
