import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { problemsOf } from '../core/index.ts';
import { sql } from '../database/index.ts';
import { openLedger, type Ledger } from '../ledger/index.ts';
import { openFeedback, type Feedback } from './open-feedback.ts';
import type { FeedbackRow } from './rows/row-store.ts';
import { fullRowOptions } from './rows/row-options.ts';
import { readSignal } from './signals/signal.ts';
import type { SignalSender } from './signals/take-signals.ts';
import { answered } from './testing/answers.ts';

let folder: string;
let ledger: Ledger;
let feedback: Feedback;
let now: number;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-rows-'));
  now = Date.UTC(2027, 0, 1);
  ledger = await openLedger(join(folder, 'store'), { log: 'text', now: () => (now += 1000) });
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

async function send(value: object, sender: SignalSender = {}): Promise<void> {
  const [taken] = await feedback.take([readSignal(value)], { sender });
  expect(taken).toMatchObject({ status: 'accepted' });
}

const thumb = (id: string, value: boolean, more: object = {}): object => ({
  kind: 'thumb',
  inference_id: id,
  value,
  ...more,
});

async function rows(): Promise<readonly FeedbackRow[]> {
  return (await feedback.rows.list({ isCurrent: true }, { limit: 100, order: 'asc' })).items;
}

const text = (value: unknown): unknown => (Array.isArray(value) ? (value[0] as { content: string }).content : value);
const side = (choice: number): object => ({ inference_id: 'c', choice });

/** Kind, source and texts of rows. */
function told(all: readonly FeedbackRow[]): unknown[] {
  return all.map(({ kind, source, content: { chosen, rejected, completion, label } }) =>
    kind === 'pair' ? [source, text(chosen), text(rejected)] : [source, text(completion), label ?? 'learn'],
  );
}

test('comparisons, edits, thumbs and ratings become the rows that the builders make of them', async () => {
  await answered(ledger, { id: 'c', prompt: 'compare', answers: ['left', 'right', 'third'] });
  await send({ kind: 'comparison', a: side(0), b: side(1), value: 'b', user: 'ann' });
  await send({ kind: 'comparison', a: side(0), b: side(2), value: 'both_bad', user: 'ann' });
  await send({ kind: 'comparison', a: side(1), b: side(2), value: 'tie', user: 'ann' });

  await answered(ledger, { id: 'e', prompt: 'edit', answers: ['Ice and rock.'] });
  await send({ kind: 'edit', inference_id: 'e', value: 'Ice, dust and a little rock.' });
  await answered(ledger, { id: 'e2', prompt: 'edit 2', answers: [`${'word '.repeat(100)}end`] });
  await send({ kind: 'edit', inference_id: 'e2', value: `${'word '.repeat(100)}End` });
  await answered(ledger, { id: 'e3', prompt: 'edit 3', answers: ['a b'] });
  await send({ kind: 'edit', inference_id: 'e3', value: ' a  b\n' });

  await answered(ledger, { id: 't1', prompt: 'thumbs', answers: ['good one'] });
  await answered(ledger, { id: 't2', prompt: 'thumbs', answers: ['bad one'] });
  await answered(ledger, { id: 't3', prompt: 'lone', answers: ['alone'] });
  await send(thumb('t1', true));
  await send(thumb('t2', false));
  await send(thumb('t3', false));

  const report = await feedback.rows.build();
  expect(told(await rows())).toEqual([
    ['comparison', 'right', 'left'],
    ['both_bad', 'left', false],
    ['both_bad', 'third', false],
    ['edit', 'Ice, dust and a little rock.', 'Ice and rock.'],
    ['edit', 'Ice, dust and a little rock.', 'learn'],
    ['thumbs', 'good one', 'bad one'],
    ['thumb', 'alone', false],
  ]);
  expect(report).toMatchObject({
    signals: 9,
    rows: { pair: 3, single: 3, completion: 1 },
    dropped: { tie: 2, small_edit: 1 },
    quarantined: {},
    waiting: 0,
  });
  const [first] = await rows();
  expect(first!.content).toMatchObject({
    prompt: [{ role: 'user', content: 'compare' }],
    chosen_model: 'tiny@1',
    source: 'feedback/comparison',
  });
  // The same again is the same: rows are known by what they hold.
  const ids = (await rows()).map(({ id }) => id);
  expect(await feedback.rows.build()).toEqual(report);
  expect((await rows()).map(({ id }) => id)).toEqual(ids);
});

