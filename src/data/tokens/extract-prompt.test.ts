import { expect, test } from 'vitest';
import { extractTextPrompt, extractTurnsPrompt, sameJson } from './extract-prompt.ts';

// The expected values were printed by TRL 1.16's data_utils.extract_prompt for the same input.
test.each([
  ['The sky is blue.', 'The sky is green.', 'The sky is', ' blue.', ' green.'],
  ['Capital of Peru? Lima.', 'Capital of Peru? Lisbon.', 'Capital of Peru? Li', 'ma.', 'sbon.'],
  ['Q: Yes', 'Q: Yes indeed', 'Q: Ye', 's', 's indeed'],
  ['a b  c', 'a b  d', 'a b ', ' c', ' d'],
  ['ab', 'ab', 'a', 'b', 'b'],
])('%j / %j', (chosen, rejected, ...expected) => {
  expect(Object.values(extractTextPrompt(chosen, rejected))).toEqual(expected);
});

test('nothing shared, nothing at all, and surrogate pairs', () => {
  expect(extractTextPrompt('x', 'y ')).toEqual({ prompt: '', chosen: 'x', rejected: 'y ' });
  expect(extractTextPrompt('', 'y')).toEqual({ prompt: '', chosen: '', rejected: 'y' });
  // U+1F600 and U+1F601 share their first UTF-16 unit.
  expect(extractTextPrompt('a😀', 'a😁')).toEqual({ prompt: 'a', chosen: '😀', rejected: '😁' });
});

test('turns: shared ones leave; the last turn of a conversation that starts the other stays', () => {
  const u = { role: 'user', content: 'q' };
  const a = { role: 'assistant', content: 'a' };
  const b = { content: 'b', role: 'assistant' };
  expect(extractTurnsPrompt([u, a], [u, b])).toEqual({ prompt: [u], chosen: [a], rejected: [b] });
  expect(extractTurnsPrompt([u, a], [u, a, u, b])).toEqual({ prompt: [u], chosen: [a], rejected: [a, u, b] });
  expect(extractTurnsPrompt([{ content: 'q', role: 'user' }, a], [u, b]).prompt).toEqual([u]);
});

test('sameJson compares as JSON does: order of keys and undefined values say nothing, order of items does', () => {
  const call = { name: 'add', arguments: { a: 1, b: [1, { c: null }] } };
  expect(sameJson(call, { arguments: { b: [1, { c: null }], a: 1 }, name: 'add', id: undefined })).toBe(true);
  expect(sameJson({ ...call, id: undefined }, call)).toBe(true);
  expect(sameJson(call, { ...call, id: null })).toBe(false);
  expect(sameJson({ a: [1, 2] }, { a: [2, 1] })).toBe(false);
  expect(sameJson([1], { 0: 1 })).toBe(false);
  expect(sameJson('1', 1)).toBe(false);
  expect(sameJson(null, {})).toBe(false);
  expect(sameJson({ toString: 1 }, {})).toBe(false);
});
