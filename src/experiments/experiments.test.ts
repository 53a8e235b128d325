import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EXPERIMENT_BODY } from '../api/index.ts';
import { sql } from '../database/index.ts';
import { openFeedback, readSignal } from '../feedback/index.ts';
import { openLedger, type Ledger } from '../ledger/index.ts';
import { openExperiments, type Experiments, type ExperimentsOptions } from './open-experiments.ts';
import { experimentObject, type ExperimentObject } from './report.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
let folder: string;
let ledger: Ledger;
let wall: number;
let passed: number;
const loaded = new Set<string>();
const notes: string[] = [];

const OPTIONS: ExperimentsOptions = {
  isLoaded: (model) => loaded.has(model),
  elapsed: () => passed,
  onNote: (note) => notes.push(note),
};

function pass(ms: number): void {
  wall += ms;
  passed += ms;
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-experiments-'));
  [wall, passed] = [Date.UTC(2027, 0, 1), 1000];
  loaded.clear();
  for (const model of ['base', 'friendly', 'terse']) loaded.add(model);
  notes.length = 0;
  ledger = await openLedger(join(folder, 'store'), { now: () => wall, log: 'text' });
  await ledger.versions.setAlias('prod', 'base', 'owner');
});
afterEach(async () => {
  await ledger.close();
  rmSync(folder, { recursive: true });
});

function start(experiments: Experiments, input: object = {}) {
  const body = EXPERIMENT_BODY.parse({ key: 'exp-1', candidates: ['friendly'], ...input });
  return experiments.create(body, 'ann');
}

let asked = 0;
/** A request as the server takes it; gives the model and the id of the answer. */
async function ask(
  experiments: Experiments,
  who: { user?: string; episode?: string },
  text = 'Ice and dust.',
): Promise<{ model: string | undefined; id: string }> {
  const id = `chatcmpl-${++asked}`;
  const choice = experiments.choose('prod', { ...who, request: id });
  await ledger.inferences.record(
    {
      id,
      createdAt: wall,
      route: 'chat',
      requestedModel: 'prod',
      versionId: `${choice?.model ?? 'base'}@1`,
      backend: 'engine',
      user: who.user,
      episodeId: who.episode,
      parameters: {},
      request: {},
    },
    {
      status: 'complete',
      totalMs: 10,
      firstTokenMs: 5,
      completionTokens: 8,
      finishReasons: ['stop'],
      response: { choices: [{ message: { content: text } }] },
    },
    choice?.exposure,
  );
  return { model: choice?.model, id };
}

const thumb = (id: string, isUp: boolean, user?: string) =>
  openFeedback(ledger).take([
    readSignal({ kind: 'thumb', inference_id: id, value: isUp, ...(user !== undefined && { user }) }),
  ]);

function shown(experiments: Experiments, id = 'exp-1'): ExperimentObject {
  const experiment = experiments.need(id);
  return experimentObject(experiment, {
    now: wall,
    problem: experiments.problemOf(experiment),
    isLoaded: (model) => loaded.has(model),
  });
}

