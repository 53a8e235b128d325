import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRandom, float32Tensor, int32Tensor, type HostTensor } from '../core/index.ts';
import { graph, input, randomUniformAt, type Graph } from '../graph/index.ts';
import { interpret } from '../interpret/index.ts';
import { openDevice, type Device } from '../runtime/index.ts';
import { loraNames, loraParameterSpecs, loraScale, type LoraConfig } from './adapter.ts';
import { dropout, withLora } from './adapter-decoder.ts';
import { initialiseLora } from './adapter-start.ts';
import { resolveTargets } from './adapter-targets.ts';
import { parseModelConfig } from './config.ts';
import { plainDecoder } from './decoder.ts';

const config = parseModelConfig({
  model_type: 'qwen2',
  hidden_size: 4,
  intermediate_size: 6,
  num_hidden_layers: 3,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  vocab_size: 5,
});

describe('targets', () => {
  test.each([
    [
      ['q_proj', 'v_proj'],
      [
        '0.self_attn.q_proj',
        '0.self_attn.v_proj',
        '1.self_attn.q_proj',
        '1.self_attn.v_proj',
        '2.self_attn.q_proj',
        '2.self_attn.v_proj',
      ],
    ],
    [['layers.2.mlp.up_proj'], ['2.mlp.up_proj']],
    [
      ['model.layers.1.self_attn.o_proj', 'mlp.down_proj'],
      ['0.mlp.down_proj', '1.self_attn.o_proj', '1.mlp.down_proj', '2.mlp.down_proj'],
    ],
    [
      ['model\\.layers\\.[02]\\.mlp\\.(gate|down)_proj'],
      ['0.mlp.gate_proj', '0.mlp.down_proj', '2.mlp.gate_proj', '2.mlp.down_proj'],
    ],
    [
      ['.*1.*k_proj', 'q_proj|model.layers.0.self_attn.v_proj'],
      ['0.self_attn.v_proj', '1.self_attn.k_proj'],
    ],
  ])('%j', (patterns, expected) => {
    expect(resolveTargets(config, patterns)).toEqual(expected.map((path) => `model.layers.${path}`));
  });

  test('all-linear: the seven projections of every layer in forward order, never the head', () => {
    const paths = resolveTargets(config, ['all-linear', 'q_proj']);
    expect(paths.length).toBe(21);
    expect(paths.slice(0, 7).map((path) => path.split('.').at(-1))).toEqual([
      'q_proj',
      'k_proj',
      'v_proj',
      'o_proj',
      'gate_proj',
      'up_proj',
      'down_proj',
    ]);
  });

  test('patterns that match nothing, and those that are none, are reported together', () => {
    const known = 'q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj, embed_tokens, lm_head';
    const nothing = (pattern: string): string =>
      `lora.targets: "${pattern}" must match a module of the model, it matches none; there are ${known}, or say all-linear`;
    let message = '';
    try {
      resolveTargets(config, ['proj', 'q_proj', 'head', 'layers.9.mlp.up_proj', '(q_proj', '.*_attn']);
    } catch (thrown) {
      message = (thrown as Error).message;
    }
    const lines = message.split('\n');
    expect(lines.toSpliced(3, 1)).toEqual([
      nothing('proj'),
      nothing('head'),
      nothing('layers.9.mlp.up_proj'),
      nothing('.*_attn'),
    ]);
    expect(lines[3]).toMatch(
      /^lora\.targets: "\(q_proj" must be a module name or a regular expression; .*Unterminated group/,
    );
  });
});

test('scales', () => {
  expect(loraScale({ alpha: 32, rank: 16, rankStabilised: false })).toBe(2);
  expect(loraScale({ alpha: 32, rank: 16, rankStabilised: true })).toBe(8);
});

const Q = 'model.layers.0.self_attn.q_proj';
const DOWN = 'model.layers.2.mlp.down_proj';

