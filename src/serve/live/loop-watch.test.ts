import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EXPERIMENT_BODY } from '../../api/index.ts';
import { openExperiments, type Experiments } from '../../experiments/index.ts';
import { openFeedback, readSignal } from '../../feedback/index.ts';
import { openLedger, type Ledger } from '../../ledger/index.ts';
import { openLoop, type Loop } from '../../loop/index.ts';
import { followExperiments } from './loop-watch.ts';

const DAY = 86_400_000;
let folder: string;
let ledger: Ledger;
let experiments: Experiments;
let loop: Loop;
let wall = 0;
let passed = 0;
let notes: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-watch-'));
  [wall, passed, notes] = [Date.UTC(2027, 0, 1), 1000, []];
  ledger = await openLedger(join(folder, 'store'), { now: () => wall, log: 'text' });
  await ledger.versions.setAlias('prod', 'base', 'owner');
  experiments = await openExperiments(ledger, { elapsed: () => passed });
  loop = openLoop(ledger);
  const { id } = await loop.add({ model: 'friendly', parent: 'base' });
  await loop.move(id, 'passed', { actor: 'ann', reason: 'it wins' });
});
afterEach(async () => {
  await ledger.close();
  rmSync(folder, { recursive: true });
});

const follow = (): Promise<void> =>
  followExperiments({ ledger, experiments, isLoaded: () => true, onNote: (note) => notes.push(note) });
const start = (key: string): Promise<unknown> =>
  experiments.create(EXPERIMENT_BODY.parse({ key, candidates: ['friendly'] }), 'ann');
const stateNow = async (): Promise<string> => (await loop.find('friendly'))!.state;

/** People who ask once, of whom `fails` answers of a model fail, and `dislikes` give a thumb down; a day later all are counted. */
async function people(
  count: number,
  of: {
    readonly fails?: (model: string, place: number) => boolean;
    readonly dislikes?: (model: string, place: number) => boolean;
  },
): Promise<void> {
  for (let place = 0; place < count; place++) {
    const [id, user] = [`chatcmpl-${wall}-${place}`, `user-${wall}-${place}`];
    const choice = experiments.choose('prod', { user, request: id });
    const model = choice?.model ?? 'base';
    const hasFailed = of.fails?.(model, place) === true;
    await ledger.inferences.record(
      {
        id,
        createdAt: wall,
        route: 'chat',
        requestedModel: 'prod',
        versionId: `${model}@1`,
        backend: 'engine',
        user,
        parameters: {},
      },
      { status: hasFailed ? 'failed' : 'complete', totalMs: 10, completionTokens: 8, finishReasons: ['stop'] },
      choice?.exposure,
    );
    if (!hasFailed && of.dislikes?.(model, place) === true)
      await openFeedback(ledger).take([readSignal({ kind: 'thumb', inference_id: id, value: false, user })]);
  }
  wall += DAY + 1000;
  passed += DAY + 1000;
  await experiments.tick();
}

test('a candidate that is tried is in the experiment, and stands where its verdict says when that has ended', async () => {
  await follow();
  expect(await stateNow()).toBe('passed');
  await start('friendlier');
  await follow();
  expect(await stateNow()).toBe('experiment');
  await people(250, { dislikes: (model, place) => (model === 'base' ? place % 10 < 8 : place % 10 < 1) });
  await follow();
  // It runs on until somebody ends it.
  expect(await stateNow()).toBe('experiment');
  await experiments.stop(experiments.need('friendlier').id, 'it is better', 'ann');
  await follow();
  expect(await stateNow()).toBe('passed');
  const { reason, evidence, actor } = (await loop.moves((await loop.find('friendly'))!.id)).at(-1)!;
  expect([actor, reason]).toEqual([
    'loop',
    expect.stringMatching(/the experiment friendlier: The candidate is better/),
  ]);
  expect(evidence).toMatchObject({ verdict: { word: 'better' } });
  // A second one speaks for it now; the first is over and says nothing more.
  await start('friendlier-2');
  await follow();
  await follow();
  expect(await stateNow()).toBe('experiment');
  await experiments.stop(experiments.need('friendlier-2').id, 'no time', 'ann');
  await follow();
  expect(await stateNow()).toBe('held');
});

test('a broken guardrail ends the experiment and the candidate, and the operator is told', async () => {
  await start('risky');
  await follow();
  await people(250, { fails: (model, place) => model === 'friendly' && place % 2 === 0 });
  await follow();
  expect([await stateNow(), experiments.need('risky').status]).toEqual(['failed', 'stopped']);
  expect(notes).toEqual([
    expect.stringMatching(/the experiment risky was stopped: Answers that failed: beyond what was allowed/),
  ]);
  expect(await loop.production()).toBe('base');
  // Nobody gets it any more.
  expect(experiments.choose('prod', { user: 'user-1', request: 'r' })).toBeUndefined();
});
