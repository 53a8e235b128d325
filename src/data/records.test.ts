import { parseExactJson } from '../core/index.ts';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DATA_LIMITS, type DataLimits } from './limits.ts';
import { sourcesOfPath } from './sources/node-paths.ts';
import { fileSource } from './sources/node-source.ts';
import { readRecords } from './records.ts';
import { memorySource, type DataSource } from './sources/source.ts';

/** Values, and problems as `line:column reason message`, in order. */
async function read(source: DataSource | string | Uint8Array, limits: DataLimits = DATA_LIMITS): Promise<unknown[]> {
  const result: unknown[] = [];
  const from = typeof source === 'string' || source instanceof Uint8Array ? memorySource('d', source) : source;
  for await (const event of readRecords(from, limits)) {
    if (event.kind === 'record') result.push([event.origin.line, event.value]);
    else result.push(`${event.problem.line}:${event.problem.column} ${event.problem.reason}: ${event.problem.message}`);
  }
  return result;
}

/** A source that hands out its bytes `size` at a time, always in the same buffer, as a producer may. */
function chunked(text: string, size: number): DataSource {
  const bytes = new TextEncoder().encode(text);
  return {
    name: 'd',
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

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'preftune-records-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('JSON lines: CRLF, blank lines, byte order mark, no last line end', async () => {
  expect(await read('\ufeff{"a":1}\r\n\r\n  \n{"a":"\ufeffé"}\n3')).toEqual([
    [1, { a: 1 }],
    [4, { a: '\ufeffé' }],
    [5, 3],
  ]);
  expect(await read('')).toEqual([]);
  expect(await read(' \n\n')).toEqual([]);
});

test('a JSON list: positions, nesting, strings with brackets and escapes', async () => {
  const text = '\n [ {"a": "]},\\"[{"},\n[1, {"b": [2]}] , 5,"x\\\\", null ]\n';
  const expected = [
    [1, { a: ']},"[{' }],
    [2, [1, { b: [2] }]],
    [3, 5],
    [4, 'x\\'],
    [5, null],
  ];
  expect(await read(text)).toEqual(expected);
  for (const size of [1, 2, 3, 7]) expect(await read(chunked(text, size))).toEqual(expected);
  expect(await read('[]')).toEqual([]);
});

test('JSON errors carry line and column in characters, and reading goes on', async () => {
  expect(await read('{"a": 1}\n{"é": tru}\n{"a" 1}\n{"a": "x\n{"a": 2}')).toEqual([
    [1, { a: 1 }],
    '2:7 invalid-json: JSON must have a JSON value here, got "tru}"',
    '3:6 invalid-json: JSON must have a colon after the key here, got "1}"',
    '4:9 invalid-json: JSON must have a closing " here, got the end',
    [5, { a: 2 }],
  ]);
  expect(await read('[{"a": 1},\n  {"b": 1,\n   "c" 2}, 3]')).toEqual([
    [1, { a: 1 }],
    '3:8 invalid-json: JSON must have a colon after the key here, got "2}"',
    [3, 3],
  ]);
});

test('a broken list names the place', async () => {
  await expect(read('[1, 2')).rejects.toThrow(
    'd:1:6: the JSON list must have a closing ] here, got the end of the file',
  );
  await expect(read('[1]\n x')).rejects.toThrow(
    'd:2:2: the JSON list must have nothing more after its end here, got "x"',
  );
  await expect(read('[1,,2]')).rejects.toThrow('d:1:4: the JSON list must have an element here, got ","');
  await expect(read('[1,]')).rejects.toThrow('d:1:4: the JSON list must have an element here, got "]"');
});

test('invalid UTF-8, UTF-16, other files', async () => {
  const bytes = Uint8Array.from([0x7b, 0x22, 0xc3, 0xa9, 0x22, 0x3a, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x7d]);
  expect(await read(bytes)).toEqual([
    '1:7 invalid-utf8: text must be UTF-8, got the byte 0xed; convert the file to UTF-8',
  ]);
  await expect(read(Uint8Array.from([0xff, 0xfe, 0x7b, 0]))).rejects.toThrow(
    'd: data must be rows as JSON, JSON lines, CSV or Parquet, got UTF-16; convert it to UTF-8',
  );
  await expect(read('PAR1....')).rejects.toThrow(
    'd: Parquet must have at least 12 bytes, got 8; the file is cut or was not closed by its writer; fetch or write it again',
  );
});

