import { expect } from 'vitest';
import { vectorJacobian } from '../../src/autodiff/index.ts';
import { createRandom, float32Tensor, int32Tensor, type HostTensor } from '../../src/core/index.ts';
import type { TokenizedPair } from '../../src/data/index.ts';
import { stepGraph } from '../../src/generate/step-graph.ts';
import { stepLayout } from '../../src/generate/step-layout.ts';
import { graph, input, reduceSum, type Graph } from '../../src/graph/index.ts';
import { interpret } from '../../src/interpret/index.ts';
import {
  hiddenStates,
  klsFromReference,
  logCollisions,
  logits,
  loraNames,
  loraParameterSpecs,
  moduleShape,
  moduleWeightName,
  packedAttention,
  packedInputs,
  parameterSpecs,
  plainDecoder,
  resolveTargets,
  tokenStatistics,
  withLora,
  type Decoder,
  type ModelConfig,
} from '../../src/models/index.ts';
import { optimise } from '../../src/passes/index.ts';
import { pairMicroBatch, pairScoreGraph } from '../../src/policy/index.ts';
import { inputsOf, largestDifference } from './model-fixtures.ts';
import { logpOf, referenceLogits, type ReferenceWeights } from './reference-decoder.ts';

/**
 * What every model must hold, whatever its family: checked in the float64 interpreter on random weights, against plain loops
 * (reference-decoder.ts). Models should be tiny: hidden 8 or so.
 */

/** Float64 against float64, with different orders of summation. */
const TOLERANCE = 1e-9;

type Weights = Readonly<Record<string, HostTensor<'float32'>>>;

/** Weights at which everything matters: norms around 1 (around 0 where 1 is added), the rest of size 0.5. */
export function randomWeights(config: ModelConfig, seed = 1): Weights {
  return Object.fromEntries(
    parameterSpecs(config).map(({ name, shape }) => {
      const random = createRandom(seed, name);
      const start = name.endsWith('norm.weight') ? 1 - config.normOffset : 0;
      const values = Array.from(
        { length: shape.reduce((size, dim) => size * dim, 1) },
        () => start + 0.5 * random.nextNormal(),
      );
      return [name, float32Tensor(shape, values)];
    }),
  );
}

function plainValues(weights: Weights): Record<string, ArrayLike<number>> {
  return Object.fromEntries(Object.entries(weights).map(([name, { data }]) => [name, data]));
}

export function randomIds({ vocabularySize }: ModelConfig, count: number, seed = 1): number[] {
  const random = createRandom(seed, 'ids');
  return Array.from({ length: count }, () => random.nextInt(vocabularySize));
}

/** One sequence as a packed batch that scores each id but the first. */
function sequenceInputs(ids: readonly number[]): Record<string, HostTensor> {
  const places = ids.map((_, i) => i);
  const zeros = ids.map(() => 0);
  const before = places.slice(0, -1);
  return {
    tokens: int32Tensor([ids.length], ids),
    positions: int32Tensor([ids.length], places),
    branches: int32Tensor([ids.length], zeros),
    parents: int32Tensor([ids.length], zeros),
    predict: int32Tensor([before.length], before),
    targets: int32Tensor([before.length], ids.slice(1)),
  };
}

function statesOf(decoder: Decoder) {
  const packed = packedInputs();
  const layout = {
    tokens: packed.tokens,
    positions: packed.positions,
    attend: packedAttention(decoder.config, packed),
  };
  return hiddenStates(decoder, layout);
}

const scored = () => ({ predict: input('predict', ['C'], 'int32'), targets: input('targets', ['C'], 'int32') });

function run(source: Graph, inputs: Readonly<Record<string, HostTensor>>) {
  return interpret(source, inputsOf(source, inputs));
}

function expectNear(actual: ArrayLike<number>, expected: readonly number[], what: string): void {
  expect(largestDifference(actual, expected), what).toBeLessThan(TOLERANCE * Math.max(1, ...expected.map(Math.abs)));
}

function total(row: readonly number[], of: (logp: number) => number): number {
  return row.reduce((sum, logp) => sum + of(logp), 0);
}

/** Scores, log-probabilities, entropies, mean scores and collisions of a sequence, before and after the passes. */
export function checkForward(config: ModelConfig): void {
  const decoder = plainDecoder(config);
  const scoredTokens = { hidden: statesOf(decoder), ...scored() };
  const source = graph({
    scores: logits(decoder, scoredTokens.hidden),
    ...tokenStatistics(decoder, scoredTokens),
    collisions: logCollisions(decoder, scoredTokens),
  });
  const [weights, ids] = [randomWeights(config), randomIds(config, 9)];
  const scores = referenceLogits(config, plainValues(weights), ids);
  const rows = scores.slice(0, -1).map((row) => row.map((_, id) => logpOf(row, id)));
  const expected: Record<string, number[]> = {
    scores: scores.flat(),
    logps: rows.map((row, i) => row[ids[i + 1]!]!),
    entropies: rows.map((row) => -total(row, (logp) => Math.exp(logp) * logp)),
    meanLogits: scores.slice(0, -1).map((row) => row.reduce((sum, one) => sum + one, 0) / row.length),
    collisions: rows.map((row) => Math.log(total(row, (logp) => Math.exp(2 * logp)))),
  };
  const { body } = optimise(source, { hints: { T: 9, C: 8 } });
  for (const [label, one] of Object.entries({ traced: source, optimised: body })) {
    const outputs = run(one, { ...weights, ...sequenceInputs(ids) });
    for (const [name, values] of Object.entries(expected)) expectNear(outputs[name]!.data, values, `${label} ${name}`);
  }
}

