import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';

const GOOD = '{"id":"a","prompt":"Why?","chosen":"Rain.","rejected":"No."}\n';
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-convert-'));
  writeFileSync(join(folder, 'good.jsonl'), GOOD);
  writeFileSync(join(folder, 'bad.jsonl'), `${GOOD}{"prompt":"a","chosen":"b","rejected":"b"}\n`);
});
afterAll(() => rmSync(folder, { recursive: true }));

function convert(...words: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
  const main = join(import.meta.dirname, '../main.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', main, 'data', 'convert', ...words], {
    env: { ...process.env, COLUMNS: '200' },
    cwd: join(import.meta.dirname, '../../..'),
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (err += data.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
}

const at = (name: string): string => join(folder, name);

test('a file for Azure has its mark, a list and gzip are asked for by the ending', async () => {
  const [azure, list] = await Promise.all([
    convert(at('good.jsonl'), '--to', 'azure-dpo', '--output', at('azure.jsonl'), '--json'),
    convert(at('good.jsonl'), '--to', 'sharegpt-preference', '-o', at('deep/list.json.gz')),
  ]);
  expect([azure.code, azure.err]).toEqual([0, '']);
  expect(JSON.parse(azure.out)).toMatchObject({ to: 'azure-dpo', rows: 1, records: 1, lost: { id: 1 } });
  expect(readFileSync(at('azure.jsonl'), 'utf8')).toBe(
    '\ufeff{"input":{"messages":[{"role":"user","content":"Why?"}]},' +
      '"preferred_output":[{"role":"assistant","content":"Rain."}],' +
      '"non_preferred_output":[{"role":"assistant","content":"No."}]}\n',
  );
  expect([list.code, list.err]).toEqual([0, '']);
  expect(JSON.parse(gunzipSync(readFileSync(at('deep/list.json.gz'))).toString())).toEqual([
    {
      id: 'a',
      conversations: [{ from: 'human', value: 'Why?' }],
      chosen: { from: 'gpt', value: 'Rain.' },
      rejected: { from: 'gpt', value: 'No.' },
    },
  ]);
});

test('a bad row ends with 2 and leaves no file; --lenient skips it; a file is not replaced unasked', async () => {
  const strict = await convert(at('bad.jsonl'), '--to', 'shp', '-o', at('out.jsonl'));
  expect([strict.code, strict.out]).toEqual([2, '']);
  expect(strict.err).toBe(
    `${at('bad.jsonl')}:2: chosen and rejected must differ, got "b" on both sides; drop the row, it teaches nothing\n`,
  );
  expect([existsSync(at('out.jsonl')), readdirSync(folder).filter((name) => name.startsWith('.'))]).toEqual([
    false,
    [],
  ]);
  const lenient = await convert(at('bad.jsonl'), '--to', 'shp', '-o', at('out.jsonl'), '--lenient');
  expect([lenient.code, lenient.err]).toEqual([0, '']);
  expect(lenient.out).toMatch(/^rows skipped +1$/m);
  const again = await convert(at('good.jsonl'), '--to', 'shp', '-o', at('out.jsonl'));
  expect([again.code, again.err]).toEqual([
    2,
    `${at('out.jsonl')}: the output must not exist yet, got a file; name another or pass --overwrite\n`,
  ]);
});

test('endings and formats that do not exist', async () => {
  const [ending, format] = await Promise.all([
    convert(at('good.jsonl'), '--to', 'shp', '-o', at('x.csv')),
    convert(at('good.jsonl'), '--to', 'openai', '-o', at('x.jsonl')),
  ]);
  expect([ending.code, ending.err]).toEqual([
    2,
    '--output must end in .jsonl or .json, or .gz behind either, got x.csv\n',
  ]);
  expect(format.code).toBe(2);
  expect(format.err).toContain('got "openai"; did you mean openai-dpo?');
});

test('columns under other names', async () => {
  writeFileSync(at('named.csv'), 'Frage;gut;schlecht\nWarum?;Regen.;Nein.\n');
  const result = await convert(
    at('named.csv'),
    '--to',
    'trl-preference',
    '-o',
    at('named.jsonl'),
    '--columns',
    'prompt=Frage,chosen=gut,rejected=schlecht',
  );
  expect([result.code, result.err]).toEqual([0, '']);
  expect(JSON.parse(readFileSync(at('named.jsonl'), 'utf8'))).toEqual({
    prompt: 'Warum?',
    chosen: 'Regen.',
    rejected: 'Nein.',
  });
  const wrong = await convert(
    at('named.csv'),
    '--to',
    'trl-preference',
    '-o',
    at('wrong.jsonl'),
    '--columns',
    'prompt',
  );
  expect([wrong.code, existsSync(at('wrong.jsonl'))]).toEqual([2, false]);
  expect(wrong.err).toContain(
    '--columns must be name=text,name=text with each name once, or an object of texts, got "prompt"',
  );
});
