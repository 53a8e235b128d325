import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  bitsOf,
  damaged,
  fixtureBytes,
  fixtureJson,
  floatsOfBase64,
  messageFrom,
  opensOrRefuses,
  sha256Of,
  skipWithReason,
} from '../../../test/fixtures/formats/support.ts';
import { bytesSource } from '../bytes-source.ts';
import type { ModelFiles } from '../checkpoint.ts';
import { openGguf } from './gguf.ts';
import { readGgufHeader } from './gguf-header.ts';
import { ropeScalingOfFactors } from './gguf-rope.ts';
import { rowOrder } from '../located-tensors.ts';
import { GGUF_ARCHITECTURES } from '../../models/index.ts';
import { openModelFiles } from '../node-model-files.ts';
import { nodeSha256 } from '../node-sha256.ts';

type Recorded = Record<string, { type: string; shape: number[]; sha256: string }>;

const open = (bytes: Uint8Array<ArrayBuffer>): Promise<ModelFiles> =>
  openGguf(bytesSource(bytes, 'x.gguf'), nodeSha256);

const expected = fixtureJson<Record<string, Recorded>>('gguf.json');

for (const family of ['llama', 'qwen2', 'qwen3']) {
  test(`every tensor of ${family}.gguf has its recorded name, type, shape and values`, async () => {
    const { checkpoint } = await open(fixtureBytes(`${family}.gguf`));
    const read: Recorded = {};
    for (const { name, storedType, shape } of checkpoint.entries.values()) {
      const values = await checkpoint.readFloat32(name);
      read[name] = { type: storedType, shape: [...shape], sha256: sha256Of(values) };
    }
    expect(read).toEqual(expected[family]);
  });
}

test('the config says what the metadata say, in the words of config.json', async () => {
  const base = {
    hidden_size: 256,
    intermediate_size: 256,
    num_hidden_layers: 1,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 4,
    vocab_size: 4,
    hidden_act: 'silu',
    max_position_embeddings: 64,
    rms_norm_eps: 1e-6,
    rope_theta: 1_000_000,
    rope_scaling: null,
    mlp_bias: false,
    bos_token_id: 2,
    eos_token_id: 3,
  };
  expect((await open(fixtureBytes('llama.gguf'))).config).toEqual({
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    ...base,
    tie_word_embeddings: false,
    attention_bias: true,
  });
  expect((await open(fixtureBytes('qwen2.gguf'))).config).toEqual({
    architectures: ['Qwen2ForCausalLM'],
    model_type: 'qwen2',
    ...base,
    rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 32 },
    tie_word_embeddings: true,
  });
  const qwen3 = await open(fixtureBytes('qwen3.gguf'));
  expect(qwen3.config).toMatchObject({
    architectures: ['Qwen3ForCausalLM'],
    tie_word_embeddings: true,
    attention_bias: false,
  });
  const { tokenizer } = qwen3;
  expect(tokenizer.kind === 'gguf' ? Object.fromEntries(tokenizer.metadata) : undefined).toEqual({
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.tokens': ['a', 'b', 'ä', '<|end|>'],
    'tokenizer.ggml.token_type': [1, 1, 1, 3],
    'tokenizer.ggml.bos_token_id': 2,
    'tokenizer.ggml.eos_token_id': 3,
  });
});

test('rows of interleaved heads go to their halves', () => {
  // Two heads of six rows: pairs (0,1) (2,3) (4,5) become (0,3) (1,4) (2,5).
  expect([...rowOrder(12, 2)]).toEqual([0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]);
});

test('frequency divisors become llama3 where they are, and stay divisors where not', () => {
  for (const { rope_theta, factors, factor, original_max_position_embeddings } of fixtureJson<
    { rope_theta: number; factors: string; factor: number; original_max_position_embeddings: number }[]
  >('rope.json')) {
    const values = floatsOfBase64(factors);
    expect(ropeScalingOfFactors(values, rope_theta)).toEqual(
      original_max_position_embeddings === 8192
        ? { rope_type: 'llama3', factor, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings }
        : { rope_type: 'gguf-frequency-factors', factors: [...values] },
    );
  }
});

/** A GGUF file by hand: version, metadata as [key, type, bytes], tensors as [name, dims, type, offset], data. */
interface Parts {
  readonly version?: number;
  readonly counts?: readonly [tensors: bigint, entries: bigint];
  readonly metadata?: readonly (readonly [key: string, type: number, value: readonly number[]])[];
  readonly tensors?: readonly (readonly [name: string, dims: readonly bigint[], type: number, offset: bigint])[];
  readonly dataBytes?: number;
}

const zeros = (count: number): number[] => Array.from({ length: count }, () => 0);
const u32 = (value: number): number[] => [...new Uint8Array(new Uint32Array([value]).buffer)];
const u64 = (value: bigint): number[] => [...new Uint8Array(new BigUint64Array([value]).buffer)];
const text = (value: string): number[] => [...u64(BigInt(Buffer.byteLength(value))), ...Buffer.from(value)];

