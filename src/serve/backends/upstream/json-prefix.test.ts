import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isJsonPrefix } from './json-prefix.ts';

test('every beginning of JSON is one', () => {
  fc.assert(
    fc.property(fc.json(), fc.nat(), (text, at) => {
      expect(isJsonPrefix(text.slice(0, at % (text.length + 1)))).toBe(true);
    }),
  );
});

test.each([
  '{{',
  '{"a":1}{',
  '{"a" "b"',
  '{"a":tru1',
  '[1,,',
  '{,',
  '{"a":1,}',
  '[}',
  '1 2',
  '{"a":01',
  '}',
  '{"c{"city',
  ':',
])('nothing makes JSON of %s', (text) => {
  expect(isJsonPrefix(text)).toBe(false);
});
