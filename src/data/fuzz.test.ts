import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PreftuneError } from '../core/index.ts';
import { checkData } from './check.ts';
import { convertRows } from './conversion/convert.ts';
import { FORMATS } from './format-registry.ts';
import { fileSource } from './sources/node-source.ts';
import { memorySource, type DataSource } from './sources/source.ts';
import { createTestingTokenizer } from './testing/testing-tokenizer.ts';

const user = { role: 'user', content: 'Capital of Peru? 日本 😀' };
const lima = { role: 'assistant', content: 'Lima \\ "quoted" \n' };
const cusco = { role: 'assistant', content: 'Cusco', tool_calls: [{ function: { name: 'f', arguments: '{}' } }] };
const records: readonly Readonly<Record<string, unknown>>[] = [
  { prompt: 'Capital?', chosen: ' Lima', rejected: ' Cusco' },
  { id: 7, prompt: [user], chosen: [lima], rejected: [cusco], tools: [{ type: 'function' }] },
  { chosen: 'Capital? Lima', rejected: 'Capital? Cusco' },
  { chosen: [user, lima], rejected: [user, cusco], chat_template_kwargs: { a: null } },
  { prompt: 'a', completion: 'b' },
  { prompt: [user], completion: [lima] },
  { messages: [user, lima] },
  { text: 'Once upon a time' },
  { chosen: '\n\nHuman: Hi\n\nAssistant: Yes', rejected: '\n\nHuman: Hi\n\nAssistant: No' },
];
const fixtures = join(import.meta.dirname, 'fixtures/formats');
const fixtureTexts = readdirSync(fixtures).map((name) => readFileSync(join(fixtures, name), 'utf8'));
const fixtureRecords = fixtureTexts.flatMap((text): Readonly<Record<string, unknown>>[] => {
  const body = text.replace(/^\ufeff/, '');
  return body.startsWith('[')
    ? JSON.parse(body)
    : body
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
});
const files = records.flatMap((record) => [
  `${JSON.stringify(record)}\n${JSON.stringify(record)}\r\n`,
  JSON.stringify([record, record], null, 2),
]);
files.push(...fixtureTexts);
const shared = join(import.meta.dirname, '../../../shared/data');
if (existsSync(shared)) {
  const rows = gunzipSync(readFileSync(join(shared, 'hh-rlhf/helpful-base-test.jsonl.gz')))
    .toString('utf8')
    .split('\n');
  files.push(rows.slice(0, 3).join('\n'), rows.slice(100, 103).join('\n'));
  files.push(readFileSync(join(shared, 'llama-factory/dpo_en_demo.json'), 'utf8').slice(0, 4000));
} else {
  process.stderr.write(`fuzz.test.ts: real rows skipped: no ${shared}\n`);
}

const tokenizers = [createTestingTokenizer(), createTestingTokenizer({ template: 'chatml', merges: [' L', 'Yes'] })];

/** Reads and tokenises everything; whatever is wrong must be a report or a bad-input error. */
async function survives(source: DataSource, tokenizer: (typeof tokenizers)[number]): Promise<void> {
  const limits = { maxRecordBytes: 3000, maxDepth: 8, maxSourceBytes: 100_000, maxRecords: 500 };
  try {
    const report = await checkData(source, { tokenizer, limits, maxLength: 64 });
    expect(report.validRows).toBeLessThanOrEqual(report.records);
    expect(report.tokenisation!.kept).toBeLessThanOrEqual(report.validRows);
  } catch (error) {
    if (!(error instanceof PreftuneError)) throw error;
    expect([error.code, error.message]).toEqual(['bad-input', expect.stringMatching(/^.+/)]);
  }
}

/** An edit of a byte string: at a place, remove some bytes and put others there. */
const edit = fc.record({
  place: fc.double({ min: 0, max: 1, noNaN: true }),
  removed: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 400 })),
  put: fc.oneof(
    fc.uint8Array({ maxLength: 4 }),
    fc
      .constantFrom(
        '[',
        ']',
        '{',
        '}',
        '"',
        '\\',
        ',',
        ':',
        '\n',
        '\ufeff',
        '\u0000',
        'null',
        '[[[[[[[[[[',
        '-',
        '1e999',
      )
      .map((text) => new TextEncoder().encode(text)),
  ),
});

