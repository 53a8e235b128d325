import { describe, expect, it } from 'vitest';
import { createSectionSplitter, type AddedToken } from './added-tokens.ts';

function token(content: string, flags: Partial<AddedToken> = {}): AddedToken {
  const none = { special: false, lstrip: false, rstrip: false, singleWord: false, normalized: false };
  return { id: 0, content, ...none, ...flags };
}

/** Sections as text, tokens in brackets. */
function cut(tokens: readonly AddedToken[], text: string): readonly string[] {
  return createSectionSplitter(tokens)(text).map((section) =>
    section.token === undefined ? section.text : `[${section.token.content}]`,
  );
}

describe('createSectionSplitter', () => {
  it('finds the leftmost token, and the longest of those that start together', () => {
    expect(cut([token('<a>'), token('<a><b>'), token('b>c')], 'x<a><b>c<a>')).toEqual(['x', '[<a><b>]', 'c', '[<a>]']);
  });

  it('treats what is special in patterns as text', () => {
    expect(cut([token('.*|$^(')], 'a.*|$^(b')).toEqual(['a', '[.*|$^(]', 'b']);
  });

  it('lstrip and rstrip take white space on their side only', () => {
    expect(cut([token('<m>', { lstrip: true })], 'a \t<m> b')).toEqual(['a', '[<m>]', ' b']);
    expect(cut([token('<m>', { rstrip: true })], 'a <m> \u0085\nb')).toEqual(['a ', '[<m>]', 'b']);
    expect(cut([token('<m>', { lstrip: true, rstrip: true })], ' <m>  <m> ')).toEqual(['[<m>]', '[<m>]']);
  });

  it('singleWord needs the ends of a word on both sides', () => {
    expect(cut([token('word', { singleWord: true })], 'word sword word_ (word)')).toEqual([
      '[word]',
      ' sword word_ (',
      '[word]',
      ')',
    ]);
  });

  it('gives offsets and no empty sections', () => {
    expect(createSectionSplitter([])('')).toEqual([]);
    expect(createSectionSplitter([])('ab')).toEqual([{ start: 0, text: 'ab', token: undefined }]);
    expect(createSectionSplitter([token('x')])('xax').map(({ start }) => start)).toEqual([0, 1, 2]);
  });
});
