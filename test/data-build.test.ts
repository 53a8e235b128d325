import { EventEmitter } from 'node:events';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  preferring,
  startJudgeServer,
  type JudgeServer,
  type Served,
  type ServedRequest,
} from '../src/judge/testing/judge-server.ts';
import { DATA_BUILD } from '../src/cli/data/data-build.ts';
import { runCli } from '../src/cli/frame/frame.ts';
import { JUDGE } from '../src/cli/judge.ts';
import { writeTinyModel } from './support/tiny-model.ts';

let folder: string;
let server: JudgeServer;
/** What the server does in the test that runs. */
let serve: (request: ServedRequest) => Served;
const honest = preferring((answer) => answer.length);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-build-'));
  server = await startJudgeServer((request) => serve(request));
  const rows = Array.from({ length: 20 }, (_, i) => ({
    prompt: `Prompt ${i}`,
    a: 'x'.repeat(i + 1),
    b: 'x'.repeat(20 - i),
  }));
  writeFileSync(join(folder, 'answers.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The command line as a process of its own, to be killed. */
function spawned(words: readonly string[]): { child: ChildProcess; ended: Promise<string> } {
  const main = join(import.meta.dirname, '..', 'src', 'cli', 'main.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
  let err = '';
  child.stderr!.on('data', (data: Buffer) => (err += data.toString()));
  return { child, ended: new Promise((resolve) => child.on('close', () => resolve(err))) };
}

/** The command line in this process; `signals` is where Ctrl-C comes from. Paths of the test's folder are shortened in what it prints. */
async function run(
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  signals: EventEmitter = new EventEmitter(),
): Promise<Ended> {
  let [out, err] = ['', ''];
  const code = await runCli(words, {
    version: '0',
    commands: [
      { name: 'data build', description: '', load: async () => DATA_BUILD },
      { name: 'judge', description: '', load: async () => JUDGE },
    ],
    process: {
      stdout: { write: (text) => (out += text) },
      stderr: { write: (text) => (err += text) },
      environment: { XDG_CACHE_HOME: join(folder, 'cache'), ...environment },
      signals,
      endAtOnce: () => undefined,
    },
  });
  const shortened = (text: string): string => text.replaceAll(`${folder}/`, '');
  return { code, out: shortened(out), err: shortened(err) };
}

const inside = (name: string): string => join(folder, name);
const judging = (store: string, output: string): string[] => [
  ...`data build ${inside('answers.jsonl')} --from judge --judge-model wise --judge-url ${server.url}`.split(' '),
  ...`--judge-store ${inside(store)} --output ${inside(output)} --concurrency 3`.split(' '),
];

function storedIn(store: string): number {
  const [file] = readdirSync(join(folder, store));
  return readFileSync(join(folder, store, file!), 'utf8').split('\n').length - 1;
}

/** The longer answer over the shorter one; lengths i + 1 and 20 - i are never equal. */
function expectedPairs(): unknown[] {
  return Array.from({ length: 20 }, (_, i) => {
    const [long, short] = [Math.max(i + 1, 20 - i), Math.min(i + 1, 20 - i)];
    return {
      prompt: `Prompt ${i}`,
      chosen: 'x'.repeat(long),
      rejected: 'x'.repeat(short),
      annotator: 'wise',
      judge_confidence: 0.9,
    };
  });
}

const readPairs = (output: string): unknown[] =>
  readFileSync(join(folder, output), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

test('kill -9 in the middle: what was answered is not asked again, and the result is the same', async () => {
  const before = server.requests.length;
  const { child, ended } = spawned(judging('killed', 'killed.jsonl'));
  serve = (request) => {
    if (request.number - before < 20) return { ...honest(request), afterMs: 2 };
    child.kill('SIGKILL');
    return { kind: 'silence' };
  };
  expect(await ended).not.toMatch(/internal|Error/);
  const kept = storedIn('killed');
  // Of 19 answers those may be missing that were on their way.
  expect(kept).toBeGreaterThanOrEqual(16);
  expect(existsSync(join(folder, 'killed.jsonl'))).toBe(false);
  serve = honest;
  const first = server.requests.length;
  const { code, out } = await run([...judging('killed', 'killed.jsonl'), '--json']);
  expect([code, server.requests.length - first]).toEqual([0, 40 - kept]);
  expect(JSON.parse(out)).toEqual({
    output: 'killed.jsonl',
    pairs: 20,
    prompts: 20,
    skipped: {},
    skippedRows: 0,
    judge: {
      matches: 20,
      verdicts: 20,
      inconsistent: 0,
      asked: 40 - kept,
      stored: kept,
      retries: 0,
      promptTokens: (40 - kept) * 100,
      completionTokens: (40 - kept) * 10,
      cost: null,
    },
  });
  expect(readPairs('killed.jsonl')).toEqual(expectedPairs());
});

test('Ctrl-C waits for what is under way; every question is asked once in all', async () => {
  const before = server.requests.length;
  const signals = new EventEmitter();
  serve = (request) => {
    if (request.number - before === 10) signals.emit('SIGINT');
    return { ...honest(request), afterMs: 30 };
  };
  const { code, err } = await run(judging('stopped', 'stopped.jsonl'), {}, signals);
  const asked = server.requests.length - before;
  expect([code, storedIn('stopped'), existsSync(join(folder, 'stopped.jsonl'))]).toEqual([130, asked, false]);
  expect(asked).toBeLessThan(20);
  expect(err).toContain(
    'judge: stopped before every question was answered; the same command continues, answers are kept\n',
  );
  serve = honest;
  const again = await run(judging('stopped', 'stopped.jsonl'));
  expect([again.code, server.requests.length - before]).toEqual([0, 40]);
  expect(new Set(server.requests.slice(before).map(({ text }) => text)).size).toBe(40);
  expect(again.out).toBe(
    [
      '20 pairs from 20 prompts: stopped.jsonl',
      '20 matches judged, 0 of them changed with the order of the answers',
      `questions: ${40 - asked} asked (${((40 - asked) * 100).toLocaleString('en-US')} + ${(40 - asked) * 10} tokens), ${asked} known from before`,
      'next:     npx preftune data check stopped.jsonl',
      '',
    ].join('\n'),
  );
});

test('an endpoint that fails for good ends the run with 1; nothing is written, answers are kept', async () => {
  const before = server.requests.length;
  serve = (request) =>
    request.number - before <= 6 ? honest(request) : { kind: 'status', status: 401, message: 'key withdrawn: sk-own' };
  const { code, err } = await run(judging('failed', 'failed.jsonl'), { OPENAI_API_KEY: 'sk-own' });
  expect([code, storedIn('failed'), existsSync(join(folder, 'failed.jsonl'))]).toEqual([1, 6, false]);
  expect(err).toContain(
    `judge: ${server.url} answered 401: key withdrawn: ***; check the key in the environment and what it may use\n`,
  );
  expect(err).not.toContain('sk-own');
});

test('a dry run asks nothing and shows the question and the cost', async () => {
  const before = server.requests.length;
  const words = [...judging('dry', 'dry.jsonl'), '--dry-run', '--price-input', '1', '--price-output', '10'];
  const { code, out } = await run([...words, '--max-rows', '2']);
  expect([code, server.requests.length - before, existsSync(join(folder, 'dry.jsonl'))]).toEqual([0, 0, false]);
  expect(out).toMatch(
    /^judge wise: 4 questions, 0 of them answered already\n {2}tokens, estimated: [\d,]+ in questions, about 480 in answers\n {2}cost: about \$0\.00\d+, at most \$0\.04\d+ /,
  );
  expect(out).toContain('<first-answer ');
  const json = JSON.parse((await run([...words, '--json'])).out) as { plans: { requests: number; stored: number }[] };
  expect(json.plans.map(({ requests, stored }) => [requests, stored])).toEqual([[40, 0]]);
});

test('what is wrong with the command line, all of it', async () => {
  const [idle, none, key, there] = await Promise.all([
    run([
      'data',
      'build',
      inside('answers.jsonl'),
      '--from',
      'edits',
      '-o',
      'o.jsonl',
      '--min-votes',
      '0',
      '--judge-model',
      'm',
    ]),
    run(['data', 'build', inside('answers.jsonl'), '--from', 'judge', '-o', 'o.jsonl']),
    run(['data', 'build', inside('answers.jsonl'), '--from', 'judge', '-o', 'o.jsonl', '--judge-model', 'm']),
    run(['data', 'build', inside('answers.jsonl'), '--from', 'ratings', '-o', inside('answers.jsonl')]),
  ]);
  expect([idle, none, key, there]).toEqual([
    {
      code: 2,
      out: '',
      err:
        '--min-votes must be at least 1, got 0\n' +
        '--min-votes has no effect without --from votes; leave it out\n' +
        '--judge-model has no effect without --from samples or judge; leave it out\n',
    },
    {
      code: 2,
      out: '',
      err: '--judge-model or --judges must be given, got neither; without a language model: --judges sentiment, or another rule of docs/judges.md\n',
    },
    {
      code: 2,
      out: '',
      err: 'judge m: the key must be in the environment variable OPENAI_API_KEY, got none; set it, or name another with --judge-key-variable (apiKeyVariable in --judges)\n',
    },
    {
      code: 2,
      out: '',
      err: 'answers.jsonl: the output must not exist yet, got a file; name another or pass --overwrite\n',
    },
  ]);
});

test('samples of a model, the best over the worst by a rule; a second run takes them from the disk', async () => {
  await writeTinyModel(join(folder, 'model'), { hidden: 16, layers: 1 });
  writeFileSync(join(folder, 'prompts.jsonl'), '{"prompt":"One"}\n{"prompt":"Two"}\n');
  const words = [
    ...`data build ${inside('prompts.jsonl')} --from samples --model ${inside('model')} --samples 3 --max-new-tokens 8`.split(
      ' ',
    ),
    ...`--strategy best-worst --overwrite -o ${inside('best.jsonl')} --judges`.split(' '),
    '[{"kind":"length","prefer":"shorter"}]',
  ];
  const first = await run(words);
  expect([first.code, first.err.includes('internal')]).toEqual([0, false]);
  const pairs = readPairs('best.jsonl') as { prompt: string; chosen: string; rejected: string; chosen_model: string }[];
  expect(pairs.length).toBeGreaterThan(0);
  for (const { chosen, rejected, chosen_model: model } of pairs)
    expect([chosen.length < rejected.length, model]).toEqual([true, inside('model')]);
  const again = await run(words);
  expect([again.code, readPairs('best.jsonl')]).toEqual([0, pairs]);
});

test('a judge card: a judge that takes what is shown first is found out', async () => {
  const pairs = Array.from({ length: 10 }, (_, i) => ({
    prompt: `P${i}`,
    chosen: `good answer ${i}`,
    rejected: `bad ${i}`,
  }));
  writeFileSync(join(folder, 'pairs.jsonl'), pairs.map((pair) => JSON.stringify(pair)).join('\n'));
  serve = () => ({ kind: 'answer', text: '{"rationale":"r","winner":"first","confidence":1}' });
  const words = ['judge', inside('pairs.jsonl'), '--judge-url', server.url, '--judge-store', inside('card'), '--json'];
  const biased = await run([...words, '--judge-model', 'biased']);
  const [card] = (JSON.parse(biased.out) as { cards: Record<string, { share?: number; value?: number }>[] }).cards;
  expect([biased.code, card!['agreement']!.share, card!['firstChosen']!.share, card!['inconsistent']!.share]).toEqual([
    0, 0, 1, 1,
  ]);
  serve = preferring((answer) => answer.length);
  const honestRun = await run([...words, '--judge-model', 'honest']);
  const [other] = (
    JSON.parse(honestRun.out) as {
      cards: Record<string, { share?: number; value?: number; judge?: { share: number } }>[];
    }
  ).cards;
  expect([
    other!['agreement']!.share,
    other!['kappa']!.value,
    other!['firstChosen']!.share,
    other!['longerChosen']!.judge!.share,
  ]).toEqual([1, 1, 0.5, 1]);
});
