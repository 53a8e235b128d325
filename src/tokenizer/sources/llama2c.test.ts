import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createTokenizer } from '../create.ts';

const FILE = resolve(import.meta.dirname, '../../../../shared/models/stories260K/tok512.bin');
if (!existsSync(FILE)) process.stderr.write('llama2c.test.ts: skipped: ../shared/models/stories260K is not there\n');

/** The longest token's length, then for each token its score, its length and its bytes. */
function readTokens(): { readonly tokens: Uint8Array[]; readonly scores: Float32Array } {
  const bytes = readFileSync(FILE);
  const tokens: Uint8Array[] = [];
  const scores: number[] = [];
  for (let offset = 4; offset < bytes.length; offset += 8 + bytes.readInt32LE(offset + 4)) {
    scores.push(bytes.readFloatLE(offset));
    tokens.push(bytes.subarray(offset + 8, offset + 8 + bytes.readInt32LE(offset + 4)));
  }
  return { tokens, scores: Float32Array.from(scores) };
}

describe.skipIf(!existsSync(FILE))('stories260K', () => {
  const tokenizer = existsSync(FILE) ? createTokenizer({ kind: 'llama2c', ...readTokens() }) : undefined!;
  const spelled = (text: string): string[] => tokenizer.encode(text).map((id) => tokenizer.tokenText(id));

  it('has 512 tokens, BOS 1, EOS 2', () => {
    const { vocabularySize, bosId, eosId, padId, stopIds } = tokenizer;
    expect([vocabularySize, bosId, eosId, padId, stopIds]).toEqual([512, 1, 2, undefined, [2]]);
  });

  it('puts BOS and a space in front, joins by score, and falls back to bytes', () => {
    expect(tokenizer.encode('Once upon a time')).toEqual([1, 403, 407, 261, 378]);
    expect(spelled('Once upon a time')).toEqual(['<s>', ' Once', ' upon', ' a', ' time']);
    expect(spelled('\u{1f680}').slice(-4)).toEqual(['<0xF0>', '<0x9F>', '<0x9A>', '<0x80>']);
  });

  it('decodes to the text, and reads no text as BOS or EOS', () => {
    const text = 'She said <s> "no"!\n\n\u{1f680} </s>';
    const ids = tokenizer.encode(text, { addSpecialTokens: false });
    expect(tokenizer.decode(ids)).toBe(text);
    expect(ids.filter((id) => id < 3)).toEqual([]);
    expect(tokenizer.decode([1, ...ids, 2], { skipSpecialTokens: true })).toBe(text);
  });
});

it('too few tokens are refused', () => {
  expect(() => createTokenizer({ kind: 'llama2c', tokens: [], scores: new Float32Array(3) })).toThrow(
    'tokenizer: a llama2.c tokenizer must have at least 259 tokens and a score for each, got 0 and 3; check that the file is a tokenizer.bin',
  );
});
