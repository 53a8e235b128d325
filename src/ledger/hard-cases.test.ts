import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDatabase, sql } from '../database/index.ts';
import type { Ledger, LedgerOptions } from './ledger.ts';
import { openLedger } from './open-ledger.ts';
import { LEDGER_KIND } from './schema.ts';
import { sweepHourly } from './sweep.ts';

/** What field reports of such stores tell of: clocks, retention that leaves rows behind, touched logs, requests that are no requests. */

const DAY = 86_400_000;
let folder: string;
let open: Ledger[] = [];
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'preftune-ledger-')), 'store');
});
afterEach(async () => {
  for (const ledger of open) await ledger.close();
  open = [];
  rmSync(join(folder, '..'), { recursive: true, force: true });
});

async function opened(options: LedgerOptions = {}): Promise<Ledger> {
  const ledger = await openLedger(folder, { log: 'text', ...options });
  open.push(ledger);
  return ledger;
}

async function begun(ledger: Ledger, id: string, createdAt: number, rest: object = {}): Promise<void> {
  await ledger.inferences.begin({
    id,
    createdAt,
    route: 'chat',
    requestedModel: 'm',
    versionId: 'v',
    backend: 'b',
    parameters: {},
    request: { text: id },
    metadata: { label: 'x' },
    ...rest,
  });
}

const rowsOf = async (table: string): Promise<number> => {
  const database = await openDatabase(join(folder, 'ledger.db'), LEDGER_KIND);
  try {
    return Number((await database.read(sql(`SELECT count(*) AS count FROM ${table}`)))[0]!.count);
  } finally {
    await database.close();
  }
};

test('retention takes texts first and rows later, and leaves nothing that hung on them', async () => {
  const at = 400 * DAY;
  const ledger = await opened({ now: () => at, retention: { textDays: 30, metadataDays: 365 } });
  await begun(ledger, 'new', at - 29 * DAY);
  await begun(ledger, 'old', at - 31 * DAY);
  await ledger.inferences.finish('old', { status: 'failed', totalMs: 1, error: 'said the upstream' });
  for (let place = 0; place < 620; place++) void begun(ledger, `ancient-${place}`, at - 366 * DAY);
  expect(await ledger.sweep()).toEqual({ texts: 621, inferences: 620 });
  expect(await ledger.sweep()).toEqual({ texts: 0, inferences: 0 });
  const { items } = await ledger.inferences.list({ limit: 9, order: 'asc' });
  expect(items.map(({ id, request, error }) => [id, request, error])).toEqual([
    ['new', { text: 'new' }, undefined],
    ['old', undefined, undefined],
  ]);
  await ledger.close();
  expect([await rowsOf('texts'), await rowsOf('inference_labels')]).toEqual([1, 2]);
});

test('a clock that jumps deletes nothing, and orders nothing', async () => {
  let at = 1000 * DAY;
  const ledger = await opened({ now: () => at, retention: { textDays: 30, metadataDays: 365 } });
  await begun(ledger, 'a', at);
  at += 3650 * DAY;
  const jump = await ledger.sweep();
  expect(jump).toMatchObject({ texts: 0, inferences: 0 });
  expect(jump.clockJumpMs! / DAY).toBeCloseTo(3650, 3);
  at -= 3651 * DAY;
  await begun(ledger, 'b', at);
  expect(await ledger.sweep()).toEqual({ texts: 0, inferences: 0 });
  const { items } = await ledger.inferences.list({ limit: 9, order: 'desc' });
  expect(items.map(({ id }) => id)).toEqual(['b', 'a']);
});

test('a server sweeps at once and again, says that a clock jumped or a disk failed, and goes on', async () => {
  const outcomes = [{ clockJumpMs: 2.5 * DAY }, new Error('no room'), {}, {}];
  const notes: string[] = [];
  const enough = new AbortController();
  const sweep = async () => {
    const outcome = outcomes.shift();
    if (outcomes.length === 0) enough.abort();
    if (outcome instanceof Error) throw outcome;
    return { texts: 0, inferences: 0, ...outcome };
  };
  const sweeping = sweepHourly({ sweep }, (line) => notes.push(line), 5);
  await once(enough.signal, 'abort');
  await sweeping.stop();
  expect(notes).toEqual([
    'the clock went on by 2.5 days at once: nothing that the store keeps was removed; if the clock is right, the next sweep does it',
    'what the store keeps too long could not be removed: no room',
  ]);
});

test('retention that cannot be meant is refused before anything is opened', async () => {
  await expect(openLedger(folder, { retention: { textDays: 0, metadataDays: Number.NaN } })).rejects.toThrow(
    'textDays: must be more than 0 days, got 0\nmetadataDays: must be more than 0 days, got NaN',
  );
});

