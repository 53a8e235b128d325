import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseExactJson, PreftuneError, writeExactJson } from '../../core/index.ts';
import { DATA_LIMITS, type DataLimits } from '../limits.ts';
import { readRecords } from '../records.ts';
import { memorySource } from '../sources/source.ts';
import { PARQUET_LIMITS } from './limits.ts';
import { readParquet } from './read-parquet.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const fixture = (name: string): Uint8Array => new Uint8Array(readFileSync(join(FIXTURES, name)));
const WANTED = parseExactJson(readFileSync(join(FIXTURES, 'rows.json'), 'utf8')) as Record<string, unknown[]>;

/** Values, and problems as `line reason path: message`. */
async function read(bytes: Uint8Array, limits: Partial<DataLimits> = {}): Promise<unknown[]> {
  const result: unknown[] = [];
  for await (const event of readRecords(memorySource('d.parquet', bytes), { ...DATA_LIMITS, ...limits })) {
    if (event.kind === 'record') {
      result.push(event.value);
      expect(event.origin.line).toBe(result.length);
    } else {
      const { line, reason, path, message } = event.problem;
      result.push(`${line} ${reason} ${path}: ${message}`);
    }
  }
  return result;
}

const PAIRS = Array.from({ length: 40 }, (_, i) => ({
  prompt: `p${i}`,
  chosen: `c${i}`.repeat((i % 5) + 1),
  rejected: `r${i}`,
}));

test.each(['none', 'gzip', 'brotli', 'lz4', 'delta'])('texts, as pyarrow wrote them with %s', async (codec) => {
  expect(await read(fixture(`pairs-${codec}.parquet`))).toEqual(PAIRS);
});

test.each(['v1', 'v2'])('lists of turns that cross pages and row groups, data pages %s', async (version) => {
  const rows = await read(fixture(`conversations-${version}.parquet`));
  expect(rows.length).toBe(700);
  expect([...rows.slice(0, 3), rows.at(-1)]).toEqual(WANTED['conversations']);
  expect(rows.map((row) => (row as { id: number }).id)).toEqual(Array.from({ length: 700 }, (_, i) => i));
  expect(rows.map((row) => (row as { prompt: unknown[] }).prompt.length)).toEqual(
    Array.from({ length: 700 }, (_, i) => 1 + 2 * (i % 3)),
  );
});

test('every type, absent values, empty lists', async () => {
  expect(await read(fixture('types.parquet'))).toEqual(WANTED['types']);
});

test.each(['numbers', 'numbers-plain'])(
  '%s: whole numbers of 64 bits, decimals and floats keep their digits',
  async (name) => {
    const rows = (await read(fixture(`${name}.parquet`))).map((row) => writeExactJson(row));
    expect(rows).toEqual([
      '{"id":9007199254740993,"unsigned":18446744073709551615,"whole":1.0,"short":-0.05,"long":1234567890123456789.0123456789,"count":98765432109876543210,"amounts":[1.500,null,-12.345],"call":{"order":-9007199254740993,"fee":100.0,"prices":[0.5,-0.0,3.0]}}',
      '{"id":9007199254740992,"unsigned":7,"whole":1e+300,"short":12.50,"long":0.0000000000,"count":-7,"amounts":[],"call":null}',
      '{"id":null,"unsigned":null,"whole":0.1,"short":null,"long":null,"count":null,"amounts":null,"call":{"order":1,"fee":null,"prices":null}}',
    ]);
  },
);

test('a text that is not UTF-8, and a row that is too long, are problems of their rows', async () => {
  expect(await read(fixture('not-utf8.parquet'))).toEqual([
    { prompt: 'ok', chosen: 'a', rejected: 'b' },
    '2 invalid-utf8 prompt: prompt must be UTF-8, got the byte 0xc3; write the column from text, not from bytes',
  ]);
  expect((await read(fixture('pairs-none.parquet'), { maxRecordBytes: 12 })).slice(2, 5)).toEqual([
    PAIRS[2],
    PAIRS[3],
    '5 record-too-long undefined: a row must have at most 12 characters, got 14',
  ]);
});

