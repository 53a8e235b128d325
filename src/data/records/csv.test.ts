import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DATA_LIMITS, type DataLimits } from '../limits.ts';
import { readRecords } from '../records.ts';
import type { DataSource } from '../sources/source.ts';
import { cellValue } from './csv-cell.ts';

/** A source that hands out its bytes `size` at a time, always in the same buffer. */
function chunked(content: string | Uint8Array, size: number, name: string): DataSource {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  return {
    name,
    async *open() {
      const buffer = new Uint8Array(size);
      for (let at = 0; at < bytes.length; at += size) {
        const part = bytes.subarray(at, at + size);
        buffer.set(part);
        yield buffer.subarray(0, part.length);
      }
    },
  };
}

interface ReadOptions {
  readonly size?: number;
  readonly name?: string;
  readonly limits?: Partial<DataLimits>;
}

/** [line, value] of records; problems as `line reason: message`. */
async function read(content: string | Uint8Array, { size = 1 << 16, name = 'd.csv', limits }: ReadOptions = {}) {
  const result: unknown[] = [];
  for await (const event of readRecords(chunked(content, size, name), { ...DATA_LIMITS, ...limits })) {
    if (event.kind === 'record') result.push([event.origin.line, event.value]);
    else result.push(`${event.problem.line} ${event.problem.reason}: ${event.problem.message}`);
  }
  return result;
}

test('quotes, line ends inside them, byte order mark, CRLF, empty lines, no last line end', async () => {
  const content =
    '\ufeffprompt,chosen,rejected\r\n"a, b","say ""hi""\r\nthere",x\r\n\r\n5" pipe,"",\n日本, é ,"😀"\r\nlast,"q",z';
  const expected = [
    [2, { prompt: 'a, b', chosen: 'say "hi"\r\nthere', rejected: 'x' }],
    [5, { prompt: '5" pipe', chosen: '', rejected: null }],
    [6, { prompt: '日本', chosen: ' é ', rejected: '😀' }],
    [7, { prompt: 'last', chosen: 'q', rejected: 'z' }],
  ];
  for (const size of [1, 2, 3, 7, 1000]) expect(await read(content, { size })).toEqual(expected);
  expect(await read('')).toEqual([]);
  expect(await read('a,b\n')).toEqual([]);
});

test('separators: tab by the name, else what the header has most of', async () => {
  expect(await read('a,b\tc\n1,2\t3', { name: 'd.tsv' })).toEqual([[2, { 'a,b': '1,2', c: '3' }]]);
  expect(await read('a;"b,c,d,e";f\n1;2,5;3')).toEqual([[2, { a: '1', 'b,c,d,e': '2,5', f: '3' }]]);
  expect(await read('text\nOnce, upon')).toEqual([
    '2 ragged-row: a row must have the 1 fields of the header, got 2; quote fields that hold separators or line ends',
  ]);
  expect(await read('a|b\n1|2', { size: 1 })).toEqual([[2, { a: '1', b: '2' }]]);
});

test('cells: absent, conversations, numbers and truth where the name promises them, text everywhere else', () => {
  const turns = '[{"role": "user", "content": "hi"}]';
  const cells: [string, string, unknown][] = [
    ['prompt', '007', '007'],
    ['chosen', 'true', 'true'],
    ['chosen', '[1, 2]', '[1, 2]'],
    ['chosen', turns, [{ role: 'user', content: 'hi' }]],
    ['conversations', '[{"from":"human","value":"x"}]', [{ from: 'human', value: 'x' }]],
    ['prompt', '[{"role": broken', '[{"role": broken'],
    ['tools', '[{"type":"function"}]', [{ type: 'function' }]],
    ['label', 'True', true],
    ['label', '0', 0],
    ['score_chosen', '4.5', 4.5],
    ['rating', 'good', 'good'],
    ['underscored', '1', '1'],
  ];
  expect(cells.map(([column, cell]) => cellValue(column, cell, false))).toEqual(cells.map(([, , value]) => value));
  expect([cellValue('a', '', false), cellValue('a', '', true)]).toEqual([null, '']);
});