describe('units', () => {
  test('are exposed once, with their answer, keep their arm, and close in order with what came; nothing is zero', async () => {
    const experiments = await openExperiments(ledger, OPTIONS);
    await start(experiments, { metric: { signal: 'thumbs_up' } });
    const arms = new Map<string, string | undefined>();
    for (let i = 0; i < 40; i++) {
      const user = `user-${i}`;
      const { model, id } = await ask(experiments, { user });
      arms.set(user, model);
      expect((await ask(experiments, { user })).model).toBe(model);
      if (model === 'friendly') await thumb(id, true, user);
      pass(1000);
    }
    await experiments.tick();
    expect(shown(experiments).units).toEqual({ exposed: 40, open: 40, closed: 0, crossed: 0, late_signals: 0 });
    pass(DAY - 30_000);
    await experiments.tick();
    // The first ten are as old as the window; the others are not.
    expect(shown(experiments).units).toMatchObject({ open: 29, closed: 11 });
    pass(HOUR);
    await experiments.tick();
    const { candidates, sample_ratio: ratio, units } = shown(experiments);
    expect(units).toMatchObject({ open: 0, closed: 40 });
    const friendly = [...arms.values()].filter((model) => model === 'friendly').length;
    expect(candidates[0]!.candidate).toEqual({ units: friendly, mean: 1 });
    expect(candidates[0]!.control).toEqual({ units: 40 - friendly, mean: 0 });
    expect(ratio.exposed).toEqual([40 - friendly, friendly]);
    expect(candidates[0]!.effect.low).toBeGreaterThan(0);
    expect(candidates[0]!.verdict.word).toBe('better');
    const guardrails = Object.fromEntries(candidates[0]!.guardrails.map(({ name, status }) => [name, status]));
    expect(guardrails).toMatchObject({ first_token: 'open', error_rate: 'open' });
    // Late signals are counted, and change nothing.
    const [row] = await ledger.room.database.read(sql("SELECT id FROM inferences WHERE version_id = 'base@1' LIMIT 1"));
    await thumb(String(row!.id), true);
    await experiments.tick();
    expect(shown(experiments).units.late_signals).toBe(1);
    expect(shown(experiments).candidates[0]!.control.mean).toBe(0);
  });

  test('a server that begins again has the same numbers, and an erased person changes none of them', async () => {
    let experiments = await openExperiments(ledger, OPTIONS);
    await start(experiments);
    for (let i = 0; i < 30; i++) {
      const { id } = await ask(experiments, { user: `user-${i}` });
      if (i % 3 === 0) await thumb(id, false, `user-${i}`);
    }
    pass(DAY);
    await experiments.tick();
    const before = shown(experiments);
    expect(before.units.closed).toBe(30);
    experiments = await openExperiments(ledger, OPTIONS);
    expect(shown(experiments)).toEqual(before);
    await ask(experiments, { user: 'user-1' });
    await ledger.users.erase('user-1');
    await experiments.tick();
    expect(shown(experiments).units).toEqual(before.units);
    expect(shown(experiments).candidates).toEqual(before.candidates);
    const left = await ledger.room.database.read(
      sql('SELECT count(*) AS units FROM experiment_units WHERE unit = ?', ledger.room.hashUser('user-1')),
    );
    expect(left).toEqual([{ units: 0 }]);
    const told: unknown[] = [];
    for await (const one of ledger.users.export('user-3')) told.push(one);
    expect(told).toContainEqual(expect.objectContaining({ kind: 'experiment_unit', experiment: 'exp-1', outcome: 1 }));
  });

  test('a clock that jumps by days closes nobody early', async () => {
    const experiments = await openExperiments(ledger, OPTIONS);
    await start(experiments);
    await ask(experiments, { user: 'ann' });
    await experiments.tick();
    wall += 7 * DAY;
    await experiments.tick();
    expect(shown(experiments).units).toMatchObject({ open: 1, closed: 0 });
    pass(DAY);
    await experiments.tick();
    expect(shown(experiments).units).toMatchObject({ open: 0, closed: 1 });
  });

  test('whoever is seen in two arms, before and after logging in, is left out and counted', async () => {
    const experiments = await openExperiments(ledger, OPTIONS);
    await start(experiments);
    let crossed = 0;
    for (let i = 0; i < 20; i++) {
      const before = await ask(experiments, { episode: `chat ${i}` });
      const after = await ask(experiments, { user: `user-${i}`, episode: `chat ${i}` });
      if (before.model !== after.model) crossed += 2;
    }
    expect(crossed).toBeGreaterThan(4);
    pass(DAY);
    await experiments.tick();
    expect(shown(experiments).units).toMatchObject({ exposed: 40, closed: 40 - crossed, crossed });
  });
});

