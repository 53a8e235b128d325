import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lockOwner } from '../../src/files/index.ts';
import type { Ledger } from '../../src/ledger/index.ts';
import {
  isOver,
  openJobServer,
  preferenceRows,
  startOf,
  turn,
  type Job,
  type JobServer,
} from '../support/job-server.ts';
import { temporaryFolder, tinyPairs, writeTinyModel } from '../support/tiny-model.ts';

/** Fine-tuning jobs through OpenAI's client, with the real command in a process of its own. */
const folder = temporaryFolder();
const store = join(folder.path, 'store');
let server: JobServer;
let client: OpenAI;

async function start(): Promise<void> {
  server = await openJobServer(join(folder.path, 'model'), store);
  client = server.client;
}

beforeAll(async () => {
  await writeTinyModel(join(folder.path, 'model'), { hidden: 16, layers: 1 });
  await start();
});
afterAll(async () => {
  await server.at.close();
  folder.remove();
});

const until: JobServer['until'] = (id, isThere) => server.until(id, isThere);
const upload: JobServer['upload'] = (text) => server.upload(text);

const SHORT = { maxSteps: 2, samples: 0 };

async function shortJob(body: object): Promise<Job> {
  return server.done({ method: { type: 'dpo', preftune: SHORT }, ...body });
}

async function hasSteps(id: string, count: number): Promise<boolean> {
  const { data } = await client.fineTuning.jobs.listEvents(id, { limit: 100 });
  return data.filter(({ type }) => type === 'metrics').length >= count;
}

/** A job that has more steps than anyone waits for. */
async function longJob(options: object = { checkpointSteps: 5 }): Promise<Job> {
  return client.fineTuning.jobs.create({
    model: 'tiny',
    // With a byte order mark, lines of Windows, and blank ones at the end, as files come.
    training_file: await upload(`\ufeff${preferenceRows(40).replaceAll('\n', '\r\n')}\r\n\r\n`),
    seed: 5,
    method: {
      type: 'dpo',
      dpo: { hyperparameters: { n_epochs: 16, batch_size: 4 } },
      preftune: { samples: 0, ...options },
    } as never,
  });
}

const weightsOf = (id: string): Buffer =>
  readFileSync(join(store, 'jobs', id, 'run', 'adapter', 'adapter_model.safetensors'));