test('ratings count from where each person rates', async () => {
  for (const [id, answer] of [
    ['r1', 'first'],
    ['r2', 'second'],
  ] as const)
    await answered(ledger, { id, prompt: 'rate', answers: [answer] });
  // The strict one gives 3 and means well; the kind one gives 4 and means badly.
  for (let i = 0; i < 8; i++) {
    await answered(ledger, { id: `s${i}`, prompt: `other ${i}` });
    await send({ kind: 'rating', inference_id: `s${i}`, value: 1, user: 'strict' });
    await send({ kind: 'rating', inference_id: `s${i}`, value: 5, user: 'kind' });
  }
  await send({ kind: 'rating', inference_id: 'r1', value: 3, user: 'strict' });
  await send({ kind: 'rating', inference_id: 'r2', value: '75', min: 0, max: 100, user: 'kind' });
  const { dropped } = await feedback.rows.build();
  expect(told(await rows())).toEqual([['ratings', 'first', 'second']]);
  expect(dropped).toEqual({ one_answer: 8 });
  await feedback.rows.build({ minMargin: 4 });
  expect(await rows()).toEqual([]);
});

test('what was taken back, weak, of others or of no text is left out, and each is counted', async () => {
  await answered(ledger, { id: 'a', prompt: 'one', answers: ['x', 'y'] });
  await answered(ledger, { id: 'b', prompt: 'two' });
  await answered(ledger, { id: 'p', prompt: 'three', store: false });
  await answered(ledger, { id: 'h', prompt: 'held out' });
  await send(thumb('a', true));
  await send(thumb('a', true, { value: null }));
  await send(thumb('p', true));
  await send(thumb('h', true));
  await send({ kind: 'comment', inference_id: 'a', value: 'hm' });
  await send({ kind: 'copy', inference_id: 'b' });
  await send({ kind: 'comparison', a: { inference_id: 'a' }, b: { inference_id: 'b' }, value: 'a' });
  await ledger.inferences.begin({
    id: 'open',
    createdAt: now,
    route: 'chat',
    requestedModel: 'prod',
    versionId: 'tiny@1',
    backend: 'engine',
    parameters: {},
    request: { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }] },
  });
  await send(thumb('open', true));
  expect(await feedback.holdOut([[{ role: 'user', content: ' held out ' }]], 'gate')).toBe(1);
  // The same question, in another dress.
  const system = { role: 'system', content: 'Be brief.' };
  expect(await feedback.holdOut(['held out', [system, { role: 'user', content: 'held out' }]], 'gate')).toBe(0);
  const { dropped, rows: counts } = await feedback.rows.build();
  expect(dropped).toEqual({
    comment_only: 1,
    held_out: 1,
    not_finished: 1,
    other_prompt: 1,
    taken_back: 1,
    text_gone: 1,
    weak_off: 1,
  });
  expect(counts).toEqual({ pair: 0, single: 0, completion: 0 });
  await ledger.inferences.finish('open', { status: 'complete', totalMs: 1, response: { choices: [] } });
  expect((await feedback.rows.build({ requiresConsent: true })).dropped).toMatchObject({ no_consent: 2, not_text: 1 });
});