test('strings that mean something elsewhere are kept in every field, and found', async () => {
  const ledger = await opened();
  for (const text of ["'); DROP TABLE inferences; --", 'a\0b', '\uD800', '🧪 "quoted" \\ %_', '__proto__', '']) {
    const id = `id ${text}`;
    await begun(ledger, id, 1, {
      user: text,
      episodeId: text,
      requestedModel: text,
      metadata: { [`k${text}`]: text },
      request: { [text]: [text] },
    });
    await ledger.inferences.finish(id, {
      status: 'complete',
      totalMs: 1,
      response: { content: text },
      finishReasons: [text],
    });
    const kept = (await ledger.inferences.get(id))!;
    expect(kept).toMatchObject({
      id,
      requestedModel: text,
      metadata: { [`k${text}`]: text },
      finishReasons: [text],
      response: { content: text },
    });
    expect(Object.entries(kept.request!)).toEqual([[text, [text]]]);
    const page = await ledger.inferences.list({
      limit: 9,
      order: 'asc',
      model: text,
      metadata: { [`k${text}`]: text },
    });
    expect(page.items.map((item) => item.id)).toEqual([id]);
    expect(await ledger.users.erase(text)).toEqual({ inferences: 1, trainedOn: [] });
    expect([ledger.keys.find(text), await ledger.versions.get(text), await ledger.files.remove(text)]).toEqual([
      undefined,
      undefined,
      false,
    ]);
  }
  expect((await ledger.check()).problems).toEqual([]);
});

test('a text of 4 MB is kept, and one that is nested without end is refused whole', async () => {
  const ledger = await opened();
  const text = 'é😀'.repeat(700_000);
  await begun(ledger, 'long', 1, { request: { text } });
  expect((await ledger.inferences.get('long'))!.request).toEqual({ text });
  let nested: unknown = 1;
  for (let level = 0; level < 2000; level++) nested = { nested };
  await expect(begun(ledger, 'deep', 1, { request: { nested } })).rejects.toThrow('at most 500 levels');
  expect(await ledger.inferences.get('deep')).toBeUndefined();
  await expect(begun(ledger, 'long', 1)).rejects.toThrow('must hold each id once');
});

test('an entry of the audit log that was changed, or taken from the end, is found', async () => {
  for (const [change, brokenAt] of [
    ["UPDATE audit SET actor = 'nobody' WHERE seq = 2", 2],
    ['DELETE FROM audit WHERE seq = 4', 4],
  ] as const) {
    rmSync(folder, { recursive: true, force: true });
    const ledger = await opened();
    for (let place = 0; place < 4; place++)
      await ledger.audit.append({ actor: 'a', action: 'b', subject: String(place) });
    await ledger.close();
    const database = await openDatabase(join(folder, 'ledger.db'), LEDGER_KIND);
    await database.write([sql(change)]);
    await database.close();
    const again = await opened();
    expect(await again.audit.verify()).toEqual({ entries: brokenAt - 1, brokenAt });
    await again.audit.append({ actor: 'a', action: 'b', subject: 'later' });
    expect((await again.audit.verify()).brokenAt).toBe(brokenAt);
    expect((await again.check()).problems[0]!.message).toContain(`at entry ${brokenAt}`);
    await again.close();
  }
});

test('what was being answered when a server died is failed, not open for ever', async () => {
  const ledger = await opened();
  await begun(ledger, 'a', 1);
  await ledger.close();
  const kept = await (await opened()).inferences.get('a');
  expect([kept!.status, kept!.error]).toEqual(['failed', 'the server ended before the answer did']);
});

const name = (place: number): string => `0000000${place}-0000-4000-8000-000000000000`;

test('files in the inbox that are no requests harm nobody', async () => {
  const ledger = await opened();
  const inbox = join(folder, 'inbox');
  const bad = ['', '{', '{"do":"keys.add","hash":"x"}', '{"do":"shell","path":"/"}', 'x'.repeat(100_000)];
  for (const [place, text] of bad.entries()) writeFileSync(join(inbox, `${name(place)}.request.json`), text);
  mkdirSync(join(inbox, `${name(9)}.request.json`));
  const started = Date.now();
  while (readdirSync(inbox).filter((entry) => entry.endsWith('.answer.json')).length < 5 && Date.now() - started < 5000)
    await new Promise((resolve) => setTimeout(resolve, 20));
  expect(readdirSync(inbox).filter((entry) => entry.endsWith('.answer.json')).length).toBeGreaterThanOrEqual(5);
  expect(ledger.keys.hasAny).toBe(false);
  await ledger.audit.append({ actor: 'a', action: 'still', subject: 'here' });
  expect((await ledger.audit.verify()).entries).toBe(1);
});

test('a database that was cut to nothing is told, and not begun anew', async () => {
  await (await openLedger(folder)).close();
  writeFileSync(join(folder, 'ledger.db'), '');
  await expect(openLedger(folder)).rejects.toThrow('must hold what the store remembers, got an empty file');
  // What a kill leaves of a store that had just begun is no loss.
  const fresh = join(folder, 'fresh');
  mkdirSync(fresh);
  writeFileSync(join(fresh, 'ledger.db'), '');
  await expect(openLedger(fresh, { mustExist: true })).rejects.toThrow('got an empty file');
  open.push(await openLedger(fresh));
});