describe('hard moments', () => {
  test('a version that is unloaded: everybody gets what the name points to, nobody is exposed, and it is said once', async () => {
    const experiments = await openExperiments(ledger, OPTIONS);
    await start(experiments);
    loaded.delete('friendly');
    for (let i = 0; i < 5; i++) expect((await ask(experiments, { user: `user-${i}` })).model).toBeUndefined();
    expect(notes).toEqual([
      'experiment exp-1 takes no units: friendly is not loaded: every request gets what prod points to until it is; load it, or stop the experiment',
    ]);
    expect(shown(experiments).problem).toMatch(/^friendly is not loaded/);
    expect(shown(experiments).candidates[0]!.is_loaded).toBe(false);
    loaded.add('friendly');
    expect((await ask(experiments, { user: 'user-1' })).model).toBeDefined();
    expect(shown(experiments).problem).toBeNull();
  });

  test('all that is wrong with a definition is told at once', async () => {
    const experiments = await openExperiments(ledger, OPTIONS);
    await expect(
      start(experiments, {
        candidates: ['base', 'prod'],
        weights: [1, 1],
        metric: { signal: 'outcome', window_hours: 1 },
      }),
    ).rejects.toThrow(
      /candidates: must be other models .* got base twice(.|\n)*got the alias prod(.|\n)*weights: must be one (.|\n)*metric.name/,
    );
    await expect(start(experiments, { candidates: ['nobody'] })).rejects.toThrow(/nobody is not loaded here/);
    await start(experiments);
    await expect(start(experiments)).rejects.toThrow(
      /key: exp-1 was used before(.|\n)*alias: exp-1 runs on prod already/,
    );
    await expect(experiments.stop('exp-7', 'why', 'ann')).rejects.toThrow(/got "exp-7"; there are exp-1/);
  });

  test('stopped it takes nobody, closes who is open, and ends; its traffic only grows; a budget ends it', async () => {
    const experiments = await openExperiments(ledger, OPTIONS);
    await start(experiments, { traffic: 0.5, budget: 100 });
    await expect(experiments.widen('exp-1', 0.4, 'ann')).rejects.toThrow(/traffic: must grow, from 0.5/);
    expect((await experiments.widen('exp-1', 1, 'ann')).traffic).toBe(1);
    await ask(experiments, { user: 'ann' });
    await experiments.stop('exp-1', 'enough', 'ann');
    await expect(experiments.stop('exp-1', 'again', 'ann')).rejects.toThrow(/exp-1 is stopped already: enough/);
    expect((await ask(experiments, { user: 'ann' })).model).toBeUndefined();
    pass(DAY);
    await experiments.tick();
    expect(shown(experiments)).toMatchObject({
      status: 'stopped',
      reason: 'enough',
      units: { exposed: 1, closed: 1 },
      candidates: [{ verdict: { word: 'out of budget' } }],
    });
    await start(experiments, { key: 'exp-2', budget: 100 });
    for (let i = 0; i < 100; i++) await ask(experiments, { user: `user-${i}` });
    await experiments.tick();
    expect(shown(experiments, 'exp-2')).toMatchObject({
      status: 'stopped',
      reason: 'its budget of 100 units is used up',
    });
    const { items } = await ledger.audit.list({ limit: 10, order: 'asc' });
    expect(items.map(({ action }) => action).filter((action) => action.startsWith('experiment'))).toEqual([
      'experiment.create',
      'experiment.widen',
      'experiment.stop',
      'experiment.create',
      'experiment.stop',
    ]);
  });

  test('units that do not come in the shares that were meant withhold the result', async () => {
    const experiments = await openExperiments(ledger, OPTIONS);
    await start(experiments);
    // As where answers of one arm never reach the store.
    for (let i = 0; i < 80; i++) {
      const user = `user-${i}`;
      if (experiments.choose('prod', { user, request: 'x' })?.model === 'friendly') await ask(experiments, { user });
    }
    await experiments.tick();
    const { sample_ratio: ratio, candidates } = shown(experiments);
    expect(ratio.is_alarm).toBe(true);
    expect(candidates[0]!.verdict.word).toBe('withheld');
    expect(candidates[0]!.verdict.text).toMatch(/no number here can be trusted/);
  });
});
