import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLedger, type Ledger } from '../ledger/index.ts';
import { openFeedback, type Feedback } from './open-feedback.ts';
import { signalObject } from './signals/signal-records.ts';
import { readSignal, type Signal } from './signals/signal.ts';
import { signalOfTensorZero, TENSORZERO_FEEDBACK } from './signals/tensorzero.ts';
import { answered } from './testing/answers.ts';

/** What people met with elsewhere when they gathered feedback, built again in our own words. */

const DAY_MS = 86_400_000;
let folder: string;
let ledger: Ledger;
let feedback: Feedback;
let now = Date.UTC(2027, 0, 1);
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-reports-'));
  ledger = await openLedger(join(folder, 'store'), { log: 'text', now: () => now });
  feedback = openFeedback(ledger);
});
afterAll(async () => {
  await ledger.close();
  rmSync(folder, { recursive: true });
});

const statuses = async (...signals: readonly Signal[]): Promise<string[]> =>
  (await feedback.take(signals)).map(({ status }) => status);

async function of(inferenceId: string) {
  return (await feedback.list({ inferenceId }, { limit: 50, order: 'asc' })).items;
}

// tensorzero/tensorzero#1680: feedback at once, under load, warned of an episode that was not there yet.
test('feedback in the moment in which the answer is there is taken, under load too', async () => {
  const all = await Promise.all(
    Array.from({ length: 60 }, async (_, n) => {
      const start = {
        id: `at-once-${n}`,
        createdAt: now,
        route: 'chat',
        requestedModel: 'prod',
        versionId: 'v',
        backend: 'b',
        episodeId: `talk-${n}`,
        parameters: {},
      } as const;
      await ledger.inferences.begin(start);
      return statuses(
        readSignal({ kind: 'thumb', inference_id: start.id, value: 1 }),
        readSignal({ kind: 'outcome', name: 'solved', episode_id: start.episodeId, value: 1 }),
      );
    }),
  );
  expect(all).toEqual(all.map(() => ['accepted', 'accepted']));
});

// tensorzero/tensorzero#2054, #2426: a demonstration was refused for models called directly, and the answer that it replaced was hard to come by.
test('a demonstration needs no configuration, and its pair holds what it replaced', async () => {
  await answered(ledger, { id: 'haiku', prompt: 'Write a haiku.', answers: ['Silicon whispers.'] });
  const body = { metric_name: 'demonstration', inference_id: 'haiku', value: 'Silent circuits think of rain.' };
  expect(await statuses(signalOfTensorZero(TENSORZERO_FEEDBACK.parse(body)))).toEqual(['accepted']);
  await feedback.rows.build();
  const { items } = await feedback.rows.list({ kind: 'pair' }, { limit: 9, order: 'asc' });
  expect(items.map(({ content: { chosen, rejected } }) => [chosen, rejected])).toEqual([
    [
      [{ role: 'assistant', content: 'Silent circuits think of rain.' }],
      [{ role: 'assistant', content: 'Silicon whispers.' }],
    ],
  ]);
});

// langfuse/langfuse#10631: of thumbs on one message after the other only the first three arrived, and nothing said so.
test('thumbs on many messages one after the other all arrive', async () => {
  for (let n = 0; n < 12; n++) await answered(ledger, { id: `message-${n}`, user: 'reader' });
  for (let n = 0; n < 12; n++)
    expect(await statuses(readSignal({ kind: 'thumb', inference_id: `message-${n}`, value: 1 }))).toEqual(['accepted']);
  const { items } = await feedback.list({ user: 'reader' }, { limit: 50, order: 'asc' });
  expect(items.map(({ answer }) => answer?.inferenceId)).toEqual(Array.from({ length: 12 }, (_, n) => `message-${n}`));
});

// synergyai-nl/svelte-langgraph#249, miurla/morphic#925: a changed thumb stood beside the old one, a repeated request counted twice, and so did two names for one thing.
test('a thumb that changes counts once, whatever it is called and however often it is sent', async () => {
  await answered(ledger, { id: 'changed', user: 'ann' });
  const up = signalOfTensorZero(TENSORZERO_FEEDBACK.parse({ metric_name: 'thumb', inference_id: 'changed', value: 1 }));
  const other = TENSORZERO_FEEDBACK.parse({ metric_name: 'thumbs_up', inference_id: 'changed', value: 'true' });
  const down = readSignal({ kind: 'thumb', inference_id: 'changed', value: false });
  expect(await statuses(up, signalOfTensorZero(other), down, down)).toEqual([
    'accepted',
    'duplicate',
    'accepted',
    'duplicate',
  ]);
  const standing = (await of('changed')).filter(({ isCurrent }) => isCurrent);
  expect(standing.map(({ value }) => value)).toEqual([0]);
});

// langfuse/langfuse-docs#2367, #3232: an idempotency key held for a day, or for two months, depending on the time that was sent along.
test('an idempotency key holds over months, whatever the client’s clock says', async () => {
  await answered(ledger, { id: 'months' });
  const signal = { kind: 'comment', inference_id: 'months', value: 'fine', idempotency_key: 'once' };
  expect(await statuses(readSignal({ ...signal, at: now }))).toEqual(['accepted']);
  now += 90 * DAY_MS;
  expect(await statuses(readSignal({ ...signal, at: now }))).toEqual(['duplicate']);
});

// open-webui/open-webui#15998, labring/FastGPT#5800: exports left out the reason and the comment that pages showed.
test('what is listed holds all that was said, and of what it was said', async () => {
  await answered(ledger, { id: 'told', user: 'ann', model: 'helper', version: 'helper@2' });
  const said = { kind: 'thumb', inference_id: 'told', value: false, comment: 'too long', tags: { reason: 'style' } };
  await statuses(readSignal(said));
  const [record] = await of('told');
  expect(signalObject(record!)).toMatchObject({
    kind: 'thumb',
    value: 0,
    text: 'too long',
    tags: { reason: 'style' },
    inference_id: 'told',
    model: 'helper',
    version: 'helper@2',
    user_hash: ledger.room.hashUser('ann'),
    is_current: true,
  });
});

// langgenius/dify#28652: of a user's and an admin's thumb on one message one hid the other.
test('a user and a colleague who see one answer differently both stand', async () => {
  await answered(ledger, { id: 'both', user: 'customer' });
  await statuses(
    readSignal({ kind: 'thumb', inference_id: 'both', value: true }),
    readSignal({ kind: 'thumb', inference_id: 'both', value: false, user: 'colleague', tags: { role: 'admin' } }),
  );
  expect((await of('both')).map(({ value, isCurrent }) => [value, isCurrent])).toEqual([
    [1, true],
    [0, true],
  ]);
});
