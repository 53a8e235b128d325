import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom } from '../../src/core/index.ts';
import { writeModelFolder } from '../../src/formats/index.ts';
import { parameterSpecs, parseModelConfig } from '../../src/models/index.ts';

/**
 * A random Llama with a byte-level tokenizer and a ChatML template, small enough that a run takes a second: what the tests of training run on.
 */
export interface TinyModelOptions {
  readonly hidden?: number;
  readonly layers?: number;
  readonly seed?: number;
  /** Fields of config.json to replace. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Changes a weight after it was drawn. */
  readonly edit?: (name: string, values: Float32Array) => void;
  /** Weights to leave out of the file, and to add to it. */
  readonly without?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly number[]>>;
  /** Shapes of those that are no vectors. */
  readonly extraShapes?: Readonly<Record<string, readonly number[]>>;
  /** Rows of matrices that have fewer than the tokenizer needs. */
  readonly rows?: Readonly<Record<string, number>>;
  /** The chat template, in place of ChatML. */
  readonly template?: string;
  /** generation_config.json. */
  readonly generation?: Readonly<Record<string, unknown>>;
}

export const SPECIAL_TOKENS = ['<|im_start|>', '<|im_end|>', '<|pad|>'];
export const TINY_VOCABULARY = 256 + SPECIAL_TOKENS.length;

/** ChatML that lists tools, and writes calls as Hermes and Qwen do. */
export const TOOL_TEMPLATE =
  "{%- if tools %}{{ '<|im_start|>system\\nTools:' }}{% for tool in tools %}{{ '\\n' + (tool | tojson) }}{% endfor %}" +
  '{{ \'\\nAnswer with <tool_call>{"name": ..., "arguments": ...}</tool_call>.<|im_end|>\\n\' }}{% endif %}' +
  "{%- for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + (message['content'] or '') }}" +
  '{%- for call in message.tool_calls or [] %}' +
  '{{ \'<tool_call>\\n{"name": "\' + call.function.name + \'", "arguments": \' + (call.function.arguments | tojson) + \'}\\n</tool_call>\' }}' +
  "{%- endfor %}{{ '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/** ChatML. */
export const TEMPLATE =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

function isShown(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
}

/** The characters that stand for bytes in byte-level vocabularies (GPT-2): printable ones for themselves, the others from U+0100 on. */
function byteCharacters(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isShown(byte) ? byte : next++));
}

export function tinyTokenizerJson(): Record<string, unknown> {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
  return {
    version: '1.0',
    added_tokens: SPECIAL_TOKENS.map((content, index) => ({
      id: 256 + index,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: { type: 'BPE', vocab: Object.fromEntries(byteCharacters().map((text, id) => [text, id])), merges: [] },
  };
}

/** Writes the model and returns its path. */
export async function writeTinyModel(path: string, options: TinyModelOptions = {}): Promise<string> {
  const { hidden = 32, layers = 2, seed = 1, edit, without = [], extra = {} } = options;
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: hidden,
    intermediate_size: 2 * hidden,
    num_hidden_layers: layers,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    vocab_size: TINY_VOCABULARY,
    max_position_embeddings: 512,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    hidden_act: 'silu',
    tie_word_embeddings: true,
    initializer_range: 0.1,
    bos_token_id: 256,
    eos_token_id: 257,
  };
  const specs = parameterSpecs(parseModelConfig(config)).filter(({ name }) => !without.includes(name));
  const read = (name: string, size: number): Float32Array<ArrayBuffer> => {
    const random = createRandom(seed, name);
    const values = new Float32Array(size).fill(1);
    if (!name.includes('norm')) for (let i = 0; i < size; i++) values[i] = 0.1 * random.nextNormal();
    edit?.(name, values);
    return values;
  };
  const more = Object.entries(extra).map(([name, values]) => ({
    name,
    shape: options.extraShapes?.[name] ?? [values.length],
    read: async () => Float32Array.from(values),
  }));
  await writeModelFolder(path, {
    config: { ...config, ...options.config },
    generationConfig: options.generation ?? { eos_token_id: 257 },
    textFiles: {
      'tokenizer.json': JSON.stringify(tinyTokenizerJson()),
      'tokenizer_config.json': JSON.stringify({
        bos_token: '<|im_start|>',
        eos_token: '<|im_end|>',
        pad_token: '<|pad|>',
        chat_template: options.template ?? TEMPLATE,
      }),
    },
    tensors: [
      ...specs
        .map(({ name, shape: whole }) => ({ name, shape: [options.rows?.[name] ?? whole[0]!, ...whole.slice(1)] }))
        .map(({ name, shape }) => ({
          name,
          shape,
          read: async () =>
            read(
              name,
              shape.reduce((product, dim) => product * dim, 1),
            ),
        })),
      ...more,
    ],
    overwrite: true,
  });
  return path;
}

export interface TinyPair {
  readonly prompt: string;
  readonly chosen: string;
  readonly rejected: string;
}

/** Pairs with different prompts and lengths; the chosen answers share a word that the rejected ones lack. */
export function tinyPairs(count: number): TinyPair[] {
  return Array.from({ length: count }, (_, i) => ({
    prompt: `Question ${i}: what is ${i} and ${'more '.repeat(i % 4)}${i + 1}?`,
    chosen: ` yes, ${2 * i + 1}${'!'.repeat(1 + (i % 3))}`,
    rejected: ` no ${i % 5 === 0 ? 'no no' : ''}${i}`,
  }));
}

/** A JSON Lines file of rows. */
export function writeRows(path: string, rows: readonly unknown[]): string {
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
}

/** A new temporary folder and what removes it. */
export function temporaryFolder(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'preftune-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