test(
  'a supervised job to its end: events, checkpoints, metrics, a model that answers',
  { timeout: 60_000 },
  async () => {
    const rows = tinyPairs(12).map(({ prompt, chosen }) => ({
      messages: [...turn('user', prompt), ...turn('assistant', chosen)],
    }));
    const job = await client.fineTuning.jobs.create({
      model: 'tiny',
      training_file: await upload(rows.map((row) => JSON.stringify(row)).join('\n')),
      validation_file: await upload(JSON.stringify(rows[0])),
      suffix: 'plain',
      metadata: { team: 'a', 'preftune.lora.rank': '4' },
      method: {
        type: 'supervised',
        supervised: { hyperparameters: { n_epochs: 2, batch_size: 4, learning_rate_multiplier: 2 } },
      },
    });
    expect(job).toMatchObject({
      object: 'fine_tuning.job',
      status: 'validating_files',
      fine_tuned_model: null,
      result_files: [],
    });
    expect(job.hyperparameters).toMatchObject({ n_epochs: 2, batch_size: 4, learning_rate_multiplier: 2 });
    const done = await until(job.id, isOver);
    expect([done.status, done.error]).toEqual(['succeeded', null]);
    expect(done.fine_tuned_model).toMatch(/^ft:tiny:preftune:plain:[0-9a-f]{8}$/);
    expect(done.trained_tokens).toBeGreaterThan(0);
    const config = JSON.parse(readFileSync(join(store, 'jobs', job.id, 'job.json'), 'utf8')) as Record<string, unknown>;
    expect(config).toMatchObject({ epochs: 2, batchSize: 4, learningRate: 4e-4, 'lora.rank': 4 });
    const events = [];
    for await (const event of client.fineTuning.jobs.listEvents(job.id, { limit: 3 })) events.push(event);
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    expect(events.at(-1)!.message).toBe(`Created fine-tuning job: ${job.id}`);
    expect(events[0]!.message).toBe('The job has successfully completed');
    const messages = events.map(({ message }) => message).toReversed();
    expect(messages[1]).toBe(`Validating training file: ${job.training_file}, validation file: ${job.validation_file}`);
    const checked = messages.indexOf('Files validated, moving job to queued state');
    expect(messages[checked - 2]).toMatch(
      /^Training file: 12 rows; 12 to train on \(12 different prompts\); 1 held out; \d+ tokens a pass, .*; nothing is cut; 6 steps of up to 4 rows$/,
    );
    expect(messages[checked - 1]).toMatch(/^Memory: at most about \d+ MB of [\d,]+ MB free; disk: about 1 MB$/);
    expect(new Set(messages).size).toBe(messages.length);
    const steps = events.filter(({ type, data }) => type === 'metrics' && 'train_loss' in (data as object));
    expect(steps.map(({ data }) => (data as { step: number }).step)).toEqual([6, 5, 4, 3, 2, 1]);
    const csv = await (await client.files.content(done.result_files[0]!)).text();
    expect(csv.split('\n')[0]).toMatch(/^step,train_loss,.*valid_loss/);
    expect(csv.trim().split('\n').length).toBeGreaterThanOrEqual(7);
    const { data: checkpoints } = await client.fineTuning.jobs.checkpoints.list(job.id);
    expect(checkpoints.map(({ step_number: step }) => step)).toContain(6);
    const { metrics } = checkpoints[0]!;
    expect(metrics.full_valid_loss).toBeGreaterThan(0);
    expect(metrics.full_valid_loss).toBe(metrics.valid_loss);
    const models = (await client.models.list()).data.map(({ id }) => id);
    expect(models).toContain(done.fine_tuned_model);
    expect(models).toContain(`${done.fine_tuned_model!}:ckpt-step-6`);
    const { choices } = await client.chat.completions.create({
      model: done.fine_tuned_model!,
      messages: [{ role: 'user', content: 'a' }],
      max_tokens: 3,
    });
    expect(choices).toHaveLength(1);
    expect((await client.fineTuning.jobs.list({ metadata: { team: 'a' } })).data.map(({ id }) => id)).toEqual([job.id]);
    // A job that is over cannot be cancelled, and repeating that would not help.
    const error = await client.fineTuning.jobs.cancel(job.id).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: 400, message: '400 The job is succeeded and cannot be cancelled any more' });
    expect((error as InstanceType<typeof OpenAI.APIError>).headers!.get('x-should-retry')).toBe('false');
  },
);

test('rows that are wrong fail the job, with their lines and without our folders', { timeout: 60_000 }, async () => {
  const training_file = await upload(`${preferenceRows(3)}\n{"input": {"messages": []}}\nnot json\n`);
  const { id } = await client.fineTuning.jobs.create({ model: 'tiny', training_file, method: { type: 'dpo' } });
  const job = await until(id, isOver);
  expect(job).toMatchObject({ status: 'failed', error: { code: 'invalid_training_file', param: 'training_file' } });
  expect(job.error!.message).toContain('line 4');
  expect(job.error!.message).toContain('line 5');
  expect(job.error!.message).not.toContain(folder.path);
  // It was seen before its turn.
  expect([startOf(job), existsSync(join(store, 'jobs', id, 'run'))]).toEqual([null, false]);
});

test('a job that does not fit is told with the figures, before its turn', { timeout: 60_000 }, async () => {
  const { id } = await client.fineTuning.jobs.create({
    model: 'tiny',
    training_file: await upload(preferenceRows(8)),
    method: { type: 'dpo', preftune: { 'lora.rank': 2e8 } },
  } as never);
  const job = await until(id, isOver);
  expect([job.status, startOf(job), job.error!.code, job.error!.param]).toEqual([
    'failed',
    null,
    'insufficient_resources',
    null,
  ]);
  expect(job.error!.message).toContain('(basePrecision int8)');
  expect(job.error!.message).toMatch(/^memory: the run needs about [\d,]+ MB \(.*\), got [\d,]+ MB free; .*\ndisk: /s);
  expect(job.error!.message).not.toContain(folder.path);
});

