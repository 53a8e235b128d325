import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildCli } from '../support/built-cli.ts';
import { temporaryFolder, tinyPairs, writeTinyModel } from '../support/tiny-model.ts';

/** kill -9 of the server in the middle of a job: the training that is left over is found, and gone on with. */
const folder = temporaryFolder();
const store = join(folder.path, 'store');
let server: ChildProcess | undefined;
beforeAll(async () => {
  await writeTinyModel(join(folder.path, 'model'), { hidden: 16, layers: 1 });
});
afterAll(() => {
  server?.kill('SIGKILL');
  folder.remove();
});

async function start(): Promise<OpenAI> {
  const words = ['serve', '--model', join(folder.path, 'model'), '--served-model-name', 'tiny', '--port', '0'];
  const child = spawn(process.execPath, [buildCli(), ...words, '--store', store, '--job-threads', '1'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  server = child;
  let told = '';
  child.stderr.on('data', (data: Buffer) => (told += data.toString()));
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (data: Buffer) => {
      const found = /http:\/\/[\d.:]+\/v1/.exec(data.toString())?.[0];
      if (found !== undefined) resolve(found);
    });
    child.on('close', () => reject(new Error(told)));
  });
  return new OpenAI({ baseURL: url, apiKey: 'none', maxRetries: 0, timeout: 20_000 });
}

async function kill(): Promise<void> {
  const ended = new Promise((resolve) => server!.on('close', resolve));
  server!.kill('SIGKILL');
  await ended;
}

async function end(client: OpenAI, id: string): Promise<OpenAI.FineTuning.FineTuningJob> {
  for (;;) {
    const job = await client.fineTuning.jobs.retrieve(id);
    if (['failed', 'cancelled', 'succeeded'].includes(job.status)) return job;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test(
  'a server that is killed twice in a job gives the bytes of one that was left alone',
  { timeout: 180_000 },
  async () => {
    let client = await start();
    const rows = tinyPairs(40).map(({ prompt, chosen, rejected }) => JSON.stringify({ prompt, chosen, rejected }));
    const file = await client.files.create({
      file: await toFile(Buffer.from(rows.join('\n')), 'rows.jsonl'),
      purpose: 'fine-tune',
    });
    const create = (): Promise<OpenAI.FineTuning.FineTuningJob> =>
      client.fineTuning.jobs.create({
        model: 'tiny',
        training_file: file.id,
        seed: 5,
        method: {
          type: 'dpo',
          dpo: { hyperparameters: { n_epochs: 8, batch_size: 4 } },
          preftune: { checkpointSteps: 5, samples: 0 },
        } as never,
      });
    const alone = await create();
    expect((await end(client, alone.id)).status).toBe('succeeded');
    const { id } = await create();
    const run = join(store, 'jobs', id, 'run');
    for (const lines of [10, 35]) {
      const metrics = join(run, 'metrics.jsonl');
      while (!existsSync(metrics) || readFileSync(metrics, 'utf8').split('\n').length < lines)
        await new Promise((resolve) => setTimeout(resolve, 20));
      await kill();
      client = await start();
    }
    const done = await end(client, id);
    expect([done.status, done.error]).toEqual(['succeeded', null]);
    const weights = (job: string): Buffer =>
      readFileSync(join(store, 'jobs', job, 'run', 'adapter', 'adapter_model.safetensors'));
    expect(weights(id).equals(weights(alone.id))).toBe(true);
    // Every step is told once.
    const steps: number[] = [];
    for await (const { type, data } of client.fineTuning.jobs.listEvents(id, { limit: 100 }))
      if (type === 'metrics') steps.push((data as { step: number }).step);
    expect(steps.toReversed()).toEqual(Array.from({ length: 80 }, (_, place) => place + 1));
  },
);