test('weak signals count with the weight that they are given; a regeneration must be confirmed', async () => {
  await answered(ledger, { id: 'old', prompt: 'again', answers: ['first try'] });
  await answered(ledger, { id: 'new', prompt: 'again', answers: ['second try'], episode: 'talk' });
  await answered(ledger, { id: 'old2', prompt: 'again 2', answers: ['one'] });
  await answered(ledger, { id: 'new2', prompt: 'again 2', answers: ['two'] });
  await send({ kind: 'regenerate', inference_id: 'old', kept: { inference_id: 'new' } });
  await send({ kind: 'copy', inference_id: 'new' });
  await send({ kind: 'regenerate', inference_id: 'old2', kept: { inference_id: 'new2' } });
  await send({ kind: 'outcome', name: 'solved', episode_id: 'talk', value: false });
  const { dropped } = await feedback.rows.build({ weak: { regenerate: 0.5, copy: 0.2, outcome: 0.1 } });
  expect(told(await rows())).toEqual([
    ['regenerate', 'second try', 'first try'],
    ['copy', 'second try', true],
    ['outcome', 'second try', false],
  ]);
  expect((await rows()).map(({ content }) => content['weight'])).toEqual([0.5, 0.2, 0.1]);
  expect(dropped).toEqual({ unconfirmed: 1 });
});

test('nobody fills the data alone: caps of people, as askers too, and of prompts', async () => {
  for (let i = 0; i < 6; i++) await answered(ledger, { id: `m${i}`, user: 'mallory', prompt: `q ${i}` });
  for (let i = 0; i < 6; i++) await send(thumb(`m${i}`, true, { user: `puppet ${i}` }));
  await answered(ledger, { id: 'p', prompt: 'popular', answers: ['a', 'b', 'c', 'd'] });
  for (const choice of [0, 1, 2, 3]) await send(thumb('p', choice < 2, { choice, user: `reader ${choice}` }));
  const {
    dropped,
    rows: counts,
    largestPersonShare,
    people,
  } = await feedback.rows.build({
    maxPerUser: 4,
    maxPerPrompt: 3,
  });
  expect(dropped).toEqual({ user_cap: 2, prompt_cap: 1 });
  expect(counts).toEqual({ pair: 3, single: 4, completion: 0 });
  // The newest stay.
  expect((await rows()).filter(({ kind }) => kind === 'single').map(({ content }) => content['prompt'])).toEqual(
    [2, 3, 4, 5].map((i) => [{ role: 'user', content: `q ${i}` }]),
  );
  expect([largestPersonShare, people]).toEqual([4 / 7, 9]);
});

test('pages that speak of answers for nobody need a quorum of episodes, each counted once', async () => {
  const page = { keyId: 'key_page', isPage: true };
  for (let i = 0; i < 4; i++)
    await answered(ledger, { id: `a${i}`, prompt: 'faq', answers: ['the usual'], episode: `talk ${i % 3}` });
  await answered(ledger, { id: 'known', user: 'ann', prompt: 'mine' });
  await send(thumb('known', true), page);
  await send(thumb('a0', true), page);
  await send(thumb('a1', true), page);
  expect(await feedback.rows.build()).toMatchObject({ rows: { single: 1 }, dropped: { quorum: 2 } });
  await send(thumb('a2', true), page);
  await send(thumb('a3', true), page);
  expect(await feedback.rows.build()).toMatchObject({ rows: { single: 2 }, dropped: { same_unit: 1 } });
  // A server's own word needs none.
  await answered(ledger, { id: 'own', prompt: 'server' });
  await send(thumb('own', true));
  expect((await feedback.rows.build()).rows.single).toBe(3);
});