function ggufBytes({
  version = 3,
  counts,
  metadata = [],
  tensors = [],
  dataBytes = 0,
}: Parts): Uint8Array<ArrayBuffer> {
  const [tensorCount, entryCount] = counts ?? [BigInt(tensors.length), BigInt(metadata.length)];
  const bytes = [...Buffer.from('GGUF'), ...u32(version), ...u64(tensorCount), ...u64(entryCount)];
  for (const [key, type, value] of metadata) bytes.push(...text(key), ...u32(type), ...value);
  for (const [name, dims, type, offset] of tensors) {
    bytes.push(...text(name), ...u32(dims.length), ...dims.flatMap(u64), ...u32(type), ...u64(offset));
  }
  if (tensors.length > 0) while (bytes.length % 32 !== 0) bytes.push(0);
  return Uint8Array.from([...bytes, ...zeros(dataBytes)]);
}

const refusal = (parts: Parts): Promise<string> =>
  messageFrom(() => readGgufHeader(bytesSource(ggufBytes(parts), 'x.gguf')));

test('lying headers are refused, each with its own message', async () => {
  expect(await messageFrom(() => open(new Uint8Array(30)))).toBe(
    "x.gguf at byte 4: a GGUF file must start with 'GGUF', got bytes 0; is this a GGUF file?",
  );
  expect(await refusal({ version: 1 })).toBe(
    'x.gguf at byte 8: the GGUF version must be 2 or 3, got 1; convert the file again',
  );
  expect(await refusal({ version: 0x03000000 })).toBe(
    'x.gguf at byte 8: the GGUF version must be 2 or 3, got 50331648; big-endian files are not read',
  );
  expect(await refusal({ counts: [2n ** 63n, 0n] })).toBe(
    'x.gguf at byte 24: must hold at most 65536 tensors, got 9223372036854776000; the file is damaged',
  );
  expect(await refusal({ counts: [0n, 70_000n] })).toBe(
    'x.gguf at byte 24: must hold at most 65536 metadata entries, got 70000; the file is damaged',
  );
  expect(await refusal({ counts: [0n, 3n] })).toBe(
    'x.gguf at byte 24: metadata key 1 of 3 needs 8 bytes, got 0 up to the end; the file is truncated or damaged',
  );
  expect(await refusal({ metadata: [['a', 8, u64(1n << 40n)]] })).toBe(
    'x.gguf at byte 45: a must have at most 67108864 bytes, got 1099511627776; the file is damaged',
  );
  expect(await refusal({ metadata: [['a', 9, [...u32(4), ...u64(1n << 24n)]]] })).toBe(
    'x.gguf at byte 49: a: 16777216 elements need at least 67108864 bytes, got 0; the file is damaged',
  );
  expect(await refusal({ metadata: [['a', 9, [...u32(4), ...u64(1n << 60n)]]] })).toBe(
    'x.gguf at byte 49: a: an array must have at most 16777216 elements, got 1152921504606847000; the file is damaged',
  );
  const nested = [...Array.from({ length: 5 }, () => [...u32(9), ...u64(1n)]).flat(), ...zeros(64)];
  expect(await refusal({ metadata: [['a', 9, nested]] })).toBe('x.gguf at byte 97: a: arrays must nest at most 4 deep');
  expect(await refusal({ metadata: [['a', 13, []]] })).toBe(
    "x.gguf at byte 37: a: a value's type must be 0 to 12, got 13; the file is damaged",
  );
  expect(
    await refusal({
      metadata: [
        ['a', 0, [1]],
        ['a', 0, [1]],
      ],
    }),
  ).toBe('x.gguf at byte 47: metadata keys must be unique, got "a" twice');
  expect(await refusal({ metadata: [['a', 8, [...u64(1n), 0xff]]] })).toMatch(
    /^x\.gguf at byte 46: a must be UTF-8, got /,
  );
  expect(await refusal({ metadata: [['general.alignment', 4, u32(24)]] })).toMatch(
    /general\.alignment must be a power of two from 8 to 1048576, got 24$/,
  );
  expect(await refusal({ tensors: [['t', [1n, 1n, 1n, 1n, 1n], 0, 0n]] })).toContain(
    'tensor 1 of 1 must have at most 4 dimensions, got 5; the file is damaged',
  );
});

test('all tensors that do not fit are reported at once', async () => {
  const message = await refusal({
    dataBytes: 64,
    tensors: [
      ['first', [8n], 0, 0n],
      ['over', [4n], 0, 0n],
      ['first', [4n], 0, 32n],
      ['odd', [1n], 0, 48n],
      ['block', [33n], 8, 0n],
      ['huge', [1n << 62n, 1n << 62n], 0, 0n],
      ['long', [1n << 40n, 1n << 40n], 0, 0n],
      ['kind', [1n], 99, 0n],
    ],
  });
  expect(message.split('\n')).toEqual([
    'x.gguf: "first": tensor names must be unique, got it twice',
    'x.gguf: "odd": its offset must be a multiple of the alignment 32, got 48',
    'x.gguf: "block": a row of Q8_0 must be a multiple of 32 elements, got 33',
    'x.gguf: "huge": its dimensions must be below 2^53, got [4611686018427387904, 4611686018427387904]',
    'x.gguf: "long": its bytes must end within the file, got an end at byte 4835703278458516698825056 of 416; the file is truncated',
    'x.gguf: "kind": its type must be known, got type number 99; convert the file with a current llama.cpp',
    'x.gguf: "over": its bytes must not overlap those of "first", got a shared range',
  ]);
});

