import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lockOwner } from '../../src/files/index.ts';
import type { Ledger } from '../../src/ledger/index.ts';
import { sweepFiles } from '../../src/serve/files/files-folder.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { temporaryFolder, tinyPairs, writeTinyModel } from '../support/tiny-model.ts';

/** Fine-tuning jobs through OpenAI's client, with the real command in a process of its own. */
const folder = temporaryFolder();
const store = join(folder.path, 'store');
let at: TestServer;
let client: OpenAI;

async function start(): Promise<void> {
  at = await startTestServer({
    store,
    given: { model: join(folder.path, 'model'), servedModelName: 'tiny', jobThreads: 1 },
  });
  client = new OpenAI({ baseURL: at.baseURL, apiKey: 'none', maxRetries: 0, timeout: 20_000 });
}

beforeAll(async () => {
  await writeTinyModel(join(folder.path, 'model'), { hidden: 16, layers: 1 });
  await start();
});
afterAll(async () => {
  await at.close();
  folder.remove();
});

function turn(role: string, content: string): object[] {
  return [{ role, content }];
}

/** OpenAI's rows, with a byte order mark and a blank line at the end, as they come. */
function preferenceRows(count: number): string {
  const rows = tinyPairs(count).map(({ prompt, chosen, rejected }) => ({
    input: { messages: turn('user', prompt) },
    preferred_output: turn('assistant', chosen),
    non_preferred_output: turn('assistant', rejected),
  }));
  return `\ufeff${rows.map((row) => JSON.stringify(row)).join('\n')}\n\n`;
}

function rowsOf(count: number, from: number): string {
  return preferenceRows(count + from)
    .slice(1)
    .trim()
    .split('\n')
    .slice(from)
    .join('\n');
}

/** What a refusal says of the first field that is wrong, and whole. */
async function refusal(body: object): Promise<readonly [param: string | null | undefined, message: string]> {
  const thrown: unknown = await client.fineTuning.jobs
    .create({ model: 'tiny', method: { type: 'dpo' }, ...body } as never)
    .catch((error: unknown) => error);
  return thrown instanceof OpenAI.APIError ? [thrown.param, thrown.message] : [null, 'taken'];
}

const SHORT = { maxSteps: 2, samples: 0 };

async function shortJob(body: object): Promise<Job> {
  const { id } = await client.fineTuning.jobs.create({
    model: 'tiny',
    method: { type: 'dpo', preftune: SHORT },
    ...body,
  } as never);
  return until(id, isOver);
}

async function upload(text: string, name = 'rows.jsonl'): Promise<string> {
  const file = await client.files.create({ file: await toFile(Buffer.from(text), name), purpose: 'fine-tune' });
  expect(file.status).toBe('processed');
  return file.id;
}

type Job = OpenAI.FineTuning.FineTuningJob;

