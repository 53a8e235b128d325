import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodePrompt, openGenerator } from '../src/generate/index.ts';
import { failureOf, runDpo } from './support/training.ts';
import { temporaryFolder, tinyPairs, writeRows } from './support/tiny-model.ts';

/** Answers of the embedded model with its base in float32, int8 and 4 bits, with an adapter and without. */
const folder = temporaryFolder();
const MODEL = join(import.meta.dirname, '..', 'assets', 'embedded-model');
const QUESTION = { id: '1', content: 'Why is the sky blue?' };
const LENGTH = 12;

async function train(name: string, lora: Readonly<Record<string, unknown>>): Promise<string> {
  const output = join(folder.path, name);
  const data = writeRows(join(folder.path, `${name}.jsonl`), tinyPairs(4));
  const settings = { batchSize: 4, epochs: 4, learningRate: 1e-2, threads: 2, lora: { rank: 4, ...lora } };
  await runDpo({ model: MODEL, data, output, ...settings }, { folder: folder.path });
  return join(output, 'adapter');
}

/** The log-probabilities of the tokens that float32 chooses, under a base, each after the same text. */
async function answer(basePrecision: 'float32' | 'int8' | 'int4', adapter?: string) {
  const generator = await openGenerator({ model: MODEL, adapter, basePrecision, threads: 2 });
  try {
    const prompt = encodePrompt(generator.tokenizer, QUESTION, {});
    const [answered] = await generator.generate([prompt], { maxNewTokens: LENGTH, topLogps: 1 });
    return { ids: answered!.ids, first: answered!.logps![0]!.logp };
  } finally {
    await generator.dispose();
  }
}

let adapter: string;

beforeAll(async () => {
  adapter = await train('lora', {});
});
afterAll(folder.remove);

test('int8 gives the answer of float32, with log-probabilities that differ a little', async () => {
  const [exact, int8, int4] = [await answer('float32'), await answer('int8'), await answer('int4')];
  expect(exact.ids.length).toBeGreaterThan(5);
  expect(int8.ids).toEqual(exact.ids);
  const [small, larger] = [Math.abs(int8.first - exact.first), Math.abs(int4.first - exact.first)];
  expect(small).toBeGreaterThan(0);
  expect(small).toBeLessThan(0.05);
  expect(larger).toBeLessThan(1);
});

test('an adapter is computed beside the compact matrices', async () => {
  const [plain, exact, int8] = [
    await answer('float32'),
    await answer('float32', adapter),
    await answer('int8', adapter),
  ];
  expect(Math.abs(exact.first - plain.first)).toBeGreaterThan(0.01);
  expect(int8.first).not.toBe(exact.first);
  expect(Math.abs(int8.first - exact.first)).toBeLessThan(0.1);
});

test('an adapter that reads whole matrices is refused by name, and so is float16', async () => {
  const [dora, head] = [await train('dora', { variant: 'dora' }), await train('head', { targets: ['lm_head'] })];
  expect((await failureOf(() => answer('int8', dora))).messages.join()).toContain(
    'the base must be in float32 under an adapter with magnitudes (DoRA), which reads whole matrices; leave out --base-precision',
  );
  expect((await failureOf(() => answer('int8', head))).messages.join()).toContain(
    'under an adapter with lm_head, which',
  );
  const float16 = await failureOf(() => openGenerator({ model: MODEL, basePrecision: 'float16' as never }));
  expect(float16.messages.join()).toContain(
    'loadModel: the base must be in float32, int8 or int4 to decode, got float16',
  );
});

test('several adapters answer in one run, each prompt with the one that it names', async () => {
  const other = await train('other', { rank: 2 });
  const names = [undefined, 'first', 'second', 'first', undefined];
  const folders = new Map([
    ['first', adapter],
    ['second', other],
  ]);
  const together = await openGenerator({ model: MODEL, adapters: folders, threads: 2 });
  const prompts = names.map((_, i) =>
    encodePrompt(together.tokenizer, { id: '1', content: 'What is a comet? '.repeat(1 + i).trim() }, {}),
  );
  const options = { maxNewTokens: LENGTH, topLogps: 0 };
  const answers = await together.generate(prompts, { ...options, adapters: names });
  await together.dispose();
  for (const name of [undefined, 'first', 'second']) {
    const alone = await openGenerator({ model: MODEL, adapter: name && folders.get(name), threads: 2 });
    const own = await alone.generate(prompts, options);
    await alone.dispose();
    for (const [i, { ids, logps }] of answers.entries()) {
      const difference = Math.max(...logps!.map(({ logp }, at) => Math.abs(logp - (own[i]!.logps![at]?.logp ?? 0))));
      if (names[i] === name) expect([ids, difference < 1e-4]).toEqual([own[i]!.ids, true]);
      // What another adapter says is another thing.
      else expect(difference).toBeGreaterThan(1e-3);
    }
  }
});