test('limits: record bytes, depth, source bytes, records', async () => {
  const limits = { maxRecordBytes: 20, maxDepth: 3, maxSourceBytes: 1000, maxRecords: 4 };
  expect(await read(`{"a":1}\n"${'x'.repeat(30)}"\n[[[[1]]]]\n[[["[[["]]]`, limits)).toEqual([
    [1, { a: 1 }],
    '2:undefined record-too-long: a line must be at most 20 bytes, got 32; JSONL holds one record a line',
    '3:1 nested-too-deep: a record must nest at most 3 lists and objects, got more',
    [4, [[['[[[']]]],
  ]);
  expect(await read(`["${'x'.repeat(30)}", 1]`, limits)).toEqual([
    '1:2 record-too-long: an element must be at most 20 bytes, got 32',
    [2, 1],
  ]);
  await expect(read('1\n1\n1\n1\n1', limits)).rejects.toThrow('d: data must hold at most 4 records, got more');
  await expect(read('1'.repeat(1001), limits)).rejects.toThrow('data must be at most 1000 bytes (unpacked), got more');
});

test('nesting that would overflow a stack is only a problem', async () => {
  const deep = `{"a": ${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
  expect(await read(`${deep}\n${deep.slice(0, -5)}`)).toEqual([
    '1:1 nested-too-deep: a record must nest at most 64 lists and objects, got more',
    '2:400003 invalid-json: JSON must have a comma or ] here, got the end',
  ]);
});

test('files: gzip by its first bytes, several members, damage, folders, missing paths', async () => {
  const path = join(folder, 'rows.jsonl');
  await writeFile(path, Buffer.concat([gzipSync('{"a":1}\n{"a"'), gzipSync(':2}\n')]));
  expect(await read(fileSource(path))).toEqual([
    [1, { a: 1 }],
    [2, { a: 2 }],
  ]);
  const cut = join(folder, 'cut.json.gz');
  await writeFile(cut, gzipSync('[{"a":1},{"a":2}]').subarray(0, 20));
  await expect(read(fileSource(cut))).rejects.toThrow(
    `${cut}: gzip must be whole, got unexpected end of file; unpack it or fetch the file again`,
  );
  await expect(read(fileSource(join(folder, 'none')))).rejects.toThrow(
    'none: data must be a readable file or folder, got no such file',
  );
  await expect(read(fileSource(folder))).rejects.toThrow('data must be a file, got a folder');
  await writeFile(join(folder, 'notes.txt'), 'x');
  expect((await sourcesOfPath(`${folder}/*`)).map((source) => source.name)).toEqual([cut, path]);
  await expect(sourcesOfPath(join(folder, 'none'))).rejects.toThrow('got no such file');
});

test('leaving a file early closes it', async () => {
  const path = join(folder, 'long.jsonl');
  await writeFile(path, '{"a":1}\n'.repeat(100_000));
  for await (const event of readRecords(fileSource(path))) {
    expect(event.kind).toBe('record');
    break;
  }
});

test('lines and lists hold what their text does however the bytes are cut', async () => {
  const records = fc.array(fc.jsonValue({ maxDepth: 3 }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(records, fc.integer({ min: 1, max: 9 }), async (values, size) => {
      const normal = parseExactJson(JSON.stringify(values)) as unknown[];
      const expected = normal.map((value, index) => [index + 1, value]);
      const lines = `\n{}\n${values.map((value) => JSON.stringify(value)).join('\n')}`;
      expect((await read(chunked(lines, size))).slice(1)).toEqual(normal.map((value, index) => [index + 3, value]));
      expect(await read(chunked(JSON.stringify(values, null, 1), size))).toEqual(expected);
    }),
  );
});
