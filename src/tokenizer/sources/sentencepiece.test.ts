import { describe, expect, it } from 'vitest';
import { createSentencePiece } from './sentencepiece.ts';

function encode(tokens: readonly string[], scores: readonly number[], text: string, unknownId?: number): number[] {
  const ids: number[] = [];
  createSentencePiece({ tokens, scores, unknownId })(text, ids);
  return ids;
}

describe('createSentencePiece', () => {
  const tokens = ['<unk>', 'a', 'b', 'ab', 'ba', 'aba', '\u2581', '\u2581a'];

  it('joins the neighbours whose token scores highest', () => {
    //            <unk> a  b  ab  ba  aba ▁  ▁a
    expect(encode(tokens, [0, 0, 0, -2, -1, -9, 0, -5], 'aba')).toEqual([5]);
    expect(encode(tokens, [0, 0, 0, -2, -1, -9, 0, -5], 'abab')).toEqual([5, 2]);
    expect(encode(tokens, [0, 0, 0, -1, -2, -9, 0, -5], 'abab')).toEqual([3, 3]);
  });

  it('equal scores join from the left', () => {
    expect(encode(tokens, [0, 0, 0, -1, -1, -9, 0, -5], 'bab')).toEqual([4, 2]);
  });

  it('cutting at space marks changes nothing', () => {
    // With the last token, a mark stands behind a letter, and the text is taken whole.
    const whole = [...tokens, 'b\u2581'];
    const scores = [0, 0, 0, -2, -1, -9, 0, -5];
    // ab (-2) joins before ▁a (-5); of aba, ba (-1) joins first and leaves ▁a.
    const text = '\u2581ab\u2581\u2581aba\u2581';
    expect(encode(tokens, scores, text)).toEqual([6, 3, 6, 7, 4, 6]);
    expect(encode(whole, [...scores, -100], text)).toEqual([6, 3, 6, 7, 4, 6]);
  });

  it('what has no token becomes its bytes, or the unknown token, or nothing', () => {
    const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
    // é is C3 A9; a character that is only part of a token has no id either.
    expect(encode([...bytes, 'a', 'xy'], [], 'aéx')).toEqual([256, 0xc3, 0xa9, 0x78]);
    expect(encode(tokens, [], 'aéb', 0)).toEqual([1, 0, 2]);
    expect(encode(tokens, [], 'aéb')).toEqual([1, 2]);
  });
});
