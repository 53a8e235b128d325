import fc from 'fast-check';
import { expect, test } from 'vitest';
import { exactNumber, parseExactJson } from './exact-json.ts';
import { canonicalJson, finiteNumber, JsonNumber, sameNumber, writeExactJson } from './json-number.ts';
import { isObject } from './json.ts';

/** JavaScript writes these as they stand. */
const PLAIN = '0 7 -1 10 1500 0.1 -0.25 8.5 0.000001 12345678901234 0.12345678901234 0.30000000000000004 1e-7'.split(
  ' ',
);
const PLAIN_LONG = '9007199254740991 -9007199254740991 9007199254740992 100000000000000000000 12527.60048171909'.split(
  ' ',
);

/** And these otherwise, or not at all. */
const ODD =
  '-0 -0.0 0.0 1.0 8.50 0.10 1e2 1E5 1e+2 5e-1 1e400 -1e400 1e-400 0.0000001 0.00001000 1E-7 1e21 1e+21 1e23'.split(
    ' ',
  );
const ODD_LONG =
  '9007199254740993 -9007199254740993 675127116845989888 1234567890123456800 18446744073709551615 1152921504606846976000000000001 0.1000000000000000055 12527.6004817190914 5500000000.0 123456789012345678901234567890.5'.split(
    ' ',
  );

test('only a number that JavaScript would write otherwise keeps its text', () => {
  const [plain, odd] = [
    [...PLAIN, ...PLAIN_LONG],
    [...ODD, ...ODD_LONG],
  ];
  expect(plain.map(exactNumber)).toEqual(plain.map(Number));
  expect(odd.map(exactNumber)).toEqual(odd.map((text) => new JsonNumber(text)));
  for (const text of plain)
    for (const json of [text, `[[3,${text}],{"":${text}}]`]) expect(parseExactJson(json)).toEqual(JSON.parse(json));
  for (const text of odd) {
    expect(parseExactJson(` ${text}\n`)).toEqual(new JsonNumber(text));
    const value = parseExactJson(`{"s": "5.0, 7", "a" :${text}\n, "b":"\\"1.0", "c":[[ 3,${text} ],{"":${text}}]}`);
    expect(writeExactJson(value)).toBe(`{"s":"5.0, 7","a":${text},"b":"\\"1.0","c":[[3,${text}],{"":${text}}]}`);
  }
});

/** JSON text with spaces between its tokens, some of whose numbers JavaScript spells otherwise. */
const jsonText = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(...PLAIN, ...PLAIN_LONG, ...ODD, ...ODD_LONG, 'true', 'null'),
    fc
      .string({ unit: fc.constantFrom('\\', '"', '1', '.', '0', ',', ':', '[', 'é', '\n') })
      .map((text) => JSON.stringify(text)),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.array(tie('value'), { maxLength: 4 }).map((items) => `[ ${items.join(' ,')}]`),
    fc
      .array(fc.tuple(fc.constantFrom('a', 'b', '1', '0', '__proto__', 'toString', 'k"\\'), tie('value')), {
        maxLength: 4,
      })
      .map((fields) => `{${fields.map(([name, value]) => `${JSON.stringify(name)}:\t${value}`).join(',\n')}}`),
  ),
})).value;

