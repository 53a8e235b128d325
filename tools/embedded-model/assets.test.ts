import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { expect, it } from 'vitest';
import { compileTemplate } from '../../src/jinja/index.ts';

const folder = join(import.meta.dirname, '..', '..', 'assets', 'embedded-model');
const read = <T>(file: string): T => JSON.parse(readFileSync(join(folder, file), 'utf8')) as T;
const config = read<Record<string, number>>('config.json');
const tokenizerConfig = read<{ chat_template: string }>('tokenizer_config.json');
const tokenizer = new Tokenizer(read<object>('tokenizer.json'), tokenizerConfig);

it('the configuration has 3,148,608 parameters, and the folder stays below 8 MB', () => {
  const hidden = config.hidden_size!;
  const keyValue = config.num_key_value_heads! * config.head_dim!;
  const layer = 2 * hidden * hidden + 2 * hidden * keyValue + 3 * hidden * config.intermediate_size! + 2 * hidden;
  expect(config.num_attention_heads! * config.head_dim!).toBe(hidden);
  const parameters = config.vocab_size! * hidden + config.num_hidden_layers! * layer + hidden;
  expect(parameters).toBe(3_148_608);
  const sizes = readdirSync(folder)
    .filter((file) => !file.endsWith('.safetensors'))
    .map((file) => statSync(join(folder, file)).size);
  expect(sizes.reduce((sum, size) => sum + size, 2 * parameters)).toBeLessThan(8e6);
});

it('the vocabulary fills the ids 0 to 2047, special tokens first', () => {
  const { model } = read<{ model: { vocab: Record<string, number> } }>('tokenizer.json');
  expect(Object.values(model.vocab).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 2048 }, (_, id) => id));
  expect(['<|endoftext|>', '<|im_start|>', '<|im_end|>'].map((token) => model.vocab[token])).toEqual([0, 1, 2]);
  expect(config.vocab_size).toBe(2048);
});

/** Ids recorded from the Python library that trained it (tokenizers 0.23): `Tokenizer.from_file(...).encode(text).ids`. */
const RECORDED: readonly (readonly [string, readonly number[]])[] = [
  ['What is the capital of France?', [317, 264, 291, 398, 309, 1453, 33]],
  ['12 + 7 = 19.', [19, 20, 797, 223, 25, 614, 223, 19, 27, 16]],
  ['<|im_start|>user\nHello!<|im_end|>\n', [1, 282, 201, 653, 3, 2, 201]],
  ['caf\u00e9 \u{1F600}', [69, 982, 130, 105, 223, 175, 256, 249, 225]],
];

it.each(RECORDED)('encodes %j as the library that trained it, and back', (text, ids) => {
  expect(tokenizer.encode(text).ids).toEqual(ids);
  expect(tokenizer.decode([...ids], { skip_special_tokens: false })).toBe(text);
});

it('the chat template renders a prompt that is a prefix of the conversation', () => {
  const template = compileTemplate(tokenizerConfig.chat_template);
  const now = '2024-07-03';
  const prompt = [{ role: 'user', content: ' Hello! ' }];
  const opened = template.render({ messages: prompt, add_generation_prompt: true }, now);
  expect(opened).toBe('<|im_start|>user\n Hello! <|im_end|>\n<|im_start|>assistant\n');
  const whole = template.render({ messages: [...prompt, { role: 'assistant', content: 'Hi.' }] }, now);
  expect(whole).toBe(`${opened}Hi.<|im_end|>\n`);
});
