import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/tiny-model.ts';
import { fileSource, readRows } from '../../data/index.ts';
import { openLedger, type Ledger } from '../../ledger/index.ts';
import { pairsFromVotes, readBuildRows } from '../../pairs/index.ts';
import { createApp, type ServeApp } from '../http/app.ts';
import { createSessions, type Sessions } from '../http/session.ts';
import { sessionRoutes } from '../http/session-routes.ts';
import type { ServeServices } from '../services.ts';
import { labelRoutes } from './label-routes.ts';

const folder = temporaryFolder();
let ledger: Ledger;
let app: ServeApp['app'];
let sessions: Sessions;
let key: string;
beforeAll(async () => {
  ledger = await openLedger(join(folder.path, 'store'));
  key = (await ledger.keys.create({ name: 'boss', scopes: ['train', 'label', 'read'] })).key;
  const findKey = (given: string) => ledger.keys.find(given);
  sessions = await createSessions({ room: ledger.room, keyOf: (id) => ledger.keys.get(id), isClosed });
  const services = {
    ledger,
    limits: { maxBodyBytes: 2 ** 22 },
    access: { sessions, findKey, needsKey: isClosed },
    tellFault: (_id: string, thrown: unknown) => {
      throw thrown;
    },
  } as unknown as ServeServices;
  ({ app } = createApp({
    services,
    version: '1.0.0',
    routes: [...labelRoutes(services), ...sessionRoutes(services)],
    auth: 'keys',
    findKey,
    findSession: sessions.find,
    hasKeys: isClosed,
    allowedHosts: new Set(['localhost']),
    allowedOrigins: new Set(),
  }));
});
afterAll(async () => {
  await ledger.close();
  folder.remove();
});