/** KL from a reference of other weights under one head, and no gradient to it. */
export function checkKls(config: ModelConfig): void {
  const decoder = plainDecoder(config);
  const hidden = input('hidden', ['U', config.hiddenSize]);
  const referenceHidden = input('referenceHidden', ['U', config.hiddenSize]);
  const predict = input('predict', ['C'], 'int32');
  const kls = klsFromReference(decoder, { hidden, referenceHidden, predict });
  const scores = { own: logits(decoder, hidden), others: logits(decoder, referenceHidden) };
  const random = createRandom(3, 'states');
  const states = (): HostTensor =>
    float32Tensor(
      [3, config.hiddenSize],
      Array.from({ length: 3 * config.hiddenSize }, () => random.nextNormal()),
    );
  const inputs = { hidden: states(), referenceHidden: states(), predict: int32Tensor([3], [0, 1, 2]) };
  const outputs = run(graph({ kls, ...scores }), { ...randomWeights(config), ...inputs });
  const V = config.vocabularySize;
  const rowsOf = (name: string): number[][] =>
    [0, 1, 2].map((row) => Array.from(outputs[name]!.data.slice(row * V, (row + 1) * V)));
  const expected = rowsOf('others').map((others, row) => {
    const own = rowsOf('own')[row]!;
    return others.reduce(
      (sum, _, id) => sum + Math.exp(logpOf(others, id)) * (logpOf(others, id) - logpOf(own, id)),
      0,
    );
  });
  expectNear(outputs['kls']!.data, expected, 'KL');
}

/** The gradient of the sum of log-probabilities along a random direction of each weight, against central differences of the plain loops. */
export function checkGradients(config: ModelConfig): void {
  const decoder = plainDecoder(config);
  const statistics = tokenStatistics(decoder, { hidden: statesOf(decoder), ...scored() });
  const names = parameterSpecs(config).map(({ name }) => name);
  const gradients = vectorJacobian([reduceSum(statistics.logps)], [input('one', [])], names.map(decoder.weights));
  const source = graph(Object.fromEntries(names.map((name, i) => [name, gradients[i]!])));
  const [weights, ids] = [randomWeights(config), randomIds(config, 6)];
  const outputs = run(source, { ...weights, ...sequenceInputs(ids), one: float32Tensor([], [1]) });
  const values = plainValues(weights);
  const loss = (changed: ReferenceWeights): number => {
    const scores = referenceLogits(config, changed, ids);
    return ids.slice(1).reduce((sum, id, i) => sum + logpOf(scores[i]!, id), 0);
  };
  for (const name of names) {
    const random = createRandom(4, name);
    const drawn = Array.from(values[name]!, () => random.nextNormal());
    const length = Math.hypot(...drawn);
    const direction = drawn.map((one) => one / length);
    const moved = (step: number): number =>
      loss({ ...values, [name]: direction.map((one, i) => values[name]![i]! + step * one) });
    const step = 2e-5;
    const expected = (moved(step) - moved(-step)) / (2 * step);
    const actual = direction.reduce((sum, one, i) => sum + one * outputs[name]!.data[i]!, 0);
    expect(Math.abs(actual - expected) / Math.max(1, Math.abs(expected)), name).toBeLessThan(1e-6);
  }
}

/** Answers packed behind one prompt, among other pairs, have the log-probabilities of sequences of their own. */
export function checkPacked(config: ModelConfig): void {
  const ids = (count: number, seed: number): Int32Array<ArrayBuffer> => Int32Array.from(randomIds(config, count, seed));
  const pairs: TokenizedPair[] = [
    { id: 'long', prompt: ids(6, 1), chosen: ids(5, 2), rejected: ids(2, 3) },
    { id: 'prompts differ', prompt: ids(3, 4), chosen: ids(1, 5), rejected: ids(4, 6), rejectedPrompt: ids(5, 7) },
  ];
  const weights = randomWeights(config);
  const values = plainValues(weights);
  const expected = pairs.flatMap(({ prompt, chosen, rejected, rejectedPrompt = prompt }) =>
    [[prompt, chosen] as const, [rejectedPrompt, rejected] as const].map(([before, answer]) => {
      const scores = referenceLogits(config, values, [...before, ...answer]);
      return Array.from(answer).reduce((sum, id, i) => sum + logpOf(scores[before.length + i - 1]!, id), 0);
    }),
  );
  const source = pairScoreGraph(plainDecoder(config));
  const { logps } = run(source, { ...weights, ...pairMicroBatch(pairs).inputs });
  expectNear(logps!.data, expected, 'packed pairs');
}

