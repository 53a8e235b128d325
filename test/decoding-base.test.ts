import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { int32Tensor, type HostTensor } from '../src/core/index.ts';
import { graph, graphInputs } from '../src/graph/index.ts';
import { interpret } from '../src/interpret/index.ts';
import {
  baseDecoder,
  hiddenStates,
  logits,
  packedAttention,
  packedInputs,
  type DecodingPrecision,
} from '../src/models/index.ts';
import { openDevice, type Device } from '../src/runtime/index.ts';
import { loadModel, openModel, type OpenedModel } from '../src/policy/index.ts';
import { failureOf } from './support/training.ts';
import { temporaryFolder, writeTinyModel } from './support/tiny-model.ts';

/** Scores of a model that is kept compactly to decode, its matrices constants of the session. */
const folder = temporaryFolder();
const model = join(folder.path, 'model');
let opened: OpenedModel;
let device: Device;

const ids = [1, 9, 4, 30, 2, 17];
const batch = {
  tokens: int32Tensor([ids.length], ids),
  positions: int32Tensor(
    [ids.length],
    ids.map((_id, i) => i),
  ),
  branches: int32Tensor(
    [ids.length],
    ids.map(() => 0),
  ),
  parents: int32Tensor(
    [ids.length],
    ids.map(() => 0),
  ),
};

beforeAll(async () => {
  await writeTinyModel(model);
  opened = await openModel(model);
  device = await openDevice({ threads: 2 });
});
afterAll(async () => {
  await device.dispose();
  await opened.files.close();
  folder.remove();
});

async function scoresOf(precision: DecodingPrecision) {
  const { config, files } = opened;
  const loaded = await loadModel(device, config, files.checkpoint, { precision, purpose: 'decoding' });
  const decoder = baseDecoder(config, precision, 'decoding');
  const packed = packedInputs();
  const { tokens, positions } = packed;
  const attend = packedAttention(config, packed);
  const source = graph({ scores: logits(decoder, hiddenStates(decoder, { tokens, positions, attend })) });
  const read = new Set(graphInputs(source).map((node) => node.attributes.name));
  const fed = Object.fromEntries([...loaded.weights].filter(([name]) => read.has(name)));
  const constants = Object.fromEntries(loaded.constants);
  const program = await device.compile(source, { label: precision, constants });
  const { scores } = await program.run({ ...batch, ...fed });
  const stored: Record<string, HostTensor> = { ...batch };
  for (const [name, tensor] of Object.entries({ ...fed, ...constants })) stored[name] = await tensor.read();
  const exact = interpret(source, stored)['scores']!.data;
  await program.dispose();
  await loaded.dispose();
  return { scores: (scores as HostTensor).data, exact, base: loaded.base, constants: [...loaded.constants.keys()] };
}

function relativeError(computed: ArrayLike<number>, exact: ArrayLike<number>): number {
  let [error, square] = [0, 0];
  for (let i = 0; i < exact.length; i++) {
    error += (computed[i]! - exact[i]!) ** 2;
    square += exact[i]! ** 2;
  }
  return Math.sqrt(error / square);
}

test('float32 has no constants', async () => {
  const { scores, exact, constants, base } = await scoresOf('float32');
  expect([constants, base]).toEqual([[], undefined]);
  expect(relativeError(scores, exact)).toBeLessThan(1e-6);
});

// int8 rounds what it multiplies to 16 bits, int4 to 8. Each of 15 products loses 0.7 % (int8) or 8 % (int4) by its weights.
test.each([
  ['int8', 1e-3, 0.03],
  ['int4', 0.03, 0.3],
] as const)('%s: near the stored model (%f), and near the float32 one (%f)', async (precision, stored, plain) => {
  const { scores, exact, constants } = await scoresOf(precision);
  const float32 = await scoresOf('float32');
  expect(constants).toContain(`lm_head.weight.${precision}`);
  expect(constants).toContain(`model.layers.0.mlp.down_proj.weight.${precision}.scale`);
  expect(relativeError(scores, exact)).toBeLessThan(stored);
  expect(relativeError(exact, float32.scores)).toBeLessThan(plain);
});

test('float16 is refused to decode', async () => {
  const { config, files } = opened;
  const failure = await failureOf(() =>
    loadModel(device, config, files.checkpoint, { precision: 'float16', purpose: 'decoding' }),
  );
  expect(failure.messages).toEqual([
    'loadModel: the base must be in float32, int8 or int4 to decode, got float16; every token would turn all of it into float32',
  ]);
});
