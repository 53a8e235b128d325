import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { vectorJacobian } from '../src/autodiff/index.ts';
import { float32Tensor, int32Tensor, type HostTensor } from '../src/core/index.ts';
import { packCompletions } from '../src/data/index.ts';
import { openModelFiles, openSafetensorsFile } from '../src/formats/index.ts';
import { graph, graphInputs, input, reduceSum, type Graph } from '../src/graph/index.ts';
import { interpret } from '../src/interpret/index.ts';
import {
  hiddenStates,
  logits,
  packedAttention,
  packedInputs,
  parameterSpecs,
  parseModelConfig,
  plainDecoder,
  tokenStatistics,
  weightInputs,
} from '../src/models/index.ts';
import { optimise } from '../src/passes/index.ts';

/**
 * The forward pass and gradients of every family against Transformers (test/fixtures/models/record.py): logits within 1e-4,
 * gradients within 1e-4 of the largest element, in the float64 interpreter, before and after every pass.
 */
const FIXTURES = join(import.meta.dirname, 'fixtures', 'models');

const FOLDERS = [
  'llama2',
  'llama3',
  'llama-rope-linear',
  'llama-rope-yarn',
  'llama-bias',
  'smollm2',
  'tinyllama',
  'mistral',
  'zephyr',
  'qwen2',
  'qwen2-sliding',
  'qwen2.5',
  'qwen3',
];

async function load(folder: string) {
  const files = await openModelFiles(join(FIXTURES, folder));
  const config = parseModelConfig(files.config);
  const weights: Record<string, HostTensor> = {};
  for (const { name, shape } of parameterSpecs(config))
    weights[name] = float32Tensor(shape, await files.checkpoint.readFloat32(name));
  const expected = await openSafetensorsFile(join(FIXTURES, folder, 'expected.safetensors'));
  const facts = JSON.parse(await readFile(join(FIXTURES, folder, 'expected.json'), 'utf8')) as {
    input_ids: number[][];
    loss: number;
  };
  const close = async (): Promise<void> => {
    await files.close();
    await expected.close();
  };
  return { config, weights, expected, facts, close };
}

function packedTensors(inputIds: readonly number[][]): Record<string, HostTensor> {
  const batch = packCompletions(
    inputIds.map((ids, i) => ({ id: String(i), prompt: Int32Array.from([]), completion: Int32Array.from(ids) })),
  );
  return {
    tokens: int32Tensor([batch.T], batch.tokens),
    positions: int32Tensor([batch.T], batch.positions),
    branches: int32Tensor([batch.T], batch.branches),
    parents: int32Tensor([batch.T], batch.parents),
    lossRows: int32Tensor([batch.U], batch.lossRows),
    predict: int32Tensor([batch.C], batch.predict),
    targets: int32Tensor([batch.C], batch.targets),
  };
}

function evaluate(source: Graph, inputs: Readonly<Record<string, HostTensor>>) {
  const names = new Set(graphInputs(source).map((node) => node.attributes.name));
  return interpret(source, Object.fromEntries(Object.entries(inputs).filter(([name]) => names.has(name))));
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}

describe.each(FOLDERS)('%s', (folder) => {
  it('gives the logits, log-probabilities and gradients of Transformers', async () => {
    const { config, weights, expected, facts, close } = await load(folder);
    const decoder = plainDecoder(config, weightInputs(config));
    const packed = packedInputs();
    const layout = { tokens: packed.tokens, positions: packed.positions, attend: packedAttention(config, packed) };
    const all = hiddenStates(decoder, layout);
    const scored = tokenStatistics(decoder, {
      hidden: hiddenStates(decoder, { ...layout, rows: input('lossRows', ['U'], 'int32') }),
      predict: input('predict', ['C'], 'int32'),
      targets: input('targets', ['C'], 'int32'),
    });
    const gradientNames = [...expected.entries.keys()]
      .filter((name) => name.startsWith('grad.'))
      .map((name) => name.slice(5));
    const wrt = gradientNames.map((name) => decoder.weights(name));
    const gradients = vectorJacobian([reduceSum(scored.logps)], [input('one', [])], wrt);
    const source = graph({
      logits: logits(decoder, all),
      logps: scored.logps,
      ...Object.fromEntries(gradientNames.map((name, i) => [name, gradients[i]!])),
    });
    const inputs = { ...weights, ...packedTensors(facts.input_ids), one: float32Tensor([], [1]) };
    const plain = evaluate(source, inputs);

    expect(largestDifference(plain['logits']!.data, await expected.readFloat32('logits'))).toBeLessThan(1e-4);
    expect(largestDifference(plain['logps']!.data, await expected.readFloat32('logps'))).toBeLessThan(1e-4);
    for (const name of gradientNames) {
      const reference = await expected.readFloat32(`grad.${name}`);
      const scale = Math.max(1, ...reference.map(Math.abs));
      expect(largestDifference(plain[name]!.data, reference) / scale, name).toBeLessThan(1e-4);
    }

    const { once, body } = optimise(source, {
      hints: { T: 512, C: 200, U: 200 },
      isInvariant: (name) => name in weights,
      recompute: { forwardOutputs: ['logits', 'logps'], budgetBytes: 0 },
    });
    const hoisted = evaluate(once, inputs);
    const rest = evaluate(body, { ...inputs, ...(hoisted as unknown as Record<string, HostTensor>) });
    for (const name of Object.keys(source.outputs)) {
      expect(largestDifference(rest[name]!.data, plain[name]!.data), `${name} after passes`).toBeLessThan(
        1e-9 * Math.max(1, ...plain[name]!.data.map(Math.abs)),
      );
    }
    await close();
  });
});
