import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { damaged, messageFrom, opensOrRefuses, skipWithReason } from '../../test/fixtures/formats/support.ts';
import { bytesSource } from './bytes-source.ts';
import type { ModelFiles } from './checkpoint.ts';
import { openLlama2c } from './llama2c.ts';
import { openFileSource } from './node-file-source.ts';
import { nodeSha256 } from './node-sha256.ts';

/** hidden 4, intermediate 3, one layer, one head, vocabulary 2, length 2; weights 0, 1, 2, ... in file order. */
function tinyModel(vocabulary: number): Uint8Array<ArrayBuffer> {
  const header = Int32Array.of(4, 3, 1, 1, 1, vocabulary, 2);
  // embedding 8, norm 4, q k v o 64, norm 4, gate down up 36, norm 4, rope tables 2 * 2 * 2, classifier 8.
  const count = 8 + 4 + 64 + 4 + 36 + 4 + 8 + (vocabulary < 0 ? 8 : 0);
  const weights = Float32Array.from({ length: count }, (_, index) => index);
  return Uint8Array.from([...new Uint8Array(header.buffer), ...new Uint8Array(weights.buffer)]);
}

const TOKENS = Uint8Array.from(
  [[2, 0, 0, 0], float32Bytes(-1.5), [2, 0, 0, 0, 0xc3, 0xa4], float32Bytes(3), [0, 0, 0, 0]].flat(),
);

function float32Bytes(value: number): number[] {
  return [...new Uint8Array(Float32Array.of(value).buffer)];
}

const open = (model: Uint8Array<ArrayBuffer>, tokens: Uint8Array<ArrayBuffer> = TOKENS): Promise<ModelFiles> =>
  openLlama2c(bytesSource(model, 'm.bin'), bytesSource(tokens, 't.bin'), nodeSha256);

function from(start: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => start + index);
}

test('tensors stand where llama2.c writes them, with the rows of q and k in halves', async () => {
  const { checkpoint, tokenizer, config } = await open(tinyModel(-2));
  const read = async (name: string): Promise<number[]> => [...(await checkpoint.readFloat32(name))];
  expect(await read('model.embed_tokens.weight')).toEqual(from(0, 8));
  expect(await read('model.layers.0.input_layernorm.weight')).toEqual(from(8, 4));
  // Rows 0 1 2 3 of a head of four are pairs (0,1) (2,3): halves are rows 0 2 and 1 3.
  const halves = (start: number): number[] => [0, 2, 1, 3].flatMap((row) => from(start + row * 4, 4));
  expect(await read('model.layers.0.self_attn.q_proj.weight')).toEqual(halves(12));
  expect(await read('model.layers.0.self_attn.k_proj.weight')).toEqual(halves(28));
  expect(await read('model.layers.0.self_attn.v_proj.weight')).toEqual(from(44, 16));
  expect(await read('model.layers.0.mlp.gate_proj.weight')).toEqual(from(80, 12));
  expect(await read('model.layers.0.mlp.down_proj.weight')).toEqual(from(92, 12));
  expect(await read('model.layers.0.mlp.up_proj.weight')).toEqual(from(104, 12));
  expect(await read('model.norm.weight')).toEqual(from(116, 4));
  expect(await read('lm_head.weight')).toEqual(from(128, 8));
  expect(config).toMatchObject({ vocab_size: 2, tie_word_embeddings: false, head_dim: 4, rope_theta: 10000 });
  expect(tokenizer).toEqual({
    kind: 'llama2c',
    tokens: [Uint8Array.of(0xc3, 0xa4), new Uint8Array(0)],
    scores: Float32Array.of(-1.5, 3),
  });
});

test('a positive vocabulary shares the classifier', async () => {
  const { checkpoint, config } = await open(tinyModel(2));
  expect([checkpoint.entries.has('lm_head.weight'), config.tie_word_embeddings]).toEqual([false, true]);
});

test('impossible sizes and lengths are refused', async () => {
  expect(await messageFrom(() => open(new Uint8Array(28)))).toBe(
    'm.bin at byte 0: a llama2.c header must hold seven possible sizes, got 0, 0, 0, 0, 0, 0, 0; is this a llama2.c model?',
  );
  expect(await messageFrom(() => open(tinyModel(2).slice(0, -4)))).toBe(
    "m.bin: the header's sizes need 540 bytes, got a file of 536; it is damaged or another format",
  );
  expect(await messageFrom(() => open(tinyModel(2), TOKENS.slice(0, -2)))).toBe(
    "t.bin at byte 14: token 1 of 2 must have 0 to 1024 bytes in the file, got -1; is this the model's tokenizer?",
  );
});

test('damaged files are read or refused, never anything else', async () => {
  await fc.assert(
    fc.asyncProperty(damaged(tinyModel(2), 28), damaged(TOKENS, 12), async (model, tokens) => {
      await opensOrRefuses(() => open(model, tokens));
    }),
    { numRuns: 300 },
  );
});

const FOLDER = resolve(import.meta.dirname, '../../../shared/models/stories260K');

test('stories260K opens with its 260,032 parameters', async (context) => {
  if (!existsSync(FOLDER)) {
    skipWithReason(context, '../shared/models/stories260K is not there');
    return;
  }
  const paths = ['stories260K.bin', 'tok512.bin'].map((name) => join(FOLDER, name));
  const model = await openLlama2c(await openFileSource(paths[0]!), await openFileSource(paths[1]!), nodeSha256);
  let parameters = 0;
  for (const { name } of model.checkpoint.entries.values())
    parameters += (await model.checkpoint.readFloat32(name)).length;
  expect(parameters).toBe(260_032);
  expect(model.config).toMatchObject({
    hidden_size: 64,
    num_hidden_layers: 5,
    num_key_value_heads: 4,
    vocab_size: 512,
  });
  const raw = new Float32Array(Uint8Array.from(readFileSync(paths[0]!)).buffer, 28);
  // Head size 8: row 1 of the first head of layer 0's q comes from row 2 of the file.
  const query = await model.checkpoint.readFloat32('model.layers.0.self_attn.q_proj.weight');
  const start = 512 * 64 + 5 * 64;
  expect([...query.subarray(64, 128)]).toEqual([...raw.subarray(start + 128, start + 192)]);
  const { tokenizer } = model;
  expect(
    tokenizer.kind === 'llama2c'
      ? [...tokenizer.tokens].slice(256, 262).map((token) => Buffer.from(token).toString())
      : [],
  ).toMatchInlineSnapshot(`
    [
      "<0xFD>",
      "<0xFE>",
      "<0xFF>",
      " t",
      "he",
      " a",
    ]
  `);
  await model.close();
});
