import { expect, test } from 'vitest';
import { TOOL_FORMATS } from './format.ts';
import { markerTokens } from './marker-tokens.ts';
import { REASONING_FORMATS } from './reasoning.ts';

test('special tokens that are marks or parts of them stay in the text, ends of answers and plain tokens do not', () => {
  const contents = [
    '<|end|>',
    '<|tool_call|>',
    '<|/tool_call|>',
    '<think>',
    '<｜tool▁sep｜>',
    '[THINK]',
    '<tool_call>',
  ];
  const addedTokens = contents.map((content, index) => ({
    id: 10 + index,
    content,
    special: content !== '<tool_call>',
  }));
  const of = (...[format, reasoning]: [Parameters<typeof markerTokens>[1], Parameters<typeof markerTokens>[2]]) =>
    Array.from(markerTokens({ addedTokens, stopIds: [10] }, format, reasoning).kept.values());
  expect(of(TOOL_FORMATS.phi4, REASONING_FORMATS[0])).toEqual(['<|tool_call|>', '<|/tool_call|>', '<think>']);
  expect(of(TOOL_FORMATS.deepseek, REASONING_FORMATS[1])).toEqual(['<｜tool▁sep｜>', '[THINK]']);
  expect(of(TOOL_FORMATS.hermes, undefined)).toEqual([]);
  expect(of(undefined, undefined)).toEqual([]);
  const { special } = markerTokens({ addedTokens, stopIds: [10] }, undefined, undefined);
  expect(special.get('<|tool_call|>')).toBe(11);
  expect(special.has('<|end|>') || special.has('<tool_call>')).toBe(false);
});