/** The value with numbers in place of every JsonNumber. */
function rounded(value: unknown): unknown {
  if (value instanceof JsonNumber) return Number(value.text);
  if (Array.isArray(value)) return value.map(rounded);
  if (!isObject(value)) return value;
  const record: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(value))
    Object.defineProperty(record, name, {
      value: rounded(field),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  return record;
}

test('rounded it is what JSON.parse gives, also where names repeat; written and read again it is the same', () => {
  fc.assert(
    fc.property(jsonText, (text) => {
      const value = parseExactJson(text);
      expect(rounded(value)).toEqual(JSON.parse(text));
      const written = writeExactJson(value);
      expect(parseExactJson(written)).toEqual(value);
      expect(writeExactJson(parseExactJson(written))).toBe(written);
      expect(canonicalJson(parseExactJson(canonicalJson(value)))).toBe(canonicalJson(value));
    }),
    { numRuns: 2000 },
  );
});

test('of fields with one name the last stays, whatever the others held', () => {
  const texts = [
    '{"a":1.0,"a":1}',
    '{"a":1,"a":1.0}',
    '{"a":{"x":1.0,"y":2.0},"a":{"y":3}}',
    '{"a":[1.0,2.0],"a":[3]}',
    '{"a":[1.0],"a":{"0":5}}',
    '{"a":{"0":1.0},"a":[5]}',
    '{"a":1.0,"a":"b"}',
    '{"a":{"toString":1.0,"__proto__":{"x":2.0}},"a":{},"b":3.0}',
  ];
  expect(texts.map((text) => writeExactJson(parseExactJson(text)))).toEqual([
    '{"a":1}',
    '{"a":1.0}',
    '{"a":{"y":3}}',
    '{"a":[3]}',
    '{"a":{"0":5}}',
    '{"a":[5]}',
    '{"a":"b"}',
    '{"a":{},"b":3.0}',
  ]);
});

test('what is no JSON throws as in JSON.parse, and depth is no matter', () => {
  for (const text of ['', '01', '1.', '+1', '.5', '[1.0', '{"a":1.0,}', 'NaN'])
    expect(() => parseExactJson(text)).toThrow(SyntaxError);
  const depth = 20_000;
  let value = parseExactJson(`${'['.repeat(depth)}1.0${']'.repeat(depth)}`);
  while (Array.isArray(value)) value = value[0];
  expect(value).toEqual(new JsonNumber('1.0'));
});

test('written: fields that are undefined are left out, dates and the like as JSON.stringify has them', () => {
  const at = new Date(0);
  const rest = { a: undefined, b: [undefined, at], c: at, d: null, e: 'é"', f: NaN, 2: true, 1: { toJSON: () => [1] } };
  const number = new JsonNumber('1.0');
  expect(writeExactJson({ ...rest, z: number })).toBe(`${JSON.stringify(rest).slice(0, -1)},"z":1.0}`);
  expect(writeExactJson(rest)).toBe(JSON.stringify(rest));
  expect([writeExactJson(number), writeExactJson(undefined)]).toEqual(['1.0', undefined]);
});

test('canonical: the order of names and the spelling of a value are nothing, whole or float is something', () => {
  const alike = [
    ['{"b":1.0,"a":0.10}', '{"a":0.1,"b":10e-1}'],
    ['-0', '0'],
    ['100.0', '1e2'],
    ['-0.0', '-0e5'],
    ['1.5e400', '15E399'],
    ['[0.10,"x"]', '[0.1,"x"]'],
    ['{"x":0.10}', '{"x":1e-1}'],
  ] as const;
  for (const [one, two] of alike)
    expect([one, canonicalJson(parseExactJson(one))]).toEqual([one, canonicalJson(parseExactJson(two))]);
  const values = [
    '1',
    '1.0',
    '"1.0"',
    '9007199254740993',
    '9007199254740992',
    '0.1',
    '0.1000000000000000055',
    '-0.0',
    '0.0',
    '0',
    '1e400',
    '1e401',
  ];
  expect(new Set(values.map((text) => canonicalJson(parseExactJson(text)))).size).toBe(values.length);
});

const same = (one: string, two: string): boolean => sameNumber(exactNumber(one), exactNumber(two));

test('two numbers are the same where their exact values are, and both are whole or both floats', () => {
  expect([
    same('0.1', '0.10'),
    same('1e2', '100.0'),
    same('-0', '0'),
    same('2.50', '2.5'),
    same('1e400', '10e399'),
  ]).toEqual(Array.from({ length: 5 }, () => true));
  expect([
    same('1', '1.0'),
    same('9007199254740993', '9007199254740992'),
    same('0.1', '0.1000000000000000055'),
    same('-0.0', '0.0'),
    same('1e400', '1e401'),
  ]).toEqual(Array.from({ length: 5 }, () => false));
});

test('to compute with: a finite number, else none', () => {
  expect(
    ['1.0', '1e400', '9007199254740993', '0.1000000000000000055'].map((text) => finiteNumber(exactNumber(text))),
  ).toEqual([1, undefined, 9007199254740992, 0.1]);
  expect([finiteNumber('1'), finiteNumber(null), finiteNumber(NaN)]).toEqual([undefined, undefined, undefined]);
});