/** Two rows that are read in steps of several lengths over a cache have the scores of their last tokens read at once. */
export function checkCached(config: ModelConfig): void {
  const source = stepGraph(plainDecoder(config));
  const weights = randomWeights(config);
  const rows = [randomIds(config, 9, 1), randomIds(config, 7, 2)];
  const shape = [rows.length, config.keyValueHeads, 10, config.headSize];
  const size = shape.reduce((product, dim) => product * dim, 1);
  // The cache stays in float64, so that the steps add no rounding.
  const cache: Record<string, { dtype: 'float64'; shape: readonly number[]; data: Float64Array }> = {};
  for (let layer = 0; layer < config.layers; layer++)
    for (const part of ['k', 'v'])
      cache[`cache/${layer}/${part}`] = { dtype: 'float64', shape, data: new Float64Array(size) };
  const expected = rows.map((ids) => referenceLogits(config, plainValues(weights), ids));
  const steps = [
    [
      [0, 5],
      [0, 3],
    ],
    [
      [5, 1],
      [3, 1],
    ],
    [[6, 3], undefined],
    [undefined, [4, 3]],
  ] as const;
  for (const step of steps) {
    const news = step.flatMap((part, row) =>
      part === undefined ? [] : [{ row, start: part[0], ids: rows[row]!.slice(part[0], part[0] + part[1]) }],
    );
    const layout = stepLayout(news, { rows: rows.length, keyValueHeads: config.keyValueHeads });
    const { scores, ...updated } = interpret(source, { ...inputsOf(source, { ...weights, ...layout }), ...cache });
    for (const [name, { data }] of Object.entries(updated))
      cache[name] = { dtype: 'float64', shape, data: Float64Array.from(data) };
    const last = news.flatMap(({ row, start, ids }) => [...expected[row]![start + ids.length - 1]!]);
    expectNear(scores!.data, last, `step from ${news[0]!.start}`);
  }
}

/** Every module that can be adapted: beside the weights or inside them, an adapter is W + scale B A. */
export function checkAdapters(config: ModelConfig): void {
  const outside = config.tiedHead ? [] : ['embed_tokens', 'lm_head'];
  const paths = resolveTargets(config, ['all-linear', ...outside]);
  const shapes = new Map(parameterSpecs(config).map(({ name, shape }) => [name, shape]));
  const matrices = [...shapes].filter(([, shape]) => shape.length === 2).map(([name]) => name);
  const adapted = paths.map((path) => moduleWeightName(config, path));
  expect(config.tiedHead ? [...adapted, 'model.embed_tokens.weight'].toSorted() : adapted.toSorted()).toEqual(
    matrices.toSorted(),
  );
  const lora = { dropout: 0, targets: paths.map((path) => ({ path, rank: 2, scale: 0.5 })) };
  const weights = randomWeights(config);
  const factors = Object.fromEntries(
    loraParameterSpecs(config, lora).map(({ name, shape }) => {
      const random = createRandom(5, name);
      const count = shape.reduce((size, dim) => size * dim, 1);
      return [
        name,
        float32Tensor(
          shape,
          Array.from({ length: count }, () => 0.4 * random.nextNormal()),
        ),
      ];
    }),
  );
  const merged: Record<string, ArrayLike<number>> = plainValues(weights);
  for (const path of paths) merged[moduleWeightName(config, path)] = mergedWeight(config, path, { weights, factors });
  const ids = randomIds(config, 6);
  const expected = referenceLogits(config, merged, ids).flat();
  for (const way of ['separate', 'sum'] as const) {
    const decoder = withLora(plainDecoder(config), lora, { path: way });
    const source = graph({ scores: logits(decoder, statesOf(decoder)) });
    const { scores } = run(source, { ...weights, ...factors, ...sequenceInputs(ids) });
    expectNear(scores!.data, expected, way);
  }
}

/** W + 0.5 B A; of the embedding, whose module is its transpose, W + 0.5 (B A)^T. */
function mergedWeight(
  config: ModelConfig,
  path: string,
  { weights, factors }: { readonly weights: Weights; readonly factors: Weights },
): number[] {
  const [out, into] = moduleShape(config, path);
  const names = loraNames(path);
  const [A, B] = [factors[names.a]!.data, factors[names.b]!.data];
  const isTransposed = path === 'model.embed_tokens';
  return Array.from(weights[moduleWeightName(config, path)]!.data, (value, at) => {
    const [row, column] = isTransposed ? [at % out, Math.floor(at / out)] : [Math.floor(at / into), at % into];
    return value + 0.5 * (B[row * 2]! * A[column]! + B[row * 2 + 1]! * A[into + column]!);
  });
}
