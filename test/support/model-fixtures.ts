import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { vectorJacobian } from '../../src/autodiff/index.ts';
import { float32Tensor, type HostTensor } from '../../src/core/index.ts';
import { openModelFiles, openSafetensorsFile } from '../../src/formats/index.ts';
import { graph, graphInputs, input, reduceSum, type Graph } from '../../src/graph/index.ts';
import {
  hiddenStates,
  logits,
  packedAttention,
  packedInputs,
  parameterSpecs,
  parseModelConfig,
  plainDecoder,
  tokenStatistics,
} from '../../src/models/index.ts';
import { completionMicroBatch } from '../../src/policy/index.ts';
import { FAMILY_CASES } from './family-cases.ts';

/** Tiny random models of every family with what Transformers computes for them: test/fixtures/models/record.py. */
const FIXTURES = join(import.meta.dirname, '..', 'fixtures', 'models');

/** Every recording but llama-rope-dynamic, which is recorded beyond its positions, and which preftune refuses there. */
export const MODEL_FIXTURES = Object.values(FAMILY_CASES)
  .flatMap(({ recordings }) => recordings)
  .filter((name) => name !== 'llama-rope-dynamic');

export interface ModelFixture {
  /** Outputs logits [T, V], logps [C], and for each recorded gradient the weight's name: of the sum of all logps. */
  readonly source: Graph;
  /** Every input of `source`, weights included. */
  readonly inputs: Readonly<Record<string, HostTensor>>;
  /** What Transformers computed, by the outputs' names. */
  readonly expected: Readonly<Record<string, Float32Array>>;
}

export async function loadModelFixture(folder: string): Promise<ModelFixture> {
  const files = await openModelFiles(join(FIXTURES, folder));
  const config = parseModelConfig(files.config);
  const weights: Record<string, HostTensor> = {};
  for (const { name, shape } of parameterSpecs(config))
    weights[name] = float32Tensor(shape, await files.checkpoint.readFloat32(name));
  await files.close();
  const recorded = await openSafetensorsFile(join(FIXTURES, folder, 'expected.safetensors'));
  const gradientNames = [...recorded.entries.keys()]
    .filter((name) => name.startsWith('grad.'))
    .map((name) => name.slice(5));
  const expected: Record<string, Float32Array> = {};
  for (const name of ['logits', 'logps']) expected[name] = await recorded.readFloat32(name);
  for (const name of gradientNames) expected[name] = await recorded.readFloat32(`grad.${name}`);
  await recorded.close();

  const decoder = plainDecoder(config);
  const packed = packedInputs();
  const layout = { tokens: packed.tokens, positions: packed.positions, attend: packedAttention(config, packed) };
  const scored = tokenStatistics(decoder, {
    hidden: hiddenStates(decoder, { ...layout, rows: input('lossRows', ['U'], 'int32') }),
    predict: input('predict', ['C'], 'int32'),
    targets: input('targets', ['C'], 'int32'),
  });
  const wrt = gradientNames.map((name) => decoder.weights(name));
  const gradients = vectorJacobian([reduceSum(scored.logps)], [input('one', [])], wrt);
  const source = graph({
    logits: logits(decoder, hiddenStates(decoder, layout)),
    logps: scored.logps,
    ...Object.fromEntries(gradientNames.map((name, i) => [name, gradients[i]!])),
  });

  const facts = JSON.parse(await readFile(join(FIXTURES, folder, 'expected.json'), 'utf8')) as {
    input_ids: number[][];
  };
  const rows = facts.input_ids.map((ids, i) => ({
    id: String(i),
    prompt: new Int32Array(0),
    completion: Int32Array.from(ids),
  }));
  const batch = completionMicroBatch(rows, false).inputs;
  const inputs = inputsOf(source, { ...weights, ...batch, one: float32Tensor([], [1]) });
  return { source, inputs, expected };
}

/** Those of `given` that a graph has as inputs. */
export function inputsOf<T>(source: Graph, given: Readonly<Record<string, T>>): Record<string, T> {
  const names = new Set(graphInputs(source).map((node) => node.attributes.name));
  return Object.fromEntries(Object.entries(given).filter(([name]) => names.has(name)));
}

/** The largest |a - b|, infinite where one is not a number. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return Number.isNaN(largest) ? Infinity : largest;
}

/** The largest |a - b| of logits and log-probabilities; of a gradient relative to its largest element, at least 1. */
export function fixtureError(name: string, values: ArrayLike<number>, { expected }: ModelFixture): number {
  const scale = name === 'logits' || name === 'logps' ? 1 : Math.max(1, ...expected[name]!.map(Math.abs));
  return largestDifference(values, expected[name]!) / scale;
}
