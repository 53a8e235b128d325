import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { vectorJacobian } from '../autodiff/index.ts';
import { createRandom, float32Tensor, type HostTensor } from '../core/index.ts';
import type { TokenizedCompletion, TokenizedPair } from '../data/index.ts';
import { openModelFiles } from '../formats/index.ts';
import { graph, graphInputs, input, reduceSum, reshape, slice, type Graph } from '../graph/index.ts';
import { interpret } from '../interpret/index.ts';
import { openDevice, type Device, type Program } from '../runtime/index.ts';
import { completionMicroBatch, completionScoreGraph, pairMicroBatch, pairScoreGraph } from '../policy/index.ts';
import { parseModelConfig } from './config.ts';
import { plainDecoder, type Decoder } from './decoder.ts';
import { EMBEDDING_NAME, parameterSpecs } from './parameters.ts';

const FIXTURES = join(import.meta.dirname, '..', '..', 'test', 'fixtures', 'models');

type Inputs = Readonly<Record<string, HostTensor>>;

/** Evaluates a graph over the weights of a model. */
type Evaluate = (source: Graph, inputs: Inputs) => Promise<Readonly<Record<string, ArrayLike<number>>>>;

async function loadModel(folder: string): Promise<{ readonly decoder: Decoder; readonly weights: Inputs }> {
  const files = await openModelFiles(join(FIXTURES, folder));
  const config = parseModelConfig(files.config);
  const weights: Record<string, HostTensor> = {};
  for (const { name, shape } of parameterSpecs(config))
    weights[name] = float32Tensor(shape, await files.checkpoint.readFloat32(name));
  await files.close();
  return { decoder: plainDecoder(config), weights };
}

function used(source: Graph, inputs: Inputs): Inputs {
  const names = new Set(graphInputs(source).map((node) => node.attributes.name));
  return Object.fromEntries(Object.entries(inputs).filter(([name]) => names.has(name)));
}

const random = createRandom(3, 'packed pairs');

function ids(length: number, limit = 96): Int32Array<ArrayBuffer> {
  return Int32Array.from({ length }, () => random.nextInt(limit));
}

/** Windows of the fixtures are 8 positions: prompts and answers reach beyond, together and alone. */
const PAIRS: readonly TokenizedPair[] = [
  { id: 'short', prompt: ids(3), chosen: ids(2), rejected: ids(4) },
  { id: 'long', prompt: ids(12), chosen: ids(11), rejected: ids(5) },
  { id: 'answers', prompt: ids(1), chosen: ids(1), rejected: ids(13) },
  { id: 'prompts differ', prompt: ids(6), chosen: ids(4), rejected: ids(3), rejectedPrompt: ids(9) },
  { id: 'no prompt', prompt: ids(0), chosen: ids(5), rejected: ids(3) },
];

/** Both answers of a pair as completions of their own. */
function sidesOf({ id, prompt, chosen, rejected, rejectedPrompt = prompt }: TokenizedPair): TokenizedCompletion[] {
  return [
    { id, prompt, completion: chosen },
    { id, prompt: rejectedPrompt, completion: rejected },
  ];
}

/** The pair in two sequences, whether its prompts differ or not. */
function apart(pair: TokenizedPair): TokenizedPair {
  return { ...pair, rejectedPrompt: pair.rejectedPrompt ?? pair.prompt };
}

let device: Device;
beforeAll(async () => {
  device = await openDevice({ threads: 1 });
});
afterAll(() => device.dispose());

const interpreter: Evaluate = (source, inputs) => {
  const values = Object.entries(interpret(source, used(source, inputs)));
  return Promise.resolve(Object.fromEntries(values.map(([name, { data }]) => [name, data])));
};

const programs = new Map<Graph, Program>();

const runtime: Evaluate = async (source, inputs) => {
  const program = programs.get(source) ?? (await device.compile(source, { label: 'pairs' }));
  programs.set(source, program);
  const outputs = Object.entries(await program.run(used(source, inputs)));
  return Object.fromEntries(outputs.map(([name, value]) => [name, (value as HostTensor).data]));
};

const ENGINES = [
  { engine: 'interpreter', evaluate: interpreter, tolerance: 1e-12 },
  { engine: 'ONNX Runtime', evaluate: runtime, tolerance: 1e-5 },
] as const;