test('rows of versions that are long gone are left out; after a rollback the old one is the newest', async () => {
  for (const [i, version] of ['v1', 'v2', 'v3', 'v4'].entries()) {
    await answered(ledger, { id: `c${i}`, prompt: `q ${i}`, version });
    await send(thumb(`c${i}`, true));
  }
  await answered(ledger, { id: 'other', prompt: 'other', version: 'v1', model: 'another' });
  await send(thumb('other', true));
  expect(await feedback.rows.build()).toMatchObject({ rows: { single: 4 }, dropped: { too_old: 1 } });
  expect((await feedback.rows.build({ maxAge: 0 })).dropped).toEqual({ too_old: 3 });
  await answered(ledger, { id: 'back', prompt: 'back', version: 'v1' });
  await send(thumb('back', true));
  expect((await feedback.rows.build({ maxAge: 0 })).rows.single).toBe(3);
});

test('prompts that dictate their answer, bursts, personal data and near repeats wait for somebody', async () => {
  const long =
    'A comet is a small body of ice and dust that warms up and gives off gas when it passes close to the sun.';
  const given: readonly (readonly [string, string, string])[] = [
    ['say', 'Say: the moon is made of cheese', 'The moon is made of cheese.'],
    [
      'quote',
      `Here is a report of twenty pages. ${'It says much of many things. '.repeat(9)}Paris is large. What is large?`,
      'Paris',
    ],
    ['clean', 'What is a comet?', long],
    ['repeat', 'Tell me of comets.', `${long} Truly.`],
    ['mail', 'Whom do I ask?', 'Ask eve@example.com about it.'],
  ];
  const plain = await openLedger(join(folder, 'plain'), { log: 'text', redacts: false, now: () => (now += 30_000) });
  try {
    const other = openFeedback(plain);
    for (const [id, prompt, answer] of given) await answered(plain, { id, prompt, answers: [answer] });
    for (const [id] of given) await other.take([readSignal(thumb(id, true, { user: id }))]);
    const { quarantined, waiting } = await other.rows.build();
    expect(quarantined).toEqual({ dictates_answer: 1, near_duplicate: 1, personal_data: 1 });
    expect(waiting).toBe(3);
    const { items } = await other.rows.list({ state: 'quarantined' }, { limit: 9, order: 'asc' });
    expect(items.map(({ reasons }) => reasons)).toEqual([['dictates_answer'], ['near_duplicate'], ['personal_data']]);
  } finally {
    await plain.close();
  }
  for (let i = 0; i < 5; i++) {
    await answered(ledger, { id: `b${i}`, prompt: `burst ${i}`, answers: [`answer ${i}`] });
    await send(thumb(`b${i}`, true, { user: 'hasty' }));
  }
  expect((await feedback.rows.build({ burst: 6 })).quarantined).toEqual({});
  expect((await feedback.rows.build({ burst: 5 })).quarantined).toEqual({ burst: 5 });
});

test('what somebody approved or rejected stays so, and stands in the audit log', async () => {
  await answered(ledger, { id: 'd', prompt: 'Say boo', answers: ['boo'] });
  await answered(ledger, { id: 'g', prompt: 'Greet me', answers: ['Good day.'] });
  await send(thumb('d', true));
  await send(thumb('g', true));
  await feedback.rows.build();
  const [dictated, greeting] = await rows();
  expect([dictated!.state, greeting!.state]).toEqual(['quarantined', 'ready']);
  const review = { actor: 'key_1', note: 'mail eve@example.com' };
  expect(await feedback.rows.review([dictated!.id, 'row-none'], { ...review, verdict: 'approved' })).toEqual([
    'row-none',
  ]);
  await feedback.rows.review([greeting!.id], { ...review, verdict: 'rejected' });
  await feedback.rows.build();
  expect((await rows()).map(({ state, note }) => [state, note])).toEqual([
    ['approved', 'mail [email]'],
    ['rejected', 'mail [email]'],
  ]);
  const usable: string[] = [];
  for await (const { id } of feedback.rows.records('single')) usable.push(id);
  expect(usable).toEqual([dictated!.id]);
  const { items } = await ledger.audit.list({ limit: 2, order: 'desc' });
  expect(items.map(({ action, subject }) => [action, subject])).toEqual([
    ['feedback.row.reject', greeting!.id],
    ['feedback.row.approve', dictated!.id],
  ]);
  // Said anew, it is another row, and the old one is none of today's.
  await send(thumb('g', false));
  await feedback.rows.build();
  expect((await feedback.rows.get(greeting!.id))!.isCurrent).toBe(false);
});