function architecture(name: string): [key: string, type: number, value: number[]] {
  return ['general.architecture', 8, text(name)];
}

test('models that are not supported are refused by architecture, tensor type and tensor name', async () => {
  expect(await messageFrom(() => open(ggufBytes({ metadata: [architecture('starcoder')] })))).toBe(
    `x.gguf: general.architecture must be one of ${GGUF_ARCHITECTURES.join(', ')}, got "starcoder"; this model is not supported`,
  );
  expect(await messageFrom(() => open(ggufBytes({ metadata: [architecture('qwen3moe')] })))).toContain(
    'got "qwen3moe"; "qwen3moe" is a mixture of experts, which preftune does not compute; use a dense model',
  );
  const vocabularyOnly = await messageFrom(() => open(ggufBytes({ metadata: [architecture('llama')] })));
  expect(vocabularyOnly.split('\n')).toEqual([
    'x.gguf: llama.embedding_length must be present, got nothing; convert the model again',
    'x.gguf: llama.attention.head_count must be present, got nothing; convert the model again',
    'x.gguf: token_embd.weight must be present, got a file without it; a vocabulary alone is not a model',
    'x.gguf: llama.feed_forward_length must be present, got nothing; convert the model again',
    'x.gguf: llama.block_count must be present, got nothing; convert the model again',
    'x.gguf: llama.context_length must be present, got nothing; convert the model again',
    'x.gguf: llama.attention.layer_norm_rms_epsilon must be present, got nothing; convert the model again',
  ]);
  const metadata: [string, number, number[]][] = [
    architecture('llama'),
    ...['embedding_length', 'feed_forward_length', 'block_count', 'context_length', 'attention.head_count'].map(
      (key): [string, number, number[]] => [`llama.${key}`, 4, u32(2)],
    ),
    ['llama.attention.layer_norm_rms_epsilon', 4, u32(1)],
    ['llama.expert_count', 4, u32(8)],
    ['split.count', 2, [3, 0]],
  ];
  const tensors: NonNullable<Parts['tensors']> = [['token_embd.weight', [32n, 1n], 20, 0n]];
  expect((await messageFrom(() => open(ggufBytes({ metadata, tensors, dataBytes: 32 })))).split('\n')).toEqual([
    'x.gguf: llama.expert_count must be 0, got 8; mixtures of experts are not supported',
    'x.gguf: split.count must be 1, got 3; join the parts with llama-gguf-split --merge',
    'x.gguf: tensor types must be among F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, got IQ4_NL in 1 tensors; quantise the model to one of these',
  ]);
  const unknown: NonNullable<Parts['tensors']> = [
    ['token_embd.weight', [2n, 1n], 0, 0n],
    ['blk.0.attn_qkv.weight', [2n, 1n], 0, 32n],
    ['blk.0.attn_q.weight', [2n, 3n], 0, 64n],
  ];
  const plain = metadata.slice(0, -2);
  expect(
    (await messageFrom(() => open(ggufBytes({ metadata: plain, tensors: unknown, dataBytes: 96 })))).split('\n'),
  ).toEqual([
    'x.gguf: "blk.0.attn_qkv.weight": must be a tensor of a llama model, got an unknown name; this model is not supported',
    'x.gguf: "blk.0.attn_q.weight": its rows must make 2 heads of even size, got shape [3, 2]',
  ]);
});

test('damaged files are read or refused, never anything else', async () => {
  const bytes = fixtureBytes('llama.gguf');
  await fc.assert(
    fc.asyncProperty(damaged(bytes, 2000), async (copy) => void (await opensOrRefuses(() => open(copy)))),
    { numRuns: 800 },
  );
});

const SMOLLM2 = process.env.PREFTUNE_TEST_SMOLLM2;

test('SmolLM2-135M-Instruct gives the weights that Transformers reads from it, bit for bit', async (context) => {
  if (SMOLLM2 === undefined || !existsSync(SMOLLM2)) {
    skipWithReason(context, 'PREFTUNE_TEST_SMOLLM2 does not name SmolLM2-135M-Instruct.Q4_1.gguf');
    return;
  }
  const model = await openModelFiles(SMOLLM2);
  expect(model.checkpoint.entries.size).toBe(272);
  const recorded = fixtureJson<Record<string, { shape: number[]; sha256: string; first: number[] }>>('smollm2.json');
  for (const [name, { shape, sha256, first }] of Object.entries(recorded)) {
    const values = await model.checkpoint.readFloat32(name);
    expect(model.checkpoint.entries.get(name)!.shape).toEqual(shape);
    expect([...values.subarray(0, 4)]).toEqual(first);
    expect(sha256Of(values)).toBe(sha256);
  }
  expect(bitsOf(new Float32Array([model.config.rms_norm_eps as number]))).toEqual(bitsOf(new Float32Array([1e-5])));
  await model.close();
});
