import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { DATA_LIMITS } from '../limits.ts';
import type { RecordEvent } from './record-parser.ts';
import { readRecords } from '../records.ts';
import { memorySource } from '../sources/source.ts';

/** Chunks of `size` bytes, so that every boundary falls somewhere. */
async function read(content: string | Uint8Array, { name = 'a.txt', size = 1e9, limits = DATA_LIMITS } = {}) {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const containers: string[] = [];
  const events: RecordEvent[] = [];
  const source = {
    ...memorySource(name, bytes),
    async *open() {
      for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
    },
  };
  for await (const event of readRecords(source, limits, (container) => containers.push(container))) events.push(event);
  const rows = events.map((event) =>
    event.kind === 'record' ? [event.origin.line, event.value] : [event.problem.line, event.problem.message],
  );
  return { containers, rows };
}

const MARKED = '\n\nOne day.\n\nIt rained.  \r\n<|endoftext|>\r\n<|endoftext|>\n  Two é😀.\nThree.\n<|endoftext|>\n';

test.each([1, 2, 3, 7, 1e9])('documents between marks keep their blank lines; chunks of %d bytes', async (size) => {
  expect(await read(MARKED, { size })).toEqual({
    containers: ['plain text divided by <|endoftext|>'],
    rows: [
      [3, { text: 'One day.\n\nIt rained.' }],
      [8, { text: '  Two é😀.\nThree.' }],
    ],
  });
});

test('without marks blank lines divide, and the last document needs no end', async () => {
  expect(await read('One\nstill one\n \t\n\nTwo <|endoftext|> inside\n\nThree', { size: 5 })).toEqual({
    containers: ['plain text divided by blank lines'],
    rows: [
      [1, { text: 'One\nstill one' }],
      [5, { text: 'Two <|endoftext|> inside' }],
      [7, { text: 'Three' }],
    ],
  });
});

test('JSON lines and lists stay what they are whatever the file is called; text may begin with a bracket', async () => {
  expect((await read(' {"text": "a"}\n', { name: 'rows.txt' })).containers).toEqual(['JSON lines']);
  expect((await read('[ {"text": "a"}]', { name: 'rows.txt.gz' })).containers).toEqual(['a JSON list']);
  expect((await read('[Chapter 1]\nIt rained.')).rows).toEqual([[1, { text: '[Chapter 1]\nIt rained.' }]]);
  expect((await read('')).rows).toEqual([]);
});

test('what is not UTF-8 and what is too long are problems of their documents', async () => {
  const bytes = new Uint8Array([...new TextEncoder().encode('fine\n\na\nb'), 0xff, 0x0a, 0x0a, 0x63]);
  expect((await read(bytes)).rows).toEqual([
    [1, { text: 'fine' }],
    [4, 'text must be UTF-8, got the byte 0xff; convert the file to UTF-8'],
    [6, { text: 'c' }],
  ]);
  const limits = { ...DATA_LIMITS, maxRecordBytes: 20 };
  expect((await read(`${'x'.repeat(30)}\ny\n\nshort`, { limits, size: 4 })).rows).toEqual([
    [1, 'a document must be at most 20 bytes, got 33; divide it by lines <|endoftext|>'],
    [4, { text: 'short' }],
  ]);
});

test('random bytes end: neither a crash nor text that was not there', async () => {
  const packed = gzipSync('some text to have bytes of all kinds, over and over');
  const { rows } = await read(new Uint8Array(packed).subarray(10), { size: 3 });
  expect(rows.length).toBeGreaterThan(0);
});
