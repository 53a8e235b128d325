import { expect, test } from 'vitest';
import { createGgufTokenizer } from './gguf.ts';
import { tokenizerFilesOf } from './gguf-files.ts';
import { nameForStripping } from './phi3-stripping.ts';

const [CONTROL, NORMAL] = [3, 1];
/** SentencePiece of single characters; the ids of Phi-3's tokens are 3 to 5. */
const TOKENS = ['<unk>', '<s>', '</s>', '<|endoftext|>', '<|end|>', '<|user|>', '\u2581', 'a'];

function files(name?: string) {
  const metadata = new Map<string, unknown>([
    ['tokenizer.ggml.model', 'llama'],
    ['tokenizer.ggml.tokens', TOKENS],
    ['tokenizer.ggml.scores', TOKENS.map(() => 0)],
    ['tokenizer.ggml.token_type', [2, CONTROL, CONTROL, CONTROL, CONTROL, CONTROL, NORMAL, NORMAL]],
    ['tokenizer.ggml.add_space_prefix', false],
    ['tokenizer.ggml.add_bos_token', false],
    ...(name === undefined ? [] : [['general.name', name] as const]),
  ]);
  return { kind: 'gguf', metadata } as const;
}

test('white space behind the special tokens of a Phi-3 belongs to them, in the file and in the tokenizer.json made of it', () => {
  const text = '<|user|>\na<|end|> \n<|endoftext|> a';
  expect([...createGgufTokenizer(files('Phi 3')).encode(text)]).toEqual([5, 0, 7, 4, 6, 0, 3, 6, 7]);
  for (const name of ['Phi-3-mini-4k-instruct', 'my phi3']) {
    expect([...createGgufTokenizer(files(name)).encode(text)]).toEqual([5, 7, 4, 3, 6, 7]);
    const json = JSON.parse(tokenizerFilesOf(files(name))['tokenizer.json']!) as {
      added_tokens: { content: string; rstrip: boolean }[];
    };
    expect(json.added_tokens.filter(({ rstrip }) => rstrip).map(({ content }) => content)).toEqual([
      '</s>',
      '<|end|>',
      '<|user|>',
    ]);
  }
});

test('a tokenizer.json that strips so gets a name by which llama.cpp does, any other keeps its own', () => {
  const added = TOKENS.slice(0, 6).map((content, id) => ({ content, rstrip: id === 2 || id > 3 }));
  expect(nameForStripping('run', added)).toBe('Phi-3 run');
  expect(nameForStripping('my-phi3', added)).toBe('my-phi3');
  expect(nameForStripping('run', [{ content: '<mask>', rstrip: true }, { content: '<pad>' }])).toBe('run');
  expect(nameForStripping('run', [{ content: '<s>' }])).toBe('run');
});
