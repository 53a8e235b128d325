import { describe, expect, test } from 'vitest';
import { createRandom, elementCount, float32Tensor, int32Tensor, type HostTensor } from '../core/index.ts';
import { graph } from '../graph/index.ts';
import { interpret } from '../interpret/index.ts';
import { parseModelConfig } from './config.ts';
import { hiddenStates } from './hidden-states.ts';
import { plainDecoder, type Decoder } from './decoder.ts';
import { packedAttention, packedInputs } from './packed-attention.ts';
import { parameterSpecs } from './parameters.ts';
import { readMatrix, storeMatrix } from './quantised-weights.ts';
import { baseBytes, baseDecoder, projectionOf, storedNames } from './quantised.ts';

/** Qwen2's has biases, and 40 is no multiple of a block. */
const config = parseModelConfig({
  model_type: 'qwen2',
  hidden_size: 40,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  vocab_size: 7,
});

const random = createRandom(9, 'model');
const weights = new Map(
  parameterSpecs(config).map((spec) => {
    const values = Array.from({ length: elementCount(spec.shape) }, () => 0.2 * random.nextNormal());
    return [spec.name, { spec, tensor: float32Tensor(spec.shape, values) }] as const;
  }),
);

const tokens = int32Tensor([5], [1, 4, 2, 6, 0]);
const batch = {
  tokens,
  positions: int32Tensor([5], [0, 1, 2, 3, 4]),
  branches: int32Tensor([5], [0, 0, 0, 0, 0]),
  parents: int32Tensor([5], [0, 0, 0, 0, 0]),
};

function hidden(decoder: Decoder, model: Readonly<Record<string, HostTensor>>): Float64Array {
  const packed = packedInputs();
  const states = hiddenStates(decoder, {
    tokens: packed.tokens,
    positions: packed.positions,
    attend: packedAttention(config, packed),
  });
  const source = graph({ y: states });
  return interpret(source, { ...batch, ...model })['y']!.data;
}

describe.each(['float16', 'int8', 'int4'] as const)('%s', (storage) => {
  test('the model is the plain model of the weights that are stored', () => {
    const stored: Record<string, HostTensor> = {};
    const dense: Record<string, HostTensor> = {};
    for (const [name, { spec, tensor }] of weights) {
      dense[name] = tensor;
      if (projectionOf(spec) === undefined) {
        if (name !== 'lm_head.weight') stored[name] = tensor;
        continue;
      }
      const shape = spec.shape as readonly [number, number];
      const path = name.slice(0, -'.weight'.length);
      const parts = storeMatrix(storage, { name, shape, data: tensor.data });
      parts.forEach((part, i) => (stored[storedNames(path, storage)[i]!] = part));
      dense[name] = float32Tensor(shape, readMatrix(storage, parts, shape));
    }
    delete dense['lm_head.weight'];
    const [computed, exact] = [hidden(baseDecoder(config, storage), stored), hidden(plainDecoder(config), dense)];
    // readMatrix rounds scale * q to float32.
    exact.forEach((value, i) => expect(Math.abs(computed[i]! - value)).toBeLessThan(1e-5));
  });

  test('a projection gives its matrix to nobody', () => {
    const name = 'model.layers.0.mlp.up_proj.weight';
    expect(() => baseDecoder(config, storage).weights(name)).toThrow(
      `${name} is kept in ${storage}: only its product reads it`,
    );
  });
});

test('bytes by hand', () => {
  const heads = 2 * 20;
  // Per layer q, o [40, 40], k, v [20, 40], gate, up [24, 40], down [40, 24].
  const elements = 2 * (2 * 40 * heads + 2 * 20 * 40 + 2 * 24 * 40 + 40 * 24);
  const rows = 2 * (40 + 40 + 20 + 20 + 24 + 24 + 40);
  const rest = baseBytes(config, 'float32') - 4 * elements;
  expect(rest).toBe(4 * (2 * 7 * 40 + 2 * (2 * 40 + 40 + 20 + 20) + 40));
  expect(baseBytes(config, 'float16')).toBe(rest + 2 * elements);
  expect(baseBytes(config, 'int8')).toBe(rest + elements + 4 * rows);
  // To decode, the head [7, 40] alone is kept so and not in float32: it is not tied.
  expect(baseBytes(config, 'int8', 'decoding')).toBe(baseBytes(config, 'int8') - 4 * 7 * 40 + 7 * 40 + 4 * 7);
  // 40 columns take two blocks, 24 one; a block is 16 bytes and a scale.
  expect(baseBytes(config, 'int4')).toBe(rest + 20 * 2 * (2 * (40 + 40 + 20 + 20 + 24 + 24) + 40));
});
