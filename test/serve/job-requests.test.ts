import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type OpenAI from 'openai';
import { toFile } from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sweepFiles } from '../../src/serve/files/files-folder.ts';
import { openJobServer, preferenceRows, turn, type JobServer } from '../support/job-server.ts';
import type { TestServer } from '../support/server.ts';
import { temporaryFolder, writeTinyModel } from '../support/tiny-model.ts';

/** What requests for jobs and their files may be, and what is said of those that cannot be done. */
const folder = temporaryFolder();
const store = join(folder.path, 'store');
let server: JobServer;
let client: OpenAI;
let at: TestServer;
beforeAll(async () => {
  await writeTinyModel(join(folder.path, 'model'), { hidden: 16, layers: 1 });
  server = await openJobServer(join(folder.path, 'model'), store);
  ({ client, at } = server);
});
afterAll(async () => {
  await at.close();
  folder.remove();
});

const upload: JobServer['upload'] = (text, name) => server.upload(text, name);
const refusal: JobServer['refusal'] = (body) => server.refusal(body);

function weight(type: string, prompt_loss_weight: number): object {
  return { method: { type, [type]: { hyperparameters: { prompt_loss_weight } } } };
}

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
      dpo: { hyperparameters: { beta: -1 }, l2_multiplier: -0.1 },
      preftune: { nope: 1, method: 'full', output: '/tmp/x' },
    },
  });
  for (const part of [
    'suffix: must be letters',
    'integrations: are not done here',
    'method.dpo.l2_multiplier: must be at least 0, got -0.1',
    'method.preftune.method: must be lora',
    'method.preftune.output: is decided by the job',
    'nope',
    'beta',
  ])
    expect(message).toContain(part);
  expect(await refused({ method: { type: 'reinforcement', reinforcement: {} } })).toContain('method.type: must be dpo');
  expect(await refused(weight('supervised', 0.01))).toBe(
    '400 method.supervised.hyperparameters.prompt_loss_weight: must be 0, for answers alone, or 1, for prompts that count as much; got 0.01, and tokens are counted or not here, with no weight between',
  );
  expect(await refused(weight('dpo', 1))).toContain('prompt_loss_weight: has no effect with method.type dpo');
  expect(readdirSync(join(store, 'jobs'))).toEqual([]);
});

const cancelled: string[] = [];

/** What the command of a job is given. */
async function optionsOf(body: object): Promise<Record<string, unknown>> {
  const { id } = await client.fineTuning.jobs.create({ model: 'tiny', ...body } as never);
  const options = JSON.parse(readFileSync(join(store, 'jobs', id, 'job.json'), 'utf8')) as Record<string, unknown>;
  await client.fineTuning.jobs.cancel(id);
  const { data } = await client.fineTuning.jobs.listEvents(id);
  cancelled.push(id);
  return { ...options, warned: data.filter(({ level }) => level === 'warn').map(({ message }) => message) };
}

test("Azure's own samples are done as they are meant, or refused", async () => {
  const training_file = await upload(preferenceRows(8));
  expect(
    await optionsOf({
      training_file,
      method: { type: 'dpo', dpo: { beta: 0.2, l2_multiplier: 0.1 } },
      trainingType: 'developerTier',
    }),
  ).toMatchObject({
    beta: 0.2,
    'optimizer.weightDecay': 0.1,
    auto: true,
    warned: ['trainingType has no effect: jobs are trained by this server itself'],
  });
  const supervised = { type: 'supervised', supervised: { n_epochs: 2, prompt_loss_weight: 1 } };
  expect(await optionsOf({ training_file, method: supervised })).toMatchObject({ epochs: 2, loss: 'all', warned: [] });
  // As older clients write them: on top, and numbers as texts.
  expect(
    await optionsOf({ training_file, method: { type: 'dpo' }, n_epochs: '3', learning_rate_multiplier: '1e-1' }),
  ).toMatchObject({ epochs: 3, learningRate: 5e-6 });
  // One that is checked behind them ends behind them: what was cancelled while it was checked stays so, and its rows are gone.
  await server.done({ training_file: await upload('[', 'x.jsonl') });
  for (const id of cancelled) {
    const { status, error } = await client.fineTuning.jobs.retrieve(id);
    expect([status, error, readdirSync(join(store, 'jobs', id))]).toEqual(['cancelled', null, ['job.json']]);
  }
});

test('rows that people send to others: what is wrong with each is told with its line', async () => {
  const [user, answer] = [turn('user', 'q'), turn('assistant', 'a')];
  const pair = { input: { messages: user }, preferred_output: answer, non_preferred_output: turn('assistant', 'b') };
  const picture = { role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://a.b/c.png' } }] };
  const wrong: readonly (readonly [row: object, message: string])[] = [
    [{ ...pair, input: { messages: turn('human', 'q') } }, 'input.messages.0.role must be one of'],
    [{ ...pair, input: { messages: [picture] } }, 'pictures, videos and sound are not read'],
    [{ ...pair, preferred_output: turn('assistant', '') }, 'must not be empty'],
    [{ ...pair, preferred_output: [...answer, ...answer] }, 'two assistant turns'],
    [{ ...pair, preferred_output: user }, 'must open with an assistant turn'],
    [{ ...pair, non_preferred_output: answer }, 'must differ'],
    [{ ...pair, preferred_output: [{ ...answer[0], weight: 0 }] }, 'must have a turn that is learned'],
    [{ ...pair, non_preferred_output: undefined }, 'non_preferred_output must be a list of messages'],
    [{ ...pair, input: { messages: [...user, ...answer] } }, 'must end with a user or tool turn'],
    [{ messages: [...user, ...answer] }, 'all rows of a file must have one format'],
  ];
  const rows = [pair, ...wrong.map(([row]) => row)].map((row) => JSON.stringify(row));
  const job = await server.done({
    training_file: await upload(`\ufeff${rows.join('\r\n')}\r\n`, 'rows from windows.JSONL'),
    method: { type: 'dpo' },
  });
  const told = job.error!.message.split('\n');
  expect(told).toHaveLength(wrong.length);
  for (const [place, [, message]] of wrong.entries()) {
    expect(told[place]).toMatch(new RegExp(`^training_file, line ${place + 2}: `));
    expect(told[place]).toContain(message);
  }
  await expect(client.fineTuning.jobs.list({ after: 'ftjob-none' })).rejects.toMatchObject({ status: 400 });
});

test('what would fail after the training is refused before it, of the field that is to blame', async () => {
  const training_file = await upload(preferenceRows(8));
  expect(await refusal({ training_file, suffix: 'v1..2' })).toEqual([
    'suffix',
    '400 suffix: must be letters, digits and . _ - only, without two dots in a row',
  ]);
  expect(await refusal({ training_file, validation_file: await upload(preferenceRows(8), 'same.jsonl') })).toEqual([
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
