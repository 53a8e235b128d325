import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventReader } from './event-reader.ts';

function read(...chunks: readonly (string | Uint8Array)[]): string[] {
  const reader = new EventReader({ maxEventLength: 1000 });
  const encoder = new TextEncoder();
  const found = chunks.flatMap((one) => reader.push(typeof one === 'string' ? encoder.encode(one) : one));
  return [...found, ...reader.finish()].map(({ data, name }) => (name === undefined ? data : `${name}=${data}`));
}

test.each<[string, readonly string[], readonly string[]]>([
  ['line feeds', ['data: a\n\ndata: b\n\n'], ['a', 'b']],
  ['carriage returns and line feeds', ['data: a\r\n\r\ndata: b\r\n\r\n'], ['a', 'b']],
  ['carriage returns', ['data: a\r\rdata: b\r\r'], ['a', 'b']],
  ['a line end that is split', ['data: a\r', '\n\r', '\ndata: b\r\n\r', '\n'], ['a', 'b']],
  ['no blank behind the colon', ['data:a\n\ndata:  b\n\n'], ['a', ' b']],
  ['comments and pings', [': ping - 1\n\n', 'data: a\n', ': OPENROUTER PROCESSING\n\n'], ['a']],
  ['data of several lines', ['data: {\ndata: "a": 1\ndata: }\n\n'], ['{\n"a": 1\n}']],
  ['other fields', ['id: 1\nretry: 5\nevent: message\ndata: a\n\n'], ['message=a']],
  ['no empty line between', ['data: {"a":1}\ndata: {"b":2}\ndata: [DONE]\n\n'], ['{"a":1}', '{"b":2}', '[DONE]']],
  ['no line end at the end', ['data: a\n\ndata: [DONE]'], ['a', '[DONE]']],
  ['a byte order mark', ['\uFEFFdata: a\n\n'], ['a']],
  ['a field without a colon', ['data\n\ndata: a\n\n'], ['', 'a']],
])('%s', (_, chunks, expected) => {
  expect(read(...chunks)).toEqual(expected);
});

test('however the bytes are cut, the events are the same', () => {
  const text = 'data: {"content":"Grüße 👋🏽"}\r\n\r\n: c\n\ndata: {"b":"\u2028"}\n\ndata:[DONE]\n\n';
  const bytes = new TextEncoder().encode(text);
  const expected = read(text);
  expect(expected).toHaveLength(3);
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(bytes.length)), (cuts) => {
      const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
      expect(read(...places.slice(1).map((end, at) => bytes.subarray(places[at], end)))).toEqual(expected);
    }),
  );
});

test('an event without an end is no way to fill the memory', () => {
  expect(() => read('data: ', 'x'.repeat(600), 'x'.repeat(600))).toThrow('more than 1000 characters');
  expect(() => read(...Array.from({ length: 200 }, () => 'data: 1234567\n'))).toThrow('more than 1000 characters');
});
