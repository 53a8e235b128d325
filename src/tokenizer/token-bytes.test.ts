import { expect, test } from 'vitest';
import { openModelFiles } from '../formats/index.ts';
import { createTokenizer } from './create.ts';
import { tokenBytes } from './token-bytes.ts';

const encoder = new TextEncoder();

test('byte-level: the bytes of the ids of a text are its bytes, also where tokens are parts of characters', async () => {
  const files = await openModelFiles('assets/embedded-model');
  const tokenizer = createTokenizer(files.tokenizer);
  await files.close();
  const bytes = tokenBytes(tokenizer);
  const text = ' {"name": "Zoë 😀日本"}\n\t';
  const joined = tokenizer.encode(text, { addSpecialTokens: false }).flatMap((id) => Array.from(bytes[id]!));
  expect(joined).toEqual(Array.from(encoder.encode(text)));
  expect(tokenizer.stopIds.map((id) => bytes[id])).toEqual([undefined]);
  const singles = new Set(bytes.filter((token) => token?.length === 1).map((token) => token![0]));
  expect(singles.size).toBe(256);
});

test('SentencePiece: marks are spaces wherever they stand, <0xNN> are bytes, special tokens have none', () => {
  const tokens = [
    '<unk>',
    '<s>',
    '</s>',
    ...Array.from({ length: 256 }, (_, byte) => `<0x${hex(byte)}>`),
    ' ',
    'a',
    ' {',
    '  b',
    'é',
  ];
  const tokenizer = createTokenizer({
    kind: 'llama2c',
    tokens: tokens.map((token) => encoder.encode(token)),
    scores: Float32Array.from(tokens, (_, id) => -id),
  });
  const bytes = tokenBytes(tokenizer);
  expect(bytes.slice(0, 3)).toEqual([undefined, undefined, undefined]);
  expect(bytes.slice(3, 259).map((token) => Array.from(token!))).toEqual(
    Array.from({ length: 256 }, (_, byte) => [byte]),
  );
  expect(bytes.slice(259).map((token) => new TextDecoder().decode(token))).toEqual([' ', 'a', ' {', '  b', 'é']);
});

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0');
}
