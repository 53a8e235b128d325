import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PreftuneError } from '../core/index.ts';
import { parseJson, parseJsonObject } from './json.ts';

function fault(text: string, uniqueKeys = false): string {
  try {
    parseJsonObject(text, 'x.json', { uniqueKeys });
  } catch (thrown) {
    if (thrown instanceof PreftuneError) return thrown.message;
  }
  return 'none';
}

function accepts(parse: () => unknown): boolean {
  try {
    parse();
    return true;
  } catch {
    return false;
  }
}

test('faults are reported with line and column', () => {
  expect(fault('{\n  "a": 1,\n  "b" 2\n}')).toBe('x.json:3:7: \':\' must follow a key, got "2"');
  expect(fault('{"a": [1, 2}')).toBe("x.json:1:12: ',' or ']' must follow, got \"}\"");
  expect(fault('{"a": tru}')).toBe('x.json:1:7: a JSON value must stand here, got "t"');
  expect(fault('{"a": "b')).toBe('x.json:1:9: a string must be closed, got the end of the text');
  expect(fault('{"a": "\\x"}')).toBe('x.json:1:9: an escape must be known, got "x"');
  expect(fault('{} {}')).toBe('x.json:1:4: nothing must follow the value, got "{"');
  expect(fault('[1]')).toBe('x.json: must hold a JSON object, got an array of 1');
  expect(fault('')).toBe('x.json:1:1: a JSON value must stand here, got the end of the text');
});

test('a key that stands twice is found in any object, also when it is spelled with an escape', () => {
  expect(fault('{"a": {"b": 1, "\\u0062": 2}}', true)).toBe(
    'x.json:1:16: keys must be unique, got "b" twice in one object',
  );
  expect(fault('{"a": {"b": 1}, "b": 2}', true)).toBe('none');
});

test('deep nesting is refused before it can exhaust the stack', () => {
  expect(fault('{"a":'.repeat(100_000), true)).toBe('x.json:1:641: objects and arrays must nest at most 128 deep');
});

test('every JSON value passes unchanged, and the scanner accepts what JSON.parse accepts', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.nat(4), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      expect(parseJson(text, 'x.json', { uniqueKeys: true })).toEqual(JSON.parse(text));
    }),
  );
});

test('what the scanner refuses JSON.parse refuses, and the reverse', () => {
  const pieces = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    'a',
    '1',
    '-',
    '.',
    'e',
    'true',
    'null',
    ' ',
    '\\',
    'u0041',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      const text = parts.join('');
      expect(accepts(() => parseJson(text, 'x.json', { uniqueKeys: true }))).toBe(accepts(() => JSON.parse(text)));
    }),
    { numRuns: 2000 },
  );
});