test('bytes are read in ranges, no more than the window asks for', async () => {
  const bytes = fixture('conversations-v1.parquet');
  const memory = await memorySource('d.parquet', bytes).openBytes!();
  const reads: number[] = [];
  const counted = {
    ...memory,
    read: (offset: number, length: number) => {
      reads.push(length);
      return memory.read(offset, length);
    },
  };
  let first: unknown;
  for await (const [event] of readParquet(counted, DATA_LIMITS)) {
    first = event?.kind === 'record' ? event.value : undefined;
    break;
  }
  expect(first).toEqual(WANTED['conversations']![0]);
  // Magic, footer and the columns of the first of three row groups.
  expect(reads.length).toBe(2 + 7);
  expect(reads.reduce((sum, length) => sum + length, 0)).toBeLessThan(bytes.length / 2 + 8000);
});

test('files that are cut, encrypted or not Parquet say so', async () => {
  const whole = fixture('pairs-none.parquet');
  const cut = 'the file is cut or was not closed by its writer; fetch or write it again';
  await expect(read(whole.subarray(0, 2000))).rejects.toThrow(`d.parquet: Parquet must end with PAR1, got `);
  await expect(read(whole.subarray(0, 10))).rejects.toThrow(`Parquet must have at least 12 bytes, got 10; ${cut}`);
  await expect(read(new Uint8Array(0))).rejects.toThrow('d.parquet: Parquet must start with PAR1, got an empty file');
  await expect(read(new TextEncoder().encode('{"a": 1}'))).rejects.toThrow(
    'Parquet must start with PAR1, got "{\\"a\\""',
  );
  const encrypted = new Uint8Array(whole);
  encrypted[whole.length - 1] = 0x45;
  await expect(read(encrypted)).rejects.toThrow(
    'd.parquet: Parquet must not be encrypted, got an encrypted footer; decrypt it first',
  );
  const lying = new Uint8Array(whole);
  new DataView(lying.buffer).setUint32(whole.length - 8, 0x7fffffff, true);
  await expect(read(lying)).rejects.toThrow(
    `d.parquet: the footer must lie in the file of ${whole.length} bytes, got a length of 2147483647; ${cut}`,
  );
  const { name, open } = memorySource('d.parquet', whole);
  await expect(async () => {
    for await (const event of readRecords({ name, open })) expect(event).toBeUndefined();
  }).rejects.toThrow('d.parquet: Parquet must be a file of its own, got it packed or from a stream');
});

/** A struct in Thrift's compact protocol: field numbers in order, each a type and its bytes. */
const struct = (...fields: readonly (readonly [id: number, type: number, bytes: readonly number[]])[]): number[] => {
  let last = 0;
  const bytes = fields.flatMap(([id, type, value]) => {
    const head = ((id - last) << 4) | type;
    last = id;
    return [head, ...value];
  });
  return [...bytes, 0];
};
const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];
const int = (value: number): number[] => varint(value * 2);
const text = (value: string): number[] => [...varint(value.length), ...new TextEncoder().encode(value)];
const list = (type: number, items: readonly number[][]): number[] => [(items.length << 4) | type, ...items.flat()];

/** A file of one required text column `a` with these pages, and what its footer claims. */
function crafted(pages: readonly number[], { rows = 1, columnBytes = pages.length, codec = 0 } = {}): Uint8Array {
  const schema = list(12, [
    struct([4, 8, text('root')], [5, 5, int(1)]),
    struct([1, 5, int(6)], [3, 5, int(0)], [4, 8, text('a')], [6, 5, int(0)]),
  ]);
  const column = struct(
    [1, 5, int(6)],
    [2, 9, list(5, [int(0)])],
    [3, 9, list(8, [text('a')])],
    [4, 5, int(codec)],
    [5, 6, int(rows)],
    [6, 6, int(columnBytes)],
    [7, 6, int(columnBytes)],
    [9, 6, int(4)],
  );
  const group = struct([1, 9, list(12, [struct([2, 6, int(4)], [3, 12, column])])], [2, 6, int(9)], [3, 6, int(rows)]);
  const footer = struct([1, 5, int(1)], [2, 9, schema], [3, 6, int(rows)], [4, 9, list(12, [group])]);
  const magic = text('PAR1').slice(1);
  const size = [footer.length & 255, footer.length >> 8, 0, 0];
  return Uint8Array.from([...magic, ...pages, ...footer, ...size, ...magic]);
}

/** The header of a data page of version 1. */
const pageHeader = (sizes: { packed: number; unpacked: number; values: number; encoding?: number }): number[] =>
  struct(
    [1, 5, int(0)],
    [2, 5, int(sizes.unpacked)],
    [3, 5, int(sizes.packed)],
    [5, 12, struct([1, 5, int(sizes.values)], [2, 5, int(sizes.encoding ?? 0)], [3, 5, int(3)], [4, 5, int(3)])],
  );

