import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { COMMANDS } from '../commands.ts';
import { runCli } from '../frame/frame.ts';

const ARGUMENTS = '{"order":9007199254740993,"fee":1.0}';
const CALL = `[{"role":"assistant","content":"","tool_calls":[{"type":"function","function":{"name":"cancel","arguments":${ARGUMENTS}}}]}]`;

const cell = (text: string): string => `"${text.replaceAll('"', '""')}"`;

let folder: string;
const at = (name: string): string => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-numbers-'));
  const pair = (id: string, question: string): string =>
    `{"id":${id},"prompt":[{"role":"user","content":"${question}"}],"chosen":${CALL},"rejected":[{"role":"assistant","content":"Done, mail me@nordwind-segeln.de."}],"price":1.0,"tweet":1234567890123456789}`;
  const pairs = [pair('9007199254740993', 'Cancel it.'), pair('9007199254740992', 'Cancel that.')];
  writeFileSync(at('pairs.jsonl'), pairs.join('\n'));
  const columns = (question: string): string =>
    [`[{"role":"user","content":"${question}"}]`, CALL, '[{"role":"assistant","content":"Done."}]'].map(cell).join(',');
  writeFileSync(
    at('pairs.csv'),
    `id,prompt,chosen,rejected,score_chosen\n9007199254740993,${columns('Cancel it.')},8.0\n9007199254740992,${columns('Cancel that.')},7.50\n`,
  );
  writeFileSync(
    at('ratings.jsonl'),
    `{"id":9007199254740993,"prompt":[{"role":"user","content":"Cancel it."}],"answers":[{"content":${CALL},"rating":5.0},{"content":[{"role":"assistant","content":"Done."}],"rating":1}],"price":1.0}`,
  );
  writeFileSync(
    at('texts.jsonl'),
    ['9007199254740993', '9007199254740992']
      .map((id) => `{"id":${id},"prompt":"Q?","chosen":"a","rejected":"b"}`)
      .join('\n'),
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(...words: readonly string[]): Promise<string> {
  let [out, err] = ['', ''];
  const code = await runCli(words, {
    version: '0.0.0',
    commands: COMMANDS,
    process: {
      stdout: { write: (text: string) => (out += text) !== '' },
      stderr: { write: (text: string) => (err += text) !== '' },
      environment: {},
      signals: process,
      endAtOnce: () => undefined,
    },
  });
  expect([code, err]).toEqual([0, expect.any(String)]);
  return out;
}

test('convert: lines, a list, packed', async () => {
  await run('data', 'convert', at('pairs.jsonl'), '--to', 'openai-dpo', '-o', at('openai.json.gz'));
  const list = gunzipSync(readFileSync(at('openai.json.gz'))).toString();
  expect(list.split(`"arguments":${JSON.stringify(ARGUMENTS)}`).length).toBe(3);
  await run('data', 'convert', at('openai.json.gz'), '--to', 'trl-preference-conversational', '-o', at('back.jsonl'));
  expect(readFileSync(at('back.jsonl'), 'utf8').split(`"arguments":${ARGUMENTS}`).length).toBe(3);
});

test('split: of JSON as it stood, of a table as JSON with the digits', async () => {
  await run('data', 'split', at('pairs.csv'), '--held-out', '0.5', '--output', at('split'));
  const lines = ['train.jsonl', 'test.jsonl'].flatMap((name) =>
    readFileSync(at(`split/${name}`), 'utf8')
      .trim()
      .split('\n'),
  );
  expect(
    lines
      .toSorted()
      .map((line) => [
        line.includes(`"arguments":${ARGUMENTS}`),
        /"id":"\d+"/.exec(line)![0],
        /"score_chosen":[\d.]+/.exec(line)![0],
      ]),
  ).toEqual([
    [true, '"id":"9007199254740992"', '"score_chosen":7.50'],
    [true, '"id":"9007199254740993"', '"score_chosen":8.0'],
  ]);
});

test('clean: what stays, masked or not, and what goes', async () => {
  await run('data', 'clean', at('pairs.jsonl'), '--apply', 'mask-personal-data', '--output', at('clean.jsonl'));
  const text = readFileSync(at('clean.jsonl'), 'utf8');
  expect(text).not.toContain('me@nordwind-segeln.de');
  expect(text).toBe(readFileSync(at('pairs.jsonl'), 'utf8').replaceAll('me@nordwind-segeln.de', '[email]') + '\n');
});

test('build: pairs with the arguments and fields of their answers', async () => {
  await run('data', 'build', at('ratings.jsonl'), '--from', 'ratings', '--output', at('built.jsonl'));
  expect(readFileSync(at('built.jsonl'), 'utf8')).toBe(
    `{"id":"9007199254740993","prompt":[{"role":"user","content":"Cancel it."}],"chosen":${CALL},"rejected":[{"role":"assistant","content":"Done."}],"price":1.0,"margin":4,"score_chosen":5,"score_rejected":1}\n`,
  );
});

test('score: ids as they were', async () => {
  const model = join(import.meta.dirname, '../../../assets/embedded-model');
  await run('score', '--model', model, '--data', at('texts.jsonl'), '--output', at('scores.jsonl'));
  const ids = readFileSync(at('scores.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { id: unknown }).id);
  expect(ids).toEqual(['9007199254740993', '9007199254740992']);
});