async function until(id: string, isThere: (job: Job) => boolean | Promise<boolean>): Promise<Job> {
  for (;;) {
    const job = await client.fineTuning.jobs.retrieve(id);
    if (await isThere(job)) return job;
    if (['failed', 'cancelled', 'succeeded'].includes(job.status))
      throw new Error(JSON.stringify(job.error ?? job.status));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const isOver = ({ status }: Job): boolean => ['failed', 'cancelled', 'succeeded'].includes(status);

async function hasSteps(id: string, count: number): Promise<boolean> {
  const { data } = await client.fineTuning.jobs.listEvents(id, { limit: 100 });
  return data.filter(({ type }) => type === 'metrics').length >= count;
}

/** A job that has more steps than anyone waits for. */
async function longJob(): Promise<Job> {
  return client.fineTuning.jobs.create({
    model: 'tiny',
    training_file: await upload(preferenceRows(40)),
    seed: 5,
    method: {
      type: 'dpo',
      dpo: { hyperparameters: { n_epochs: 16, batch_size: 4 } },
      preftune: { checkpointSteps: 5 },
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
      status: 'queued',
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
    const steps = events.filter(({ type, data }) => type === 'metrics' && 'train_loss' in (data as object));
    expect(steps.map(({ data }) => (data as { step: number }).step)).toEqual([6, 5, 4, 3, 2, 1]);
    const csv = await (await client.files.content(done.result_files[0]!)).text();
    expect(csv.split('\n')[0]).toMatch(/^step,train_loss,.*valid_loss/);
    expect(csv.trim().split('\n').length).toBeGreaterThanOrEqual(7);
    const { data: checkpoints } = await client.fineTuning.jobs.checkpoints.list(job.id);
    expect(checkpoints.map(({ step_number: step }) => step)).toContain(6);
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

test('what is wrong with a request is told whole', async () => {
  const training_file = await upload(preferenceRows(2));
  const refused = async (body: object): Promise<string> => {
    const error = await client.fineTuning.jobs
      .create({ model: 'tiny', training_file, ...body } as never)
      .catch((thrown: Error) => thrown);
    return error instanceof Error ? error.message : 'taken';
  };
  expect(await refused({ model: 'nope' })).toBe('404 The model "nope" does not exist here');
  expect(await refused({ training_file: 'file-x' })).toBe('400 training_file: file-x does not exist');
  const message = await refused({
    suffix: 'a b',
    integrations: [{ type: 'wandb', wandb: { project: 'x' } }],
    method: {
      type: 'dpo',
      dpo: { hyperparameters: { beta: -1 }, l2_multiplier: 0.1 },
      preftune: { nope: 1, method: 'full', output: '/tmp/x' },
    },
  });
  for (const part of [
    'suffix: must be letters',
    'integrations: are not done here',
    'method.dpo.l2_multiplier: is not done here',
    'method.preftune.method: must be lora',
    'method.preftune.output: is decided by the job',
    'nope',
    'beta',
  ])
    expect(message).toContain(part);
  expect(await refused({ method: { type: 'reinforcement', reinforcement: {} } })).toContain('method.type: must be dpo');
  expect(readdirSync(join(store, 'jobs')).length).toBeLessThan(3);
});

test('rows that are wrong fail the job, with their lines and without our folders', { timeout: 60_000 }, async () => {
  const training_file = await upload(`${preferenceRows(3).trim()}\n{"input": {"messages": []}}\nnot json\n`);
  const { id } = await client.fineTuning.jobs.create({ model: 'tiny', training_file, method: { type: 'dpo' } });
  const job = await until(id, isOver);
  expect(job).toMatchObject({ status: 'failed', error: { code: 'invalid_training_file', param: 'training_file' } });
  expect(job.error!.message).toContain('line 4');
  expect(job.error!.message).toContain('line 5');
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
    const { id } = await longJob();
    await until(id, () => hasSteps(id, 8));
    await at.close();
    await start();
    expect((await client.models.list()).data.map((model) => model.id)).toEqual(expect.arrayContaining(before));
    expect((await until(id, isOver)).status).toBe('succeeded');
  },
);

test('a job that is cancelled stops, and its name goes to no model', { timeout: 60_000 }, async () => {
  const { id } = await longJob();
  const waiting = await longJob();
  await until(id, () => hasSteps(id, 2));
  expect((await client.fineTuning.jobs.cancel(waiting.id)).status).toBe('cancelled');
  const cancelled = await client.fineTuning.jobs.cancel(id);
  expect([cancelled.status, cancelled.fine_tuned_model]).toEqual(['cancelled', null]);
  const run = join(store, 'jobs', id, 'run');
  while (lockOwner(join(run, '.lock')) !== undefined) await new Promise((resolve) => setTimeout(resolve, 20));
  expect((await client.fineTuning.jobs.retrieve(id)).status).toBe('cancelled');
  expect(existsSync(join(store, 'jobs', waiting.id, 'run'))).toBe(false);
});

test('what would fail after the training is refused before it, of the field that is to blame', async () => {
  const training_file = await upload(rowsOf(8, 0));
  expect(await refusal({ training_file, suffix: 'v1..2' })).toEqual([
    'suffix',
    '400 suffix: must be letters, digits and . _ - only, without two dots in a row',
  ]);
  expect(await refusal({ training_file, validation_file: await upload(rowsOf(8, 0), 'same.jsonl') })).toEqual([
    'validation_file',
    '400 validation_file: must have other rows than training_file, got the same file',
  ]);
  const place = 'method.dpo.hyperparameters';
  for (const [name, value, message] of [
    ['n_epochs', 0, 'must be above 0, got 0'],
    ['batch_size', 2.5, 'must be a whole number, got 2.5'],
    ['learning_rate_multiplier', -1, 'must be above 0'],
    ['beta', 0, 'must be a number above 0, got 0'],
  ] as const) {
    const method = { type: 'dpo', dpo: { hyperparameters: { [name]: value } } };
    expect(await refusal({ training_file, method })).toEqual([`${place}.${name}`, `400 ${place}.${name}: ${message}`]);
  }
  const method = { type: 'dpo', dpo: { hyperparameters: { n_epochs: 2 } }, preftune: { epochs: 3 } };
  expect(await refusal({ training_file, method })).toEqual([
    `${place}.n_epochs`,
    `400 ${place}.n_epochs: says the same as the option epochs; leave one of them out`,
  ]);
  const expired = await upload('{"a": 1}');
  const record = await at.ledger!.files.get(expired);
  await at.ledger!.files.remove(expired);
  await at.ledger!.files.add({ ...record!, expiresAt: 1 });
  expect(await refusal({ training_file: expired })).toEqual([
    'training_file',
    `400 training_file: ${expired} does not exist`,
  ]);
  expect((await client.files.list()).data.map(({ id }) => id)).not.toContain(expired);
  await sweepFiles(at.ledger!);
  expect(existsSync(join(store, 'files', expired))).toBe(false);
  expect(existsSync(join(store, 'files', training_file))).toBe(true);
});

test('held-out rows: their faults are told of them, and runs may end early by them', { timeout: 60_000 }, async () => {
  const training_file = await upload(rowsOf(8, 0));
  const wrong = await shortJob({ training_file, validation_file: await upload(`${rowsOf(2, 8)}\n{"x": 1}`) });
  expect(wrong.error).toMatchObject({ code: 'invalid_validation_file', param: 'validation_file' });
  expect(wrong.error!.message).toContain('validation_file, line 3: ');
  const early = await shortJob({
    training_file,
    validation_file: await upload(rowsOf(4, 8)),
    method: { type: 'dpo', preftune: { ...SHORT, earlyStoppingPatience: 2, loadBest: true } },
  });
  expect([early.status, early.error]).toEqual(['succeeded', null]);
  // What auto came to, as OpenAI shows it.
  expect(early.hyperparameters).toEqual({ n_epochs: 1, batch_size: 8, learning_rate_multiplier: 1, beta: 0.1 });
  // An adapter that is gone on with is as it was made.
  expect(
    await refusal({
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
  expect(at.notes.some((note) => note.startsWith(`${lost.id}: the model must be a folder`))).toBe(true);
});

test('a job that is cancelled while its models are put in leaves none behind', { timeout: 60_000 }, async () => {
  const { id } = await client.fineTuning.jobs.create({
    model: 'tiny',
    training_file: await upload(rowsOf(8, 0)),
    method: { type: 'dpo', preftune: { ...SHORT, checkpointSteps: 1 } },
  } as never);
  // Their rows are written before the models are loaded.
  for (let isThere = false; !isThere;) {
    isThere = (await at.ledger!.jobs.checkpoints(id, { limit: 1, order: 'asc' })).items.length > 0;
    expect((await at.ledger!.jobs.get(id))!.status).not.toBe('failed');
  }
  const { status } = await client.fineTuning.jobs.cancel(id);
  // A job behind it has ended only when it has.
  await shortJob({ training_file: await upload(rowsOf(8, 1)) });
  const models = (await client.models.list()).data.map((model) => model.id);
  expect([status, models.filter((name) => name.includes(id.slice(-8)))]).toEqual(['cancelled', []]);
});

test('a store that cannot be written holds the queue up, not the server', { timeout: 60_000 }, async () => {
  const jobs = at.ledger!.jobs as { change: Ledger['jobs']['change'] };
  const { change } = jobs;
  jobs.change = () => Promise.reject(new Error('no space is left'));
  const { id } = await client.fineTuning.jobs.create({
    model: 'tiny',
    training_file: await upload(rowsOf(8, 0)),
    method: { type: 'dpo', preftune: SHORT },
  } as never);
  while (!at.notes.includes('jobs: no space is left; the queue goes on in 30 s'))
    await new Promise((resolve) => setTimeout(resolve, 10));
  jobs.change = change;
  expect((await client.fineTuning.jobs.retrieve(id)).status).toBe('queued');
  // Whatever comes next wakes the queue sooner.
  await shortJob({ training_file: await upload(rowsOf(8, 1)) });
  expect((await until(id, isOver)).status).toBe('succeeded');
});

test('files: pages, contents, expiry, and what is no upload', async () => {
  const id = await upload('{"a": 1}\n', '../../evil name.jsonl');
  const file = await client.files.retrieve(id);
  expect([file.filename, file.bytes, file.purpose]).toEqual(['evil name.jsonl', 9, 'fine-tune']);
  expect(await (await client.files.content(id)).text()).toBe('{"a": 1}\n');
  const listed = [];
  for await (const one of client.files.list({ limit: 2, order: 'asc' })) listed.push(one.id);
  expect(listed.at(-1)).toBe(id);
  expect(new Set(listed).size).toBe(listed.length);
  const expiring = await client.files.create({
    file: await toFile(Buffer.from('x'), 'x.jsonl'),
    purpose: 'fine-tune',
    expires_after: { anchor: 'created_at', seconds: 3600 },
  });
  expect(expiring.expires_at).toBe(expiring.created_at + 3600);
  const wrong = async (form: FormData): Promise<[number, string]> => {
    const answer = await fetch(`${at.baseURL}/files`, { method: 'POST', body: form });
    return [answer.status, ((await answer.json()) as { error: { message: string } }).error.message];
  };
  const form = new FormData();
  form.set('file', new Blob(['x']), 'x.jsonl');
  expect(await wrong(form)).toEqual([400, 'purpose: must be fine-tune, got none']);
  const none = new FormData();
  none.set('purpose', 'fine-tune');
  expect(await wrong(none)).toEqual([400, 'file: must be given as a part of the form']);
  const empty = new FormData();
  empty.set('purpose', 'fine-tune');
  empty.set('file', new Blob([]), 'x.jsonl');
  expect(await wrong(empty)).toEqual([400, 'file: must not be empty']);
  const cut = await fetch(`${at.baseURL}/files`, {
    method: 'POST',
    body: '--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nabc',
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
  });
  expect(cut.status).toBe(400);
  expect(await client.files.delete(id)).toEqual({ id, object: 'file', deleted: true });
  await expect(client.files.retrieve(id)).rejects.toMatchObject({ status: 404 });
  // Nothing is left of what was refused, and nothing unfinished.
  const kept = new Set((await client.files.list()).data.map((one) => one.id));
  expect(readdirSync(join(store, 'files')).filter((name) => !kept.has(name))).toEqual([]);
});