test('the weights of an adapter, A then B of each target', () => {
  const targets = [
    { path: Q, rank: 2, scale: 1 },
    { path: DOWN, rank: 3, scale: 1 },
  ];
  expect(loraParameterSpecs(config, { dropout: 0, targets })).toEqual([
    { name: `${Q}.lora_A.weight`, shape: [2, 4] },
    { name: `${Q}.lora_B.weight`, shape: [4, 2] },
    { name: `${DOWN}.lora_A.weight`, shape: [3, 6] },
    { name: `${DOWN}.lora_B.weight`, shape: [4, 3] },
  ]);
});

describe('initialisation', () => {
  const FIXTURE = join(import.meta.dirname, '..', '..', 'test', 'fixtures', 'peft', 'initialisation.json');
  const { cases } = JSON.parse(readFileSync(FIXTURE, 'utf8')) as {
    cases: {
      in_features: number;
      out_features: number;
      rank: number;
      bound: number;
      draws: number;
      standard_deviation: number;
      kurtosis: number;
    }[];
  };

  test.each(cases)(
    "is PEFT's law for $in_features inputs",
    ({ in_features, out_features, rank, bound, draws, ...peft }) => {
      const { a, b } = loraNames('x');
      const specs = [
        { name: a, shape: [rank, in_features] },
        { name: b, shape: [out_features, rank] },
      ];
      const random = createRandom(1, 'initialise');
      const repeats = draws / (rank * in_features);
      const values: number[] = [];
      for (let i = 0; i < repeats; i++) {
        const drawn = initialiseLora(specs, random);
        values.push(...drawn.get(a)!);
        expect(drawn.get(b)!.length).toBe(out_features * rank);
        expect(drawn.get(b)!.every((value) => value === 0)).toBe(true);
      }
      expect(values.length).toBe(draws);
      const moment = (power: number): number => values.reduce((sum, value) => sum + value ** power, 0) / draws;
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expect(largest).toBeLessThanOrEqual(Math.fround(bound));
      expect(largest).toBeGreaterThan(0.999 * bound);
      // Four standard errors of a uniform law in (-bound, bound).
      expect(Math.abs(moment(1))).toBeLessThan((4 * bound) / Math.sqrt(3 * draws));
      expect(Math.sqrt(moment(2)) / peft.standard_deviation).toBeCloseTo(1, 2);
      expect(Math.abs(moment(4) / moment(2) ** 2 - peft.kurtosis)).toBeLessThan(0.05);
    },
  );
});

function dropoutGraph(probability: number): Graph {
  return graph({ y: dropout(input('x', ['T', 50]), probability, input('seed', [], 'int32')) });
}

function dropoutInputs(seed: number): Record<string, HostTensor> {
  const ones = Array.from({ length: 10_000 }, () => 1);
  return { x: float32Tensor([200, 50], ones), seed: int32Tensor([], [seed]) };
}

function maskOf(seed: number): boolean[] {
  return Array.from(interpret(dropoutGraph(0.5), dropoutInputs(seed))['y']!.data, (value) => value !== 0);
}

describe('dropout', () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ threads: 1 });
  });
  afterAll(() => device.dispose());

  test.each([0.05, 0.3, 0.9])('of %s keeps its share, scaled up, where the random word says', async (probability) => {
    const expected = Array.from({ length: 10_000 }, (_, i) =>
      randomUniformAt(i, 7) >= Math.fround(probability) ? 1 / Math.fround(1 - probability) : 0,
    );
    const values = Array.from(interpret(dropoutGraph(probability), dropoutInputs(7))['y']!.data);
    expect(values).toEqual(expected);
    const dropped = values.filter((value) => value === 0).length;
    expect(Math.abs(dropped - 10_000 * probability)).toBeLessThan(
      4 * Math.sqrt(10_000 * probability * (1 - probability)),
    );
    const program = await device.compile(dropoutGraph(probability), { label: 'dropout' });
    const { y } = (await program.run(dropoutInputs(7))) as Record<string, HostTensor>;
    expect(Array.from(y!.data)).toEqual(expected.map(Math.fround));
    await program.dispose();
  });

  test('draws the same mask for the same seed, an unrelated one for another', () => {
    const [first, again, other] = [maskOf(-5), maskOf(-5), maskOf(-4)];
    expect(again).toEqual(first);
    const agreeing = first.filter((kept, i) => kept === other[i]).length;
    expect(Math.abs(agreeing - 5000)).toBeLessThan(4 * 50);
  });
});

