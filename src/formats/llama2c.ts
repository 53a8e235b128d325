/**
 * Models of llama2.c: a header of seven int32, then float32 tensors, and tok.bin beside it. Only test fixtures use it.
 *
 * Source: karpathy/llama2.c, the legacy checkpoint and tokenizer formats of export.py and run.c.
 */
import { badInput, elementCount } from '../core/index.ts';
import type { ByteSource } from './byte-source.ts';
import type { ModelFiles, TokenizerFiles } from './checkpoint.ts';
import { checkpointOf, type LocatedTensor } from './located-tensors.ts';
import type { CreateHash } from './streaming-hash.ts';

const HEADER_BYTES = 28;
const MAX_DIMENSION = 1 << 20;
const MAX_LAYERS = 1024;
const MAX_TOKEN_BYTES = 1024;

interface Llama2cHeader {
  readonly hidden: number;
  readonly intermediate: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly vocabulary: number;
  readonly length: number;
  /** The vocabulary size is written negative when the classifier is a tensor of its own. */
  readonly sharedClassifier: boolean;
}

/**
 * Opens a llama2.c model with its tokenizer. Rows of q and k, which llama2.c rotates as neighbours, are read in Hugging
 * Face's order. Throws bad-input for impossible sizes and for files that are shorter or longer than the header says.
 * Closing the result closes `model`; `tokenizer` is read whole and closed.
 */
export async function openLlama2c(
  model: ByteSource,
  tokenizer: ByteSource,
  createHash: CreateHash,
): Promise<ModelFiles> {
  const header = await readHeader(model);
  const tensors = locateTensors(header, model);
  const tokens = await readTokens(tokenizer, header.vocabulary);
  await tokenizer.close();
  const checkpoint = checkpointOf(tensors, createHash);
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: header.hidden,
    intermediate_size: header.intermediate,
    num_hidden_layers: header.layers,
    num_attention_heads: header.heads,
    num_key_value_heads: header.keyValueHeads,
    head_dim: header.hidden / header.heads,
    hidden_act: 'silu',
    max_position_embeddings: header.length,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    rope_scaling: null,
    vocab_size: header.vocabulary,
    tie_word_embeddings: header.sharedClassifier,
    attention_bias: false,
    bos_token_id: 1,
    eos_token_id: 2,
  };
  const close = (): Promise<void> => model.close();
  return {
    location: model.name,
    format: 'llama2c',
    config,
    generationConfig: undefined,
    tokenizer: tokens,
    checkpoint,
    close,
  };
}

async function readHeader(model: ByteSource): Promise<Llama2cHeader> {
  const bytes = await model.read(0, HEADER_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const [hidden, intermediate, layers, heads, keyValueHeads, vocabulary, length] = Array.from(
    { length: 7 },
    (_, index) => view.getInt32(index * 4, true),
  ) as [number, number, number, number, number, number, number];
  const sizes = [hidden, intermediate, heads, keyValueHeads, Math.abs(vocabulary), length];
  const fits =
    sizes.every((size) => size > 0 && size <= MAX_DIMENSION) &&
    layers > 0 &&
    layers <= MAX_LAYERS &&
    hidden % (2 * heads) === 0 &&
    heads % keyValueHeads === 0;
  if (!fits) {
    throw badInput({
      file: model.name,
      offsetBytes: 0,
      message: `a llama2.c header must hold seven possible sizes, got ${[hidden, intermediate, layers, heads, keyValueHeads, vocabulary, length].join(', ')}; is this a llama2.c model?`,
    });
  }
  const sharedClassifier = vocabulary > 0;
  return {
    hidden,
    intermediate,
    layers,
    heads,
    keyValueHeads,
    vocabulary: Math.abs(vocabulary),
    length,
    sharedClassifier,
  };
}

function locateTensors(header: Llama2cHeader, source: ByteSource): LocatedTensor[] {
  const { hidden, intermediate, layers, heads, keyValueHeads, vocabulary, length } = header;
  const keyValue = (hidden / heads) * keyValueHeads;
  const tensors: LocatedTensor[] = [];
  let offsetBytes = HEADER_BYTES;
  const add = (name: string, shape: readonly number[], interleavedHeads?: number): void => {
    const sizeBytes = elementCount(shape) * 4;
    const order = interleavedHeads === undefined ? {} : { interleavedHeads };
    tensors.push({ entry: { name, storedType: 'F32', shape, sizeBytes }, source, offsetBytes, ...order });
    offsetBytes += sizeBytes;
  };
  const addLayers = (module: string, shape: readonly number[], interleavedHeads?: number): void => {
    for (let layer = 0; layer < layers; layer++) add(`model.layers.${layer}.${module}.weight`, shape, interleavedHeads);
  };
  add('model.embed_tokens.weight', [vocabulary, hidden]);
  addLayers('input_layernorm', [hidden]);
  addLayers('self_attn.q_proj', [hidden, hidden], heads);
  addLayers('self_attn.k_proj', [keyValue, hidden], keyValueHeads);
  addLayers('self_attn.v_proj', [keyValue, hidden]);
  addLayers('self_attn.o_proj', [hidden, hidden]);
  addLayers('post_attention_layernorm', [hidden]);
  addLayers('mlp.gate_proj', [intermediate, hidden]);
  addLayers('mlp.down_proj', [hidden, intermediate]);
  addLayers('mlp.up_proj', [intermediate, hidden]);
  add('model.norm.weight', [hidden]);
  // Tables of cosines and sines, which the config determines.
  offsetBytes += length * (hidden / heads) * 4;
  if (!header.sharedClassifier) add('lm_head.weight', [vocabulary, hidden]);
  if (offsetBytes !== source.sizeBytes) {
    throw badInput({
      file: source.name,
      message: `the header's sizes need ${offsetBytes} bytes, got a file of ${source.sizeBytes}; it is damaged or another format`,
    });
  }
  return tensors;
}

/** tok.bin: int32 longest token, then for each token a float32 score, an int32 length and its bytes. */
async function readTokens(source: ByteSource, count: number): Promise<TokenizerFiles> {
  const bytes = await source.read(0, source.sizeBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tokens: Uint8Array[] = [];
  const scores = new Float32Array(count);
  let at = 4;
  for (let index = 0; index < count; index++) {
    const length = at + 8 <= bytes.byteLength ? view.getInt32(at + 4, true) : -1;
    if (length < 0 || length > MAX_TOKEN_BYTES || at + 8 + length > bytes.byteLength) {
      const message = `token ${index} of ${count} must have 0 to ${MAX_TOKEN_BYTES} bytes in the file, got ${length}; is this the model's tokenizer?`;
      throw badInput({ file: source.name, offsetBytes: Math.min(at, bytes.byteLength), message });
    }
    scores[index] = view.getFloat32(at, true);
    tokens.push(bytes.slice(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return { kind: 'llama2c', tokens, scores };
}