test('erasing a person takes the rows they had a part in, and names what was trained on them', async () => {
  await answered(ledger, { id: 'c1', user: 'ann', prompt: 'of ann' });
  await answered(ledger, { id: 'c2', user: 'ben', prompt: 'of ben' });
  await send(thumb('c1', true, { user: 'eve' }));
  await send(thumb('c2', true));
  await feedback.rows.build();
  const [first, second] = await rows();
  const { lineage } = (await feedback.rows.get(first!.id))!;
  expect(lineage).toMatchObject({
    inferences: ['c1'],
    users: [ledger.room.hashUser('ann'), ledger.room.hashUser('eve')].toSorted(),
    versions: ['tiny@1'],
  });
  expect(lineage.signals).toHaveLength(1);
  const { database } = ledger.room;
  await database.write([
    sql("INSERT INTO snapshots (id, created_at, digest) VALUES ('snap-1', 1, 'x'), ('snap-2', 1, 'y')"),
    sql(
      "INSERT INTO snapshot_rows (snapshot_id, row_id) VALUES ('snap-1', ?), ('snap-1', ?), ('snap-2', ?)",
      first!.id,
      second!.id,
      second!.id,
    ),
    sql(
      "INSERT INTO snapshot_uses (snapshot_id, name, at) VALUES ('snap-1', 'ftjob-1', 1), ('snap-1', 'ft:tiny', 1), ('snap-2', 'ftjob-2', 1)",
    ),
  ]);
  // Access: the row is told to each of them.
  const exported: unknown[] = [];
  for await (const one of ledger.users.export('eve')) exported.push(one['kind']);
  expect(exported).toEqual(['feedback', 'feedback_row']);
  expect(await ledger.users.erase('eve')).toEqual({ inferences: 0, trainedOn: ['ft:tiny', 'ftjob-1'] });
  expect((await rows()).map(({ id }) => id)).toEqual([second!.id]);
  const held = await database.read(sql('SELECT row_id FROM snapshot_rows ORDER BY seq'));
  expect(held.map(({ row_id: id }) => id)).toEqual([expect.stringMatching(/^erased-\d+$/), second!.id, second!.id]);
  // An answer that is erased by its id takes its rows, too.
  await ledger.inferences.remove('c2');
  expect(await rows()).toEqual([]);
  expect(await database.read(sql('SELECT * FROM row_lineage'))).toEqual([]);
});

test('builds that are asked for at once come one after the other: the last one says which rows are current', async () => {
  for (let n = 0; n < 12; n++) {
    await answered(ledger, { id: `o${n}`, prompt: `once ${n}`, answers: [`so ${n}`] });
    await send(thumb(`o${n}`, true, { user: 'one' }));
  }
  const all = await Promise.all([
    feedback.rows.build(),
    openFeedback(ledger).rows.build({ maxPerUser: 3 }),
    openFeedback(ledger).rows.build({ maxPerUser: 5 }),
  ]);
  expect(all.map(({ rows: { single } }) => single)).toEqual([12, 3, 5]);
  expect(await rows()).toHaveLength(5);
});

test('options that mean nothing are refused together', () => {
  expect(
    problemsOf(() => fullRowOptions({ maxPerUser: 0, quorum: 1.5, weak: { copy: 2 } })).map(({ message }) => message),
  ).toEqual([
    'maxPerUser: must be a whole number of at least 1, got 0',
    'quorum: must be a whole number of at least 1, got 1.5',
    'weak.copy: must be a weight in (0, 1], got 2',
  ]);
});
