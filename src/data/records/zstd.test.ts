import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { PreftuneError } from '../../core/index.ts';
import { fileSource } from '../sources/node-source.ts';
import { readRecords } from '../records.ts';
import { unpackZstd } from './zstd.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const folder = mkdtempSync(join(tmpdir(), 'preftune-zstd-'));
afterAll(() => rmSync(folder, { recursive: true }));

const ROWS = Array.from({ length: 3000 }, (_, i) => ({
  prompt: `Question ${i}?`,
  chosen: `Yes ${i}. `.repeat((i % 9) + 1),
  rejected: 'No.',
}));

async function records(path: string): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const event of readRecords(fileSource(path)))
    found.push(event.kind === 'record' ? event.value : event.problem);
  return found;
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function unpacked(bytes: Uint8Array, size: number): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of unpackZstd(pieces(bytes, size), 'd.zst')) parts.push(part);
  return Buffer.concat(parts).toString();
}

test('files, by their first bytes; several frames; a table inside', async () => {
  expect(await records(join(FIXTURES, 'rows.jsonl.zst'))).toEqual(ROWS);
  expect(await records(join(FIXTURES, 'rows.csv.zst'))).toEqual([
    { prompt: 'What, now?', chosen: 'Yes\nindeed', rejected: 'No' },
  ]);
});

test('the same text however the bytes are cut, and with frames to skip between', async () => {
  const bytes = readFileSync(join(FIXTURES, 'rows.jsonl.zst'));
  const text = ROWS.map((row) => `${pythonJson(row)}\n`).join('');
  for (const size of [7, 1000, bytes.length]) expect(await unpacked(bytes, size)).toBe(text);
  const skipped = Uint8Array.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  expect(await unpacked(Buffer.concat([skipped, bytes, skipped]), 5)).toBe(text);
});

/** As json.dumps spaces it. */
function pythonJson(row: Record<string, string>): string {
  return `{${Object.entries(row)
    .map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`)
    .join(', ')}}`;
}

test('cut, damaged, too wide a window', async () => {
  const bytes = readFileSync(join(FIXTURES, 'rows.jsonl.zst'));
  await expect(unpacked(bytes.subarray(0, -20), 1000)).rejects.toThrow(
    'd.zst: zstd must be whole, got unexpected EOF; unpack it or fetch the file again',
  );
  // A frame with a window of 1 GiB and one block of one byte.
  const wide = Uint8Array.from([
    0x28,
    0xb5,
    0x2f,
    0xfd,
    0x00,
    20 << 3,
    0x09,
    0x00,
    0x00,
    0x61,
    ...Array.from({ length: 20 }, () => 0),
  ]);
  await expect(unpacked(wide, 100)).rejects.toThrow(
    'd.zst: zstd windows must be at most 134217728 bytes, got 1073741824; unpack it, or pack it without --long',
  );
});

test('bombs are stopped', async () => {
  const bomb = readFileSync(join(FIXTURES, 'bomb.zst'));
  await expect(unpacked(bomb, 1 << 16)).rejects.toThrow(
    /^d\.zst: compressed data must unpack to at most 300 times its size, got 67\d+ bytes from \d+; if it is honest, unpack it first$/,
  );
  const path = join(folder, 'bomb.jsonl.gz');
  writeFileSync(path, gzipSync(Buffer.alloc(80 * 2 ** 20, 'a')));
  await expect(records(path)).rejects.toThrow('compressed data must unpack to at most 300 times its size, got ');
});

test('edited bytes: a text or a bad-input error', async () => {
  const bytes = readFileSync(join(FIXTURES, 'rows.jsonl.zst'));
  await fc.assert(
    fc.asyncProperty(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.uint8Array({ maxLength: 4 }),
      fc.integer({ min: 0, max: 4 }),
      async (place, put, removed) => {
        const at = Math.floor(place * bytes.length);
        try {
          expect(
            typeof (await unpacked(Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + removed)]), 500)),
          ).toBe('string');
        } catch (error) {
          if (!(error instanceof PreftuneError)) throw error;
          expect([error.code, error.message]).toEqual(['bad-input', expect.stringMatching(/^d\.zst: .+/)]);
        }
      },
    ),
    { numRuns: 200 },
  );
});