test('lies are refused before memory is reserved for them', async () => {
  const honest = [...pageHeader({ packed: 6, unpacked: 6, values: 1 }), 2, 0, 0, 0, 0x68, 0x69];
  expect(await read(crafted(honest))).toEqual([{ a: 'hi' }]);
  const file = crafted(honest, { rows: 2 ** 40 });
  const most = file.length * PARQUET_LIMITS.maxRowsPerByte;
  await expect(read(file)).rejects.toThrow(
    `d.parquet: a file of ${file.length} bytes must have at most ${most} rows, got ${2 ** 40}; the file is damaged, write it again`,
  );
  const inGroup = 'd.parquet: Parquet must be whole and valid, got in row group 0, from row 1 on: column a: ';
  const again = '; fetch or write the file again';
  const cases: (readonly [number[], string])[] = [
    [
      [...pageHeader({ packed: 6, unpacked: 2 ** 30, values: 1 }), 2, 0, 0, 0, 0x68, 0x69],
      `a page must unpack to at most ${PARQUET_LIMITS.maxPageBytes} bytes, got ${2 ** 30}`,
    ],
    [
      [...pageHeader({ packed: 6, unpacked: 6, values: 2 ** 29 }), 2, 0, 0, 0, 0x68, 0x69],
      `a page must have at most ${PARQUET_LIMITS.maxPageValues} values, got ${2 ** 29}`,
    ],
    [
      [...pageHeader({ packed: 999, unpacked: 6, values: 1 }), 2, 0, 0, 0, 0x68, 0x69],
      'a page must lie in its column, got 999 bytes of 6',
    ],
    [
      // Dictionary indices of one bit: a run of 2^27 zeros.
      [...pageHeader({ packed: 6, unpacked: 6, values: 1, encoding: 8 }), 1, 0x80, 0x80, 0x80, 0x80, 0x01],
      `a run must have at most 1 values, got ${2 ** 27}`,
    ],
    [
      // A text of 2^31 - 1 bytes.
      [...pageHeader({ packed: 6, unpacked: 6, values: 1 }), 0xff, 0xff, 0xff, 0x7f, 0x68, 0x69],
      'Invalid typed array length: 2147483647',
    ],
    [[...pageHeader({ packed: 0, unpacked: 0, values: 0 })], 'it must have 1 more rows, got 0'],
    [
      // A number without end.
      [0x15, ...Array.from({ length: 200 }, () => 0x80)],
      'a page must have a header, got: Error: a number must have at most 10 bytes',
    ],
    [
      // Structs in structs.
      Array.from({ length: 200 }, () => 0x1c),
      'a page must have a header, got: Error: structs must nest at most 24 deep',
    ],
  ];
  for (const [pages, message] of cases) await expect(read(crafted(pages))).rejects.toThrow(inGroup + message + again);
  await expect(read(crafted(honest, { columnBytes: 10_000 }))).rejects.toThrow(
    /^d\.parquet: the column a must lie in the file of \d+ bytes, got 10000 bytes from 4; the file is damaged, write it again$/,
  );
});

test('edited bytes of real files: a report or a bad-input error, soon', async () => {
  const names = [
    'conversations-v1',
    'conversations-v2',
    'types',
    'pairs-gzip',
    'pairs-brotli',
    'pairs-lz4',
    'pairs-delta',
  ];
  const edit = fc.record({
    place: fc.double({ min: 0, max: 1, noNaN: true }),
    // Half of the edits hit the footer and its lengths.
    inFooter: fc.boolean(),
    removed: fc.integer({ min: 0, max: 6 }),
    put: fc.uint8Array({ maxLength: 6 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...names), fc.array(edit, { minLength: 1, maxLength: 3 }), async (name, edits) => {
      let bytes = fixture(`${name}.parquet`);
      for (const { place, inFooter, removed, put } of edits) {
        const from = inFooter ? Math.max(4, bytes.length - 1500) : 4;
        const at = from + Math.floor(place * (bytes.length - from));
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...put, ...bytes.subarray(at + removed)]);
      }
      try {
        expect((await read(bytes)).length).toBeLessThanOrEqual(bytes.length * PARQUET_LIMITS.maxRowsPerByte);
      } catch (error) {
        if (!(error instanceof PreftuneError)) throw error;
        expect([error.code, error.message]).toEqual(['bad-input', expect.stringMatching(/^d\.parquet: .+/)]);
      }
    }),
    { numRuns: 600 },
  );
}, 240_000);
