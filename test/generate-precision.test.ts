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