test('edited bytes of real files', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...files),
      fc.array(edit, { minLength: 1, maxLength: 4 }),
      fc.constantFrom(...tokenizers),
      async (file, edits, tokenizer) => {
        let bytes = new TextEncoder().encode(file);
        for (const { place, removed, put } of edits) {
          const at = Math.floor(place * bytes.length);
          bytes = Uint8Array.from([...bytes.subarray(0, at), ...put, ...bytes.subarray(at + removed)]);
        }
        await survives(memorySource('fuzz', bytes), tokenizer);
      },
    ),
    { numRuns: 1500 },
  );
});

test('fields replaced by any JSON value, in every format', async () => {
  const every = [...records, ...fixtureRecords];
  const unseen = FORMATS.filter((format) => every.every((record) => format.detect(record) < 0.5));
  // Read by name: OpenAI's shape with stricter rules.
  expect(unseen.map((format) => format.name)).toEqual(['azure-dpo', 'together-dpo']);
  const names = [...new Set(every.flatMap((record) => Object.keys(record)))];
  const value = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom([user], [lima], [null], [{}], [[]], '', ' '));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...every),
      fc.dictionary(fc.constantFrom(...names, '__proto__'), value, { maxKeys: 3 }),
      fc.constantFrom(...tokenizers),
      async (record, changes, tokenizer) => {
        const changed = JSON.stringify({ ...record, ...changes });
        await survives(memorySource('fuzz', `${changed}\n${JSON.stringify(record)}`), tokenizer);
        await survives(memorySource('fuzz', `[${JSON.stringify(record)},${changed}]`), tokenizer);
      },
    ),
    { numRuns: 2000 },
  );
});

test('conversion of damaged records to every format: a record, a loss or a refusal', async () => {
  const names = [...new Set(fixtureRecords.flatMap((record) => Object.keys(record)))];
  const turn = fc.constantFrom(
    [user],
    [user, lima],
    [user, { role: 'assistant', tool_calls: [null] }],
    [user, { role: 'assistant', tool_calls: 'x' }],
    [user, { role: 'assistant', tool_calls: [{ name: 'f', arguments: 3 }] }, { role: 'tool', content: '' }, lima],
    { from: 'function_call', value: '[{"name":"f","arguments":[1]}]' },
  );
  const value = fc.oneof(fc.jsonValue({ maxDepth: 3 }), turn);
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...fixtureRecords),
      fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 2 }),
      fc.constantFrom(...FORMATS.map(({ name }) => name)),
      async (record, changes, to) => {
        const source = memorySource('fuzz', `${JSON.stringify({ ...record, ...changes })}\n${JSON.stringify(record)}`);
        const conversion = convertRows([source], { to, mode: 'lenient', chosenOfPairs: true });
        try {
          let count = 0;
          for await (const written of conversion.records()) count += JSON.stringify(written).length > 1 ? 1 : 0;
          expect(conversion.report().records).toBe(count);
        } catch (error) {
          if (!(error instanceof PreftuneError)) throw error;
          expect([error.code, error.message]).toEqual(['bad-input', expect.stringMatching(/^.+/)]);
        }
      },
    ),
    { numRuns: 3000 },
  );
});

test('damaged gzip', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'preftune-fuzz-'));
  const path = join(folder, 'rows.gz');
  const whole = gzipSync(files.slice(0, 2).join('\n').repeat(20));
  try {
    await fc.assert(
      fc.asyncProperty(edit, async ({ place, removed, put }) => {
        const at = Math.floor(place * whole.length);
        await writeFile(path, Uint8Array.from([...whole.subarray(0, at), ...put, ...whole.subarray(at + removed)]));
        await survives(fileSource(path), tokenizers[1]!);
      }),
      { numRuns: 150 },
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
