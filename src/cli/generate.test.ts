import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeTinyModel } from '../../test/support/tiny-model.ts';

let folder: string;
let model: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-generate-'));
  model = join(folder, 'model');
  await writeTinyModel(model, { config: { max_position_embeddings: 128 } });
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  /** Writes to stdout that arrived apart. */
  readonly pieces: number;
}

function run(...words: string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [
    '--import',
    'tsx',
    join(import.meta.dirname, 'main.ts'),
    'generate',
    ...words,
  ]);
  let [out, err, pieces] = ['', '', 0];
  child.stdout.on('data', (chunk) => {
    out += String(chunk);
    pieces += 1;
  });
  child.stderr.on('data', (chunk) => (err += String(chunk)));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err, pieces })));
}

test('streams the answer to a prompt, which --json gives whole', async () => {
  const words = ['--model', model, '--prompt', 'What is a dog?', '--max-new-tokens', '40', '--threads', '2'];
  const streamed = await run(...words);
  expect([streamed.code, streamed.err]).toEqual([0, '']);
  expect(streamed.pieces).toBeGreaterThan(3);
  const json = await run(...words, '--json');
  const row = JSON.parse(json.out) as { completion: { content: string }[] };
  expect(row).toEqual({
    id: '1',
    prompt: [{ role: 'user', content: 'What is a dog?' }],
    completion: [{ role: 'assistant', content: streamed.out.slice(0, -1) }],
    finishReason: 'length',
    // One byte a token: 4 + 1 + 14 of the user's turn, 9 + 1 of the answer's start, 3 special tokens, the newline between.
    promptTokens: 33,
    completionTokens: 40,
  });
});

test('answers the prompts of a file in their order, however many at a time, the same for the same seed', async () => {
  const data = join(folder, 'prompts.jsonl');
  const rows = ['Hi', 'What is a cat?', 'Why?'].map((prompt, i) => JSON.stringify({ id: `p${i}`, prompt }));
  writeFileSync(data, rows.join('\n'));
  const words = ['--model', model, '--data', data, '--max-new-tokens', '8', '--temperature', '1', '--top-p', '0.9'];
  const [together, alone, other] = await Promise.all([
    run(...words, '--seed', '5', '--json'),
    run(...words, '--seed', '5', '--json', '--batch-size', '1'),
    run(...words, '--seed', '6', '--json'),
  ]);
  expect(together.code).toBe(0);
  const answers = together.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { id: string; completion: { content: string }[] });
  expect(answers.map(({ id }) => id)).toEqual(['p0', 'p1', 'p2']);
  expect(alone.out).toBe(together.out);
  expect(other.out).not.toBe(together.out);
  const text = await run(...words, '--seed', '5');
  const shown = ['Hi', 'What is a cat?', 'Why?'].map(
    (prompt, i) => `> ${prompt}\n${answers[i]!.completion[0]!.content.trim()}\n`,
  );
  expect(text.out).toBe(shown.join(''));
});

test('continues plain text with --raw', async () => {
  const { out } = await run('--model', model, '--raw', '-p', 'A dog', '--max-new-tokens', '5', '--json');
  expect(JSON.parse(out)).toMatchObject({ prompt: 'A dog', completion: expect.any(String), promptTokens: 5 });
});

test('refuses wrong usage whole, and data that hold no prompts', async () => {
  const usage = await run(
    '-m',
    model,
    '-p',
    'x',
    '--data',
    'y',
    '--seed',
    '3',
    '--raw',
    '--system',
    'z',
    '--threads',
    '0',
  );
  expect([usage.code, usage.err, usage.out]).toEqual([
    2,
    `${[
      '--threads must be at least 1, got 0',
      '--prompt has no effect with --data; leave one out',
      '--system has no effect with --raw; write it into the text',
      '--seed has no effect with --temperature 0, which draws nothing; leave it out',
    ].join('\n')}\n`,
    '',
  ]);
  const data = join(folder, 'bad.jsonl');
  writeFileSync(data, '{"text":"x"}\n{"prompt":3}\n');
  const input = await run('-m', model, '--data', data);
  expect([input.code, input.err]).toEqual([
    2,
    `${data}:1: prompt must be a text or a list of messages, got nothing\n${data}:2: prompt must be a text or a list of messages, got 3\n`,
  ]);
  const long = await run('-m', model, '-p', 'dog '.repeat(200));
  expect([long.code, long.err.replaceAll(/\d+ tokens/g, 'N tokens')]).toEqual([
    2,
    "generate: prompt 1 must be shorter than the model's 128 positions, got N tokens; shorten it\n",
  ]);
});

test('refuses adapters that are not named, are named twice, or have no effect', async () => {
  const data = join(folder, 'named.jsonl');
  const rows = ['kind', 'kind', 'terse'].map((adapter, i) => JSON.stringify({ id: `p${i}`, prompt: 'Hi', adapter }));
  writeFileSync(data, rows.join('\n'));
  const unknown = await run('-m', model, '--data', data, '--adapters', 'terse=folder');
  expect([unknown.code, unknown.err]).toEqual([
    2,
    'generate: prompt p0 must name one of terse as its adapter, got kind\ngenerate: prompt p1 must name one of terse as its adapter, got kind\n',
  ]);
  const twice = await run('-m', model, '--data', data, '--adapters', 'a=x', '--adapters', 'a=y', '--adapters', 'z');
  expect([twice.code, twice.err]).toEqual([
    2,
    '--adapters must name each adapter once, got a twice\n--adapters must be NAME=FOLDER, got z\n',
  ]);
  const idle = await run('-m', model, '-p', 'Hi', '--adapters', 'a=x', '--adapter', 'y');
  expect([idle.code, idle.err]).toEqual([
    2,
    '--adapters has no effect without --data; add it or leave --adapters out\n--adapters has no effect with --adapter, which answers every row; leave one out\n',
  ]);
});

test('penalties and biases change what is said without a draw; what is wrong with them is told at once', async () => {
  const words = ['--model', model, '--prompt', 'What is a dog?', '--max-new-tokens', '12', '--json'];
  const textOf = async (...more: string[]): Promise<string> => {
    const { out } = await run(...words, ...more);
    return (JSON.parse(out) as { completion: { content: string }[] }).completion[0]!.content;
  };
  // One byte a token: 65 is A, 66 is B.
  expect(await textOf('--logit-bias', '65=100')).toBe('A'.repeat(12));
  // 100 - 2 - 2n is above 97 + score only until the penalties have taken more than the 3 between them.
  expect(new Set(await textOf('--logit-bias', '65=100', '--logit-bias', '66=97', '--frequency-penalty', '2'))).toEqual(
    new Set(['A', 'B']),
  );
  const wrong = ['1=200', 'x=1', '3=1', '3=2'].flatMap((word) => ['--logit-bias', word]);
  expect(await run('--model', model, '--prompt', 'a', '--presence-penalty', '3')).toMatchObject({
    code: 2,
    err: '--presence-penalty must be at most 2, got 3\n',
  });
  expect(await run('--model', model, '--prompt', 'a', ...wrong)).toMatchObject({
    code: 2,
    err: [
      '--logit-bias must be between -100 and 100, got 200 for id 1',
      '--logit-bias must be ID=BIAS, such as 42=-100, got x=1',
      '--logit-bias must name each id once, got 3 twice',
      '',
    ].join('\n'),
  });
  const stranger = await run('--model', model, '--prompt', 'a', '--logit-bias', '999999=1');
  expect(stranger.code).toBe(2);
  expect(stranger.err).toMatch(/logitBias must name ids below \d+, got 999999/);
});