/** [rows, columns] of small whole numbers. */
function matrix(rows: number, columns: number, start: number): HostTensor {
  return float32Tensor(
    [rows, columns],
    Array.from({ length: rows * columns }, (_, i) => ((start + i * 5) % 7) - 3),
  );
}

function product(a: HostTensor, b: HostTensor): number[][] {
  const [[m, k], [n]] = [a.shape as [number, number], b.shape as [number, number]];
  return Array.from({ length: m }, (_, i) =>
    Array.from({ length: n }, (_unused, j) =>
      Array.from({ length: k }, (_value, l) => a.data[i * k + l]! * b.data[j * k + l]!).reduce((sum, x) => sum + x, 0),
    ),
  );
}

describe('an adapted projection', () => {
  const lora = (probability: number): LoraConfig => ({
    dropout: probability,
    targets: [
      { path: Q, rank: 2, scale: 0.5 },
      { path: DOWN, rank: 1, scale: 3 },
    ],
  });
  const inputs = {
    x: matrix(3, 4, 1),
    [`${Q}.weight`]: matrix(4, 4, 2),
    [`${Q}.bias`]: float32Tensor([4], [10, 20, 30, 40]),
    [`${Q}.lora_A.weight`]: matrix(2, 4, 3),
    [`${Q}.lora_B.weight`]: matrix(4, 2, 4),
  };
  const base = product(inputs.x, inputs[`${Q}.weight`]!);
  const expectedFor = (x: HostTensor): number[] => {
    const low = float32Tensor([3, 2], product(x, inputs[`${Q}.lora_A.weight`]!).flat());
    const high = product(low, inputs[`${Q}.lora_B.weight`]!);
    return base.flatMap((row, i) => row.map((value, j) => value + 10 * (j + 1) + 0.5 * high[i]![j]!));
  };

  test('is x (W + scale B A)^T + bias without dropout, on either path, and in evaluation always', () => {
    const x = input('x', ['T', 4]);
    for (const decoder of [
      withLora(plainDecoder(config), lora(0), { dropoutSeed: input('seed', [], 'int32') }),
      withLora(plainDecoder(config), lora(0.5)),
      withLora(plainDecoder(config), lora(0.5), { path: 'separate' }),
    ]) {
      const { y } = interpret(graph({ y: decoder.project(x, Q) }), inputs);
      expect(Array.from(y!.data)).toEqual(expectedFor(inputs.x));
    }
  });

  test('with dropout is x W^T + bias + scale (drop(x) A^T) B^T, each target with its own mask', () => {
    const decoder = withLora(plainDecoder(config), lora(0.5), { dropoutSeed: input('seed', [], 'int32') });
    const seed = int32Tensor([], [123]);
    const { y } = interpret(graph({ y: decoder.project(input('x', ['T', 4]), Q) }), { ...inputs, seed });
    const kept = Array.from(inputs.x.data, (value, i) => (randomUniformAt(i, 123) >= 0.5 ? 2 * value : 0));
    expect(kept.filter((value) => value === 0).length).toBeGreaterThan(2);
    expect(Array.from(y!.data)).toEqual(expectedFor(float32Tensor([3, 4], kept)));
    const masks = [0, 1].map((target) =>
      Array.from({ length: 64 }, (_, i) => randomUniformAt(i, 123 + 7919 * target) >= 0.5),
    );
    expect(masks[0]).not.toEqual(masks[1]);
  });

  test('a projection without a target is the plain one', () => {
    const decoder = withLora(plainDecoder(config), lora(0));
    const path = 'model.layers.0.mlp.up_proj';
    const { y } = interpret(graph({ y: decoder.project(input('x', ['T', 4]), path) }), {
      x: inputs.x,
      [`${path}.weight`]: matrix(6, 4, 5),
    });
    expect(Array.from(y!.data)).toEqual(product(inputs.x, matrix(6, 4, 5)).flat());
  });
});