/** llama3: grouped queries; mistral: every layer sees 8 positions; qwen2-sliding: two layers of three do. */
const CASES = ['llama3', 'mistral', 'qwen2-sliding'].flatMap((folder) =>
  ENGINES.map((engine) => ({ folder, ...engine })),
);

/** The largest |a - b| / max(1, |b|). */
function error(actual: ArrayLike<number>, expected: readonly number[]): number {
  expect(actual.length).toBe(expected.length);
  return Math.max(...expected.map((value, i) => Math.abs(actual[i]! - value) / Math.max(1, Math.abs(value))));
}

describe.each(CASES)('$folder in the $engine', ({ folder, evaluate, tolerance }) => {
  test('a packed pair has the log-probabilities of two conversations, alone or among others, in any order', async () => {
    const { decoder, weights } = await loadModel(folder);
    const pairGraph = pairScoreGraph(decoder);
    const logpsOf = async (pairs: readonly TokenizedPair[]): Promise<number[]> =>
      Array.from((await evaluate(pairGraph, { ...weights, ...pairMicroBatch(pairs).inputs }))['logps']!);
    const single = completionScoreGraph(decoder);
    const expected: number[] = [];
    for (const side of PAIRS.flatMap(sidesOf)) {
      const { inputs } = completionMicroBatch([side], false);
      expected.push((await evaluate(single, { ...weights, ...inputs }))['logps']![0]!);
    }
    expect(error(await logpsOf(PAIRS), expected)).toBeLessThan(tolerance);
    expect(error(await logpsOf(PAIRS.map(apart)), expected)).toBeLessThan(tolerance);
    const alone = (await Promise.all(PAIRS.map((pair) => logpsOf([pair])))).flat();
    expect(error(alone, expected)).toBeLessThan(tolerance);
    const reversed = await logpsOf(PAIRS.toReversed());
    const back = PAIRS.flatMap((_pair, i) => reversed.slice(2 * (PAIRS.length - 1 - i)).slice(0, 2));
    expect(error(back, expected)).toBeLessThan(tolerance);
    // Different numbers, so that the comparison says something.
    expect(new Set(expected.map((value) => value.toFixed(3))).size).toBe(10);
  });
});

describe('an answer sees nothing of the other', () => {
  const pair: TokenizedPair = { id: 'p', prompt: ids(4, 30), chosen: ids(5, 30), rejected: Int32Array.of(40, 41, 42) };

  test('other tokens in it leave the log-probability as it is, bit for bit', async () => {
    const { decoder, weights } = await loadModel('llama3');
    const source = pairScoreGraph(decoder);
    for (const evaluate of [interpreter, runtime]) {
      const chosenOf = async (rejected: Int32Array<ArrayBuffer>): Promise<number> =>
        (await evaluate(source, { ...weights, ...pairMicroBatch([{ ...pair, rejected }]).inputs }))['logps']![0]!;
      const first = await chosenOf(pair.rejected);
      expect(await chosenOf(Int32Array.of(50, 51, 52))).toBe(first);
    }
  });

  test('its tokens have a gradient of exactly 0, those of the prompt and the answer have not', async () => {
    const { decoder, weights } = await loadModel('llama3');
    const { outputs } = pairScoreGraph(decoder);
    const { logps } = outputs;
    const chosen = reduceSum(reshape(slice(logps!, { axis: 1, start: 0, end: 1 }), ['R']));
    const [gradient] = vectorJacobian([chosen], [input('one', [])], [decoder.weights(EMBEDDING_NAME)]);
    const inputs = { ...weights, ...pairMicroBatch([pair]).inputs, one: float32Tensor([], [1]) };
    for (const evaluate of [interpreter, runtime]) {
      const { gradient: table } = await evaluate(graph({ ...outputs, gradient: gradient! }), inputs);
      const rowSize = (id: number): number =>
        Math.max(...Array.from({ length: 32 }, (_, column) => Math.abs(table![id * 32 + column]!)));
      // The last token of an answer predicts nothing that is scored.
      const seen = [...pair.prompt, ...pair.chosen.subarray(0, -1)];
      expect([...pair.rejected, 90].map(rowSize)).toEqual([0, 0, 0, 0]);
      for (const id of seen) expect(rowSize(id)).toBeGreaterThan(0);
    }
  });
});