test('bad rows name their line, and reading goes on', async () => {
  expect(await read('a,b\n1\n1,2,3\n"x"y,2\n3,4\n"5,6\n7,8')).toEqual([
    '2 ragged-row: a row must have the 2 fields of the header, got 1; quote fields that hold separators or line ends',
    '3 ragged-row: a row must have the 2 fields of the header, got 3; quote fields that hold separators or line ends',
    '4 invalid-csv: a separator or the line\'s end must follow a closing quote, got "y,2"; double the quotes inside a field',
    [5, { a: '3', b: '4' }],
    '6 invalid-csv: the quote that opens in line 6 must close, got the end of the file; double the quotes inside a field',
  ]);
  const bytes = Uint8Array.from([...new TextEncoder().encode('a,b\n1,'), 0xc3, 0x28, 0x0a, 0x31, 0x2c, 0x32]);
  expect(await read(bytes)).toEqual([
    '2 invalid-utf8: text must be UTF-8, got the byte 0xc3; convert the file to UTF-8',
    [3, { a: '1', b: '2' }],
  ]);
  const long = `a,b\n1,"${'x\n'.repeat(40)}",3\n5,6`;
  expect(await read(long, { limits: { maxRecordBytes: 20 }, size: 8 })).toEqual([
    '2 record-too-long: a row must be at most 20 bytes, got 86; look for a quote in line 2 that does not close',
    [43, { a: '5', b: '6' }],
  ]);
});

test('a header that names nothing, or one name twice', async () => {
  await expect(read('a,,b\n1,2,3')).rejects.toThrow(
    'd.csv:1: every column must have a name in the first line, got none for column 2; name it',
  );
  await expect(read('a,b, a\n1,2,3')).rejects.toThrow(
    'd.csv:1: the names of columns must differ, got "a" twice; rename one',
  );
  await expect(read('"a,b\n1,2')).rejects.toThrow(
    'd.csv:1: the header must name the columns: the quote that opens in line 1 must close, got the end of the file',
  );
});

function quote(value: string, always: boolean): string {
  const needsQuotes = value === '' || /[",\r\n;|\t]|^\s|\s$/.test(value);
  return always || needsQuotes ? `"${value.replaceAll('"', '""')}"` : value;
}

test('agrees with csv-parse on every table, however the bytes are cut', async () => {
  const cell = fc.oneof(
    fc.string({ maxLength: 6 }),
    fc
      .array(fc.constantFrom('"', ',', '\n', '\r\n', ' ', 'é', '😀', 'x'), { maxLength: 5 })
      .map((parts) => parts.join('')),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(cell, cell, cell), { maxLength: 6 }),
      fc.boolean(),
      fc.constantFrom('\n', '\r\n'),
      fc.integer({ min: 1, max: 9 }),
      async (rows, always, end, size) => {
        const content = ['x1,x2,x3', ...rows.map((row) => row.map((value) => quote(value, always)).join(','))].join(
          end,
        );
        const wanted = parse(content, { columns: true, skip_empty_lines: true, record_delimiter: end }) as unknown[];
        const found = (await read(content, { size })).map((row) => (row as [number, unknown])[1]);
        expect(found).toEqual(wanted);
      },
    ),
    { numRuns: 400 },
  );
});

test('any bytes are rows, problems or a bad-input error', async () => {
  const piece = fc.constantFrom('"', ',', '\n', '\r', 'a', ';', '\u0000', '""', '",', '\n"');
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.uint8Array({ maxLength: 40 }),
        fc.array(piece, { maxLength: 40 }).map((parts) => new TextEncoder().encode(parts.join(''))),
      ),
      fc.integer({ min: 1, max: 9 }),
      async (bytes, size) => {
        const all = Uint8Array.from([...new TextEncoder().encode('a,b\n'), ...bytes]);
        const once = await read(all, { limits: { maxRecordBytes: 30 } });
        expect(await read(all, { size, limits: { maxRecordBytes: 30 } })).toEqual(once);
      },
    ),
    { numRuns: 500 },
  );
});