test('a job that is paused, resumed and killed ends as one that was left alone', { timeout: 120_000 }, async () => {
  const alone = await longJob();
  const disturbed = await longJob();
  expect((await until(alone.id, isOver)).status).toBe('succeeded');
  await until(disturbed.id, () => hasSteps(disturbed.id, 12));
  const paused = await client.fineTuning.jobs.pause(disturbed.id);
  expect([paused.status, paused.metadata]).toEqual(['running', { 'preftune.state': 'paused' }]);
  const run = join(store, 'jobs', disturbed.id, 'run');
  const pidOf = (): number | undefined => (existsSync(run) ? lockOwner(join(run, '.lock'))?.pid : undefined);
  while (pidOf() !== undefined) await new Promise((resolve) => setTimeout(resolve, 20));
  await client.fineTuning.jobs.resume(disturbed.id);
  while (pidOf() === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
  await until(disturbed.id, () => hasSteps(disturbed.id, 40));
  process.kill(pidOf()!, 'SIGKILL');
  const done = await until(disturbed.id, isOver);
  expect([done.status, done.error]).toEqual(['succeeded', null]);
  expect(weightsOf(disturbed.id).equals(weightsOf(alone.id))).toBe(true);
  const { data } = await client.fineTuning.jobs.listEvents(disturbed.id, { limit: 1000 });
  const told = data.flatMap((event) => (event.type === 'metrics' ? [(event.data as { step: number }).step] : []));
  expect(new Set(told).size).toBe(told.length);
  expect(data.some(({ level, message: text }) => level === 'warn' && text.includes('was ended by SIGKILL'))).toBe(true);
});

test(
  'a job goes on when the server comes back, and models of earlier ones answer again',
  { timeout: 120_000 },
  async () => {
    const before = (await client.models.list()).data.map(({ id }) => id).filter((id) => id.startsWith('ft:'));
    expect(before.length).toBeGreaterThan(3);
    const { id } = await longJob({ checkpointSteps: 20, keepCheckpoints: 10 });
    // Before it is done, it says when it will be, and its checkpoints answer.
    const { estimated_finish: finish } = await until(id, () => hasSteps(id, 25));
    expect(finish).toBeGreaterThan(Date.now() / 1000 - 5);
    expect((await client.fineTuning.jobs.pause(id)).estimated_finish).toBeNull();
    const [checkpoint] = (await client.fineTuning.jobs.checkpoints.list(id)).data;
    const { choices } = await client.chat.completions.create({
      model: checkpoint!.fine_tuned_model_checkpoint,
      messages: [{ role: 'user', content: 'a' }],
      max_tokens: 2,
    });
    expect(choices).toHaveLength(1);
    // The run may replace it before a job that goes on with it has its turn.
    expect(
      await server.refusal({
        model: checkpoint!.fine_tuned_model_checkpoint,
        training_file: await upload(preferenceRows(8, 1)),
      }),
    ).toEqual(['model', expect.stringContaining('a checkpoint of a job that still trains')]);
    // What a client deletes stays away.
    const deleted = before.find((name) => !name.includes(':ckpt-'))!;
    await client.models.delete(deleted);
    before.splice(before.indexOf(deleted), 1);
    await client.fineTuning.jobs.resume(id);
    await server.at.close();
    await start();
    // The run has gone on since, and kept newer ones: those that are listed answer.
    const listed = (await client.fineTuning.jobs.checkpoints.list(id)).data;
    const served = (await client.models.list()).data.map((model) => model.id);
    expect(served).not.toContain(deleted);
    expect(served).toEqual(expect.arrayContaining(listed.map((one) => one.fine_tuned_model_checkpoint)));
    expect((await client.models.list()).data.map((model) => model.id)).toEqual(expect.arrayContaining(before));
    expect((await until(id, isOver)).status).toBe('succeeded');
  },
);

test('a job that is cancelled stops, and its name goes to no model', { timeout: 60_000 }, async () => {
  const { id } = await longJob();
  const waiting = await longJob();
  await until(id, () => hasSteps(id, 2));
  // Its rows are checked while the other trains.
  const queued = await until(waiting.id, ({ status }) => status === 'queued');
  expect([startOf(queued), (await client.fineTuning.jobs.retrieve(id)).status]).toEqual([null, 'running']);
  expect((await client.fineTuning.jobs.cancel(waiting.id)).status).toBe('cancelled');
  const cancelled = await client.fineTuning.jobs.cancel(id);
  expect([cancelled.status, cancelled.fine_tuned_model]).toEqual(['cancelled', null]);
  const run = join(store, 'jobs', id, 'run');
  while (lockOwner(join(run, '.lock')) !== undefined) await new Promise((resolve) => setTimeout(resolve, 20));
  expect((await client.fineTuning.jobs.retrieve(id)).status).toBe('cancelled');
  expect((await client.fineTuning.jobs.retrieve(id)).estimated_finish).toBeNull();
  expect(existsSync(join(store, 'jobs', waiting.id, 'run'))).toBe(false);
});

test('held-out rows: their faults are told of them, and runs may end early by them', { timeout: 60_000 }, async () => {
  const training_file = await upload(preferenceRows(8));
  const wrong = await shortJob({ training_file, validation_file: await upload(`${preferenceRows(2, 8)}\n{"x": 1}`) });
  expect(wrong.error).toMatchObject({ code: 'invalid_validation_file', param: 'validation_file' });
  expect(wrong.error!.message).toContain('validation_file, line 3: ');
  const early = await shortJob({
    training_file,
    validation_file: await upload(preferenceRows(4, 8)),
    method: { type: 'dpo', preftune: { ...SHORT, earlyStoppingPatience: 2, loadBest: true } },
  });
  expect([early.status, early.error]).toEqual(['succeeded', null]);
  // What auto came to, as OpenAI shows it.
  expect(early.hyperparameters).toEqual({ n_epochs: 1, batch_size: 8, learning_rate_multiplier: 1, beta: 0.1 });
  // An adapter that is gone on with is as it was made.
  expect(
    await server.refusal({
      model: early.fine_tuned_model,
      training_file,
      method: { type: 'dpo', preftune: { 'lora.rank': 4 } },
    }),
  ).toEqual(['method.preftune.lora.rank', expect.stringContaining('has no effect with --adapter')]);
  // The bytes of an upload are gone when it is deleted and its jobs are over.
  expect(readdirSync(join(store, 'jobs', early.id)).toSorted()).toEqual(['job.json', 'run']);
  renameSync(join(folder.path, 'model'), join(folder.path, 'elsewhere'));
  const lost = await shortJob({ training_file });
  renameSync(join(folder.path, 'elsewhere'), join(folder.path, 'model'));
  expect(lost.error).toEqual({
    code: 'server_error',
    message: 'The model cannot be trained as the server has it; its log says why',
    param: 'model',
  });
  expect(server.at.notes.some((note) => note.startsWith(`${lost.id}: the model must be a folder`))).toBe(true);
});

test('a job that is cancelled while its models are put in leaves none behind', { timeout: 60_000 }, async () => {
  const { id } = await client.fineTuning.jobs.create({
    model: 'tiny',
    training_file: await upload(preferenceRows(8)),
    method: { type: 'dpo', preftune: { ...SHORT, checkpointSteps: 1 } },
  } as never);
  // Their rows are written before the models are loaded.
  for (let isThere = false; !isThere;) {
    isThere = (await server.at.ledger!.jobs.checkpoints(id, { limit: 1, order: 'asc' })).items.length > 0;
    expect((await server.at.ledger!.jobs.get(id))!.status).not.toBe('failed');
  }
  const { status } = await client.fineTuning.jobs.cancel(id);
  // A job behind it has ended only when it has.
  await shortJob({ training_file: await upload(preferenceRows(8, 1)) });
  const models = (await client.models.list()).data.map((model) => model.id);
  expect([status, models.filter((name) => name.includes(id.slice(-8)))]).toEqual(['cancelled', []]);
});

test('a store that cannot be written holds the queue up, not the server', { timeout: 60_000 }, async () => {
  const jobs = server.at.ledger!.jobs as { change: Ledger['jobs']['change'] };
  const { change } = jobs;
  jobs.change = () => Promise.reject(new Error('no space is left'));
  const { id } = await client.fineTuning.jobs.create({
    model: 'tiny',
    training_file: await upload(preferenceRows(8)),
    method: { type: 'dpo', preftune: SHORT },
  } as never);
  while (!server.at.notes.includes('jobs: no space is left; the queue goes on in 30 s'))
    await new Promise((resolve) => setTimeout(resolve, 10));
  jobs.change = change;
  expect((await client.fineTuning.jobs.retrieve(id)).status).toBe('validating_files');
  // Whatever comes next wakes the queue sooner.
  await shortJob({ training_file: await upload(preferenceRows(8, 1)) });
  expect((await until(id, isOver)).status).toBe('succeeded');
});
