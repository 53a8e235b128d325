import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeTinyModel, temporaryFolder } from '../../test/support/tiny-model.ts';
import type { TokenizedPair } from '../data/index.ts';
import { loraParameterSpecs, resolveTargets, type LoraConfig } from '../models/index.ts';
import { createRandom, elementCount } from '../core/index.ts';
import { pairMicroBatch } from './batches.ts';
import { openModelAndAdapter, type NamedModel } from './node/open-named.ts';
import { openPolicy, type OpenedPolicy } from './node/open-policy.ts';
import { sourceOf } from './place-model.ts';
import { hintsFor, compileBatchProgram } from './programs.ts';
import { scoringGraph, type ScoreStatistic, type ScoringOptions } from './scoring-graph.ts';

/** What is true of any scoring graph: answers are the sums and means of their tokens. */
const folder = temporaryFolder();
let named: NamedModel;
let policy: OpenedPolicy;

const PAIRS = [
  { id: 'a', prompt: Int32Array.of(1, 2, 3), chosen: Int32Array.of(4, 5, 6, 7), rejected: Int32Array.of(8, 9) },
  { id: 'b', prompt: Int32Array.of(7), chosen: Int32Array.of(1), rejected: Int32Array.of(2, 3, 4) },
] as unknown as TokenizedPair[];

beforeAll(async () => {
  const model = await writeTinyModel(join(folder.path, 'model'), { hidden: 16, layers: 2 });
  named = await openModelAndAdapter({ model });
  const { config } = named.opened;
  const targets = resolveTargets(config, ['all-linear']).map((path) => ({ path, rank: 2, scale: 1 }));
  const lora: LoraConfig = { dropout: 0, targets };
  const random = createRandom(1, 'adapter');
  const weights = new Map(
    loraParameterSpecs(config, lora).map(({ name, shape }) => {
      const data = Float32Array.from({ length: elementCount(shape) }, () => 0.3 * random.nextNormal());
      return [name, { dtype: 'float32', shape, data } as const];
    }),
  );
  policy = await openPolicy({ ...sourceOf(named), adapter: { lora, weights } }, { purpose: 'scoring', threads: 1 });
});
afterAll(async () => {
  await policy.dispose();
  await named.close();
  folder.remove();
});

async function values(options: ScoringOptions): Promise<Record<string, readonly number[]>> {
  const models = { decoder: policy.decoder, reference: policy.base };
  const program = await compileBatchProgram(
    policy.device,
    { evaluate: scoringGraph(models, options) },
    { label: 'test', hints: hintsFor(16, 8), resident: policy.resident },
  );
  await program.refresh();
  const outputs = await program.evaluate(pairMicroBatch(PAIRS).inputs);
  await program.dispose();
  return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, [...data].map(Number)]));
}

const STATISTICS = [
  'logps',
  'entropies',
  'meanLogits',
  'sharedLogps',
  'logCollision',
  'sequentialKl',
  'referenceLogps',
  'kls',
] as const satisfies readonly ScoreStatistic[];
const MEANS: readonly ScoreStatistic[] = ['entropies', 'meanLogits'];

it('the values of an answer are the sums, or means, of its tokens', async () => {
  const tokens = await values({ per: 'token', statistics: STATISTICS });
  const answers = await values({ per: 'answer', statistics: STATISTICS, width: 2 });
  expect(Object.keys(tokens)).toEqual([...STATISTICS]);
  expect(Object.keys(answers)).toEqual([...STATISTICS]);
  // Scored tokens stand answer by answer: 4, 2, 1, 3 of them.
  const bounds = [0, 4, 6, 7, 10];
  for (const name of STATISTICS) {
    expect(tokens[name]!.length).toBe(10);
    const expected = bounds.slice(1).map((end, i) => {
      const own = tokens[name]!.slice(bounds[i], end);
      return own.reduce((sum, value) => sum + value, 0) / (MEANS.includes(name) ? own.length : 1);
    });
    answers[name]!.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
  }
  // The second answer's two tokens are what both answers of the first pair share, the third's one what those of the second do.
  expect(answers['sharedLogps']![0]).toBeCloseTo(tokens['logps']![0]! + tokens['logps']![1]!, 5);
  expect(answers['sharedLogps']![1]).toBeCloseTo(answers['logps']![1]!, 5);
  expect(answers['kls']!.every((kl) => kl > 1e-3)).toBe(true);
});

it('only what is asked for is computed, and it is the same', async () => {
  const all = await values({ per: 'token', statistics: STATISTICS });
  const some = await values({ per: 'token', statistics: ['kls', 'logps'] });
  expect(Object.keys(some)).toEqual(['kls', 'logps']);
  some['logps']!.forEach((value, i) => expect(value).toBeCloseTo(all['logps']![i]!, 5));
  some['kls']!.forEach((value, i) => expect(value).toBeCloseTo(all['kls']![i]!, 5));
});

it('an answer that may be absent changes nothing where none is', async () => {
  const options = { per: 'answer', statistics: ['logps', 'entropies'], width: 2 } as const;
  expect(await values({ ...options, mayLack: true })).toEqual(await values(options));
});

it('statistics that compare need the reference', () => {
  expect(() => scoringGraph({ decoder: policy.decoder }, { per: 'token', statistics: ['sequentialKl'] })).toThrow(
    'objective: sequential KL needs the reference beside the policy; train a new adapter on the model itself, without --reference',
  );
  expect(() => scoringGraph({ decoder: policy.decoder }, { per: 'answer', statistics: ['logps'] })).toThrow(
    'internal: scores of answers must have a mean among them, got logps',
  );
});
