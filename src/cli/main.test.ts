import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { constants } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readHubSettings } from '../hub/index.ts';
import { memoryCheck, nodeCheck, writeCheck } from './doctor.ts';
import { readReports } from './probe-providers.ts';

const MAIN = join(import.meta.dirname, 'main.ts');
const SAMPLE = join(import.meta.dirname, 'testing', 'sample-command.ts');

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function start(
  program: string,
  words: readonly string[],
  onErr?: (text: string, kill: (s: NodeJS.Signals) => void) => void,
) {
  const child = spawn(process.execPath, ['--import', 'tsx', program, ...words], {
    cwd: join(import.meta.dirname, '../..'),
    env: { ...process.env, COLUMNS: '60', NO_COLOR: '1' },
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  child.stderr.on('data', (data: Buffer) => {
    err += data.toString();
    onErr?.(err, (signal) => child.kill(signal));
  });
  // As a shell tells it: a signal that ended a program is 128 and its number.
  return new Promise<Ended>((resolve) =>
    child.on('close', (code, signal) => resolve({ code: code ?? 128 + constants.signals[signal!], out, err })),
  );
}

test('the program: version, wrong usage, unknown commands, narrow help', async () => {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
    version: string;
  };
  const [shown, wrong, unknown, help, commandHelp] = await Promise.all(
    [['--version'], ['doctor', '--outptu', 'x'], ['docter'], ['--help'], ['doctor', '--help']].map((words) =>
      start(MAIN, words),
    ),
  );
  expect(shown).toEqual({ code: 0, out: `${version}\n`, err: '' });
  expect(wrong).toEqual({
    code: 2,
    out: '',
    err: '--outptu is not an option; did you mean --output?\n',
  });
  expect(unknown).toEqual({ code: 2, out: '', err: 'preftune: docter is not a command; did you mean doctor?\n' });
  for (const { code, out } of [help!, commandHelp!]) {
    expect(code).toBe(0);
    expect(out.split('\n').filter((line) => line.length > 60)).toEqual([]);
  }
  expect(commandHelp!.out).toContain('folder whose disk is asked for free\n');
});

test('Ctrl-C once stops after the step and says how to go on, with 130', async () => {
  let isSent = false;
  const ended = await start(SAMPLE, ['tune', 'model', '-m', 'x', '--work', 'wait'], (err, kill) => {
    if (!isSent && err.includes('tune: 1/10')) kill('SIGINT');
    isSent ||= err.includes('tune: 1/10');
  });
  expect(ended).toEqual({
    code: 130,
    out: '',
    err:
      'working\ntune: 1/10  10%\nstopping after this step; Ctrl-C again ends at once\n' +
      'tune: stopped after step 1; continue with --resume\n',
  });
});

test('Ctrl-C twice ends at once, with 130', async () => {
  let sent = 0;
  const ended = await start(SAMPLE, ['tune', 'model', 'slow', '-m', 'x', '--work', 'wait'], (err, kill) => {
    if (sent === 0 && err.includes('tune: 1/10')) kill(((sent = 1), 'SIGINT'));
    else if (sent === 1 && err.includes('stopping')) kill(((sent = 2), 'SIGINT'));
  });
  expect(ended.code).toBe(130);
  expect(ended.err).toBe('working\ntune: 1/10  10%\nstopping after this step; Ctrl-C again ends at once\n');
});

test('doctor says what there is, in text and in JSON', async () => {
  const { code, out, err } = await start(MAIN, ['doctor', '--json']);
  // Nothing that a driver printed.
  expect(err.split('\n').filter((line) => line !== '' && !line.startsWith('{'))).toEqual([]);
  const checks = JSON.parse(out) as { name: string; verdict: string; text: string }[];
  expect(code).toBe(checks.some(({ verdict }) => verdict === 'problem') ? 1 : 0);
  expect(checks.slice(0, 2).map(({ name }) => name)).toEqual(['node', 'processor']);
  expect(checks[0]).toEqual({ name: 'node', verdict: 'ok', text: process.versions.node });
});

test("doctor's judgements", () => {
  expect(nodeCheck('20.19.0').verdict).toBe('ok');
  expect(nodeCheck('24.1.0').verdict).toBe('ok');
  expect(nodeCheck('20.18.9')).toEqual({
    name: 'node',
    verdict: 'problem',
    text: 'must be at least 20.19, got 20.18.9; install a newer Node',
  });
  expect(memoryCheck(8e9, 5e9)).toEqual({ name: 'memory', verdict: 'ok', text: '5.0 GB free of 8.0 GB' });
  expect(memoryCheck(2e9, 1e9).text).toBe(
    '1.0 GB free of 2.0 GB; models above about 100 million parameters will not fit',
  );
});

test('doctor sees folders that cannot be written', () => {
  const home = mkdtempSync(join(tmpdir(), 'preftune-home-'));
  try {
    writeFileSync(join(home, 'file'), '');
    expect(writeCheck('write runs', home, 'name another')).toEqual({ name: 'write runs', verdict: 'ok', text: home });
    const { verdict, text } = writeCheck('write runs', join(home, 'file', 'runs'), 'name another');
    expect([verdict, text.endsWith('; name another'), text.includes(join(home, 'file'))]).toEqual(['note', true, true]);
    expect(readdirSync(home)).toEqual(['file']);
  } finally {
    rmSync(home, { recursive: true });
  }
});

test('what drivers say is told in our words', () => {
  const reports = [
    { name: 'cpu', isAvailable: true },
    {
      name: 'webgpu',
      isAvailable: false,
      detail:
        'device "webgpu": must be usable on this machine, it is not: program "probe": ONNX Runtime failed: No supported adapters; it needs a GPU',
    },
  ];
  expect(
    readReports(JSON.stringify(reports), "Warning: Couldn't load Vulkan: libvulkan.so.1: cannot open\n at x.cpp\n"),
  ).toEqual([
    { name: 'cpu', isAvailable: true },
    {
      name: 'webgpu',
      isAvailable: false,
      detail:
        'not on this machine: No supported adapters; it needs a GPU; the Vulkan loader (libvulkan.so.1) is not installed',
    },
  ]);
});

test("the hub's settings come from the ecosystem's variables, in their order", () => {
  const home = mkdtempSync(join(tmpdir(), 'preftune-home-'));
  try {
    expect(readHubSettings({ HF_HOME: home })).toEqual({
      endpoint: 'https://huggingface.co',
      cacheDir: join(home, 'hub'),
      token: undefined,
      isOffline: false,
    });
    expect(
      readHubSettings({
        HF_HOME: home,
        HF_HUB_CACHE: '/cache',
        HUGGINGFACE_HUB_CACHE: '/older',
        HF_ENDPOINT: 'http://hub.example/',
        HF_TOKEN: ' hf_a\n',
        HUGGING_FACE_HUB_TOKEN: 'hf_b',
        HF_HUB_OFFLINE: '1',
      }),
    ).toEqual({ endpoint: 'http://hub.example', cacheDir: '/cache', token: 'hf_a', isOffline: true });
    expect(readHubSettings({ XDG_CACHE_HOME: home }).cacheDir).toBe(join(home, 'huggingface', 'hub'));
  } finally {
    rmSync(home, { recursive: true });
  }
});