/** Whatever a body holds. */
// oxlint-disable-next-line typescript/no-explicit-any
type Json = Readonly<Record<string, any>>;
const isClosed = (): boolean => true;
async function ask(where: string, body?: unknown, who: Record<string, string> = { authorization: `Bearer ${key}` }) {
  const [method, path] = where.split(' ') as [string, string];
  const answer = await app.request(`http://localhost${path}`, {
    method,
    headers: { host: 'localhost', 'content-type': 'application/json', ...who },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const isJson = /^application\/json(?!l)/.test(answer.headers.get('content-type') ?? '');
  return { status: answer.status, headers: answer.headers, text, body: (isJson ? JSON.parse(text) : {}) as Json };
}

/** Signs in by a link, as a labeller does, and says who it is. */
async function labeller(name: string): Promise<Record<string, string>> {
  const link = await sessions.invite({ keyId: 'owner', scopes: ['label'] });
  const answer = await app.request(`http://localhost/login/${link}`, { headers: { host: 'localhost' } });
  expect([answer.status, answer.headers.get('location')]).toEqual([302, '/ui/']);
  const set = answer.headers.get('set-cookie')!;
  expect(set).toMatch(/^preftune=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
  const who = { cookie: set.split(';')[0]!, origin: 'http://localhost' };
  const named = await ask('PUT /v1/preftune/session', { name }, who);
  expect(named.body).toMatchObject({ is_signed_in: true, scopes: ['label'], annotator: { name } });
  return who;
}

const LONG = 'word '.repeat(20_000).trim();
const ROWS = [
  { prompt: 'What is Ω?', chosen: 'A letter.\nGreek, "the last".', rejected: 'No 👩‍👩‍👧 idea' },
  { prompt: 'مرحبا؟', chosen: 'أهلا', rejected: LONG },
  { prompt: 'Same?', chosen: 'same answer', rejected: 'same answer ' },
  { prompt: 'Known?', chosen: 'yes', rejected: 'no', gold: 'b' },
];

test('from rows to a campaign to votes to pairs that train', async () => {
  const settings = { gold_share: 0.5, repeat_share: 0, shown_after_vote: ['models', 'gold', 'judges'] };
  const made = await ask('POST /v1/preftune/campaigns', { name: 'tone', settings, rows: ROWS });
  expect(made.body).toMatchObject({ name: 'tone', items: 2, done: 0, votes: 0, is_open: true, done_by_you: null });
  const at = `/v1/preftune/campaigns/${String(made.body['id'])}`;
  expect((await ask(`POST ${at}/items`, { rows: ROWS })).body).toMatchObject({ added: 0, known: 3, equal: 1 });
  expect((await ask('POST /v1/preftune/campaigns', { name: 'tone' })).status).toBe(400);
  expect((await ask(`PATCH ${at}`, { guidelines: 'Be kind.' })).body).toMatchObject({
    guidelines: { version: 2, text: 'Be kind.' },
  });

  const anna = await labeller('Anna');
  for (const [where, body] of [
    [`POST ${at}/adjudication`, { item_id: 'x', act: 'reopen' }],
    [`GET ${at}/export`, undefined],
    [`PATCH ${at}`, {}],
    [`GET ${at}/items`, undefined],
  ] as const)
    expect([where, (await ask(where, body, anna)).status]).toEqual([where, 403]);
  expect((await ask(`POST ${at}/next`, { annotator: 'Bert' }, anna)).status).toBe(403);
  expect((await ask(`POST ${at}/next`, {})).body).toMatchObject({
    error: { code: 'no_annotator', param: 'annotator' },
  });

  const shown: Json[] = [];
  for (let turn = 0; turn < 3; turn++) {
    const next = await ask(`POST ${at}/next`, { count: 1 }, anna);
    const [item] = next.body['data'] as unknown as Json[];
    // Nothing says where an answer comes from, or what is known.
    expect(Object.keys(item!)).toEqual([
      'item_id',
      'reservation_id',
      'prompt',
      'left',
      'right',
      'expires_at',
      'seconds',
      'previous',
    ]);
    expect(next.text).not.toMatch(/gold|model|chosen/);
    const sides = [item!['left'], item!['right']] as unknown as { id: string; content: unknown }[];
    const better = sides.find(({ content }) => /Greek|أهلا|^yes/.test(JSON.stringify(content).replace(/^"/, '')))!;
    const isArabic = JSON.stringify(better.content).includes('أهلا');
    const vote = await ask(
      `POST ${at}/votes`,
      {
        item_id: item!['item_id'],
        reservation_id: item!['reservation_id'],
        verdict: 'better',
        better_id: better.id,
        strength: 2,
        seconds: 0.001,
        note: 'line one\nline two, "quoted"',
        tags: ['tone'],
        ...(isArabic && { edit: { answer_id: better.id, text: 'أهلا وسهلا' } }),
      },
      anna,
    );
    expect([vote.status, vote.body['is_counted']]).toEqual([200, true]);
    shown.push(vote.body);
  }
  const golds = shown.flatMap((one) => (one['shown']['gold'] === null ? [] : [one['shown']['gold']['is_right']]));
  expect(golds.every((isRight) => isRight === false)).toBe(true);
  expect((await ask(`GET ${at}`, undefined, anna)).body).toMatchObject({ done_by_you: 3 });

  const panel = await ask(`GET ${at}/panel`, undefined, anna);
  expect(panel.body['annotators']).toMatchObject([{ is_you: true, votes: 3 }]);
  expect(panel.text).not.toContain('Anna');

  const pairs = await ask(`GET ${at}/export?format=pairs`);
  expect(pairs.headers.get('x-preftune-rows')).toBe(String(pairs.text.trim().split('\n').length));
  const path = join(folder.path, 'pairs.jsonl');
  writeFileSync(path, pairs.text);
  const kinds: string[] = [];
  for await (const event of readRows(fileSource(path))) if (event.kind !== 'format') kinds.push(event.kind);
  expect(new Set(kinds)).toEqual(new Set(['pair']));
  expect(pairs.text).toContain('أهلا وسهلا');

  const votes = await ask(`GET ${at}/export?format=votes`);
  writeFileSync(join(folder.path, 'votes.jsonl'), votes.text);
  const built = await readBuildRows([fileSource(join(folder.path, 'votes.jsonl'))], { shape: 'votes' });
  const chosen = built.rows.flatMap((row) => pairsFromVotes(row).pairs.map((pair) => JSON.stringify(pair.chosen)));
  expect(chosen.some((text) => text.includes('Greek'))).toBe(true);
  expect(votes.text).toContain('line one\\nline two, \\"quoted\\"');
  expect(votes.text).toContain('"guideline_version":2');
  const demonstrations = await ask(`GET ${at}/export?format=demonstrations`);
  expect(JSON.parse(demonstrations.text)).toMatchObject({
    prompt: ROWS[1]!.prompt,
    completion: 'أهلا وسهلا',
  });

  const undone = await ask(`POST ${at}/votes/undo`, {}, anna);
  expect(undone.body).toMatchObject({
    previous: { verdict: 'better', strength: 2, note: 'line one\nline two, "quoted"' },
  });
  const bert = await labeller('Bert');
  expect((await ask(`POST ${at}/votes/undo`, {}, bert)).body).toMatchObject({ error: { code: 'nothing_to_undo' } });
  expect((await ask(`POST ${at}/votes`, { item_id: 'item_gone', verdict: 'tie' }, bert)).body).toMatchObject({
    error: { code: 'item_gone' },
  });
});

test('every problem of rows is told at once, and then there is no campaign', async () => {
  const refused = await ask('POST /v1/preftune/campaigns', {
    name: 'broken',
    rows: [
      { prompt: 'P', a: 'x', b: 'y', gold: 'c' },
      { prompt: 'P', a: 'x' },
      { prompt: 'P', answers: ['x'] },
    ],
  });
  expect(refused.status).toBe(400);
  expect(refused.text).toMatch(/rows\.jsonl:2.*rows\.jsonl:3/s);
  expect((await ask('GET /v1/preftune/campaigns')).text).not.toContain(`"name":"broken"`);
});

test('people who disagree wait for somebody who decides, and the decision is what trains', async () => {
  const made = await ask('POST /v1/preftune/campaigns', {
    name: 'disputed',
    settings: { overlap: { kind: 'fixed', votes: 2 }, gold_share: 0, repeat_share: 0 },
    rows: [{ prompt: 'P', a: 'first', b: 'second' }],
  });
  const at = `/v1/preftune/campaigns/${String(made.body['id'])}`;
  for (const [annotator, content] of [
    ['Anna', 'first'],
    ['Bert', 'second'],
  ]) {
    const [item] = (await ask(`POST ${at}/next`, { annotator })).body['data'] as unknown as Json[];
    const side = [item!['left'], item!['right']].find((one) => one['content'] === content)!;
    await ask(`POST ${at}/votes`, {
      annotator,
      item_id: item!['item_id'],
      reservation_id: item!['reservation_id'],
      verdict: 'better',
      better_id: side['id'],
    });
  }
  const queue = await ask(`GET ${at}/adjudication`);
  const [item] = queue.body['data'] as unknown as Json[];
  expect(item).toMatchObject({ status: 'disputed' });
  expect((await ask(`GET ${at}/export?format=pairs`)).headers.get('x-preftune-left-out')).toBe('{"tie":1}');
  const better = (item!['answers'] as unknown as { id: string; content: string }[]).find(
    ({ content }) => content === 'second',
  )!;
  const decided = await ask(`POST ${at}/adjudication`, {
    item_id: item!['id'],
    act: 'decide',
    verdict: 'better',
    better_id: better.id,
  });
  expect(decided.body).toMatchObject({ status: 'adjudicated' });
  const pairs = await ask(`GET ${at}/export?format=pairs`);
  expect(JSON.parse(pairs.text)).toMatchObject({ prompt: 'P', chosen: 'second', rejected: 'first' });
  expect(pairs.headers.get('x-preftune-left-out')).toBe('{"votes on items that somebody has decided":2}');
  expect((await ask(`GET ${at}/adjudication`)).body['data']).toEqual([]);
});
