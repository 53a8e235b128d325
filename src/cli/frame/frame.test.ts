import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli } from './frame.ts';
import { SAMPLE_COMMANDS } from '../testing/sample-command.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(words: readonly string[], environment: Record<string, string> = {}) {
  let out = '';
  let err = '';
  const code = await runCli(words, {
    version: '1.2.3',
    commands: SAMPLE_COMMANDS,
    process: {
      stdout: { write: (text) => (out += text) },
      stderr: { write: (text) => (err += text) },
      environment,
      signals: new EventEmitter(),
      endAtOnce: () => undefined,
    },
  });
  return { code, out, err };
}

function config(text: string): string {
  const file = join(folder, `run-${Math.random()}.yaml`);
  writeFileSync(file, text);
  return file;
}

const DEFAULTS = {
  lora: { rank: 16, targets: ['q_proj', 'v_proj'] },
  learningRate: 5e-5,
  objective: 'sigmoid',
  tensorboard: true,
  work: 'print',
};

test('flags nest by their dots, and defaults stand where nothing was given', async () => {
  const { code, out, err } = await run(
    'tune model a.jsonl --rank 8 -m tiny --no-tensorboard --learning-rate=1e-4 b.jsonl --lora.targets q_proj,k_proj --resume --json'.split(
      ' ',
    ),
  );
  expect(err).toBe('');
  expect(code).toBe(0);
  expect(JSON.parse(out)).toEqual({
    given: {
      model: 'tiny',
      lora: { rank: 8, targets: ['q_proj', 'k_proj'] },
      learningRate: 1e-4,
      tensorboard: false,
      resume: true,
    },
    options: {
      ...DEFAULTS,
      model: 'tiny',
      lora: { rank: 8, targets: ['q_proj', 'k_proj'] },
      learningRate: 1e-4,
      tensorboard: false,
      resume: true,
    },
    args: ['a.jsonl', 'b.jsonl'],
  });
  expect((await run(['tune', 'model', '-m', 'tiny'])).out).toBe('model tiny\n');
});

test('a configuration file lies under the flags', async () => {
  const file = config(
    'model: tiny\nlora:\n  rank: 4\n  targets: [up_proj]\nlearning-rate: 0.001\nextra: {a: [1, {b: null}]}\n',
  );
  const { code, out } = await run(['tune', 'model', '--config', file, '--lora.rank', '2', '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toEqual({
    given: {
      model: 'tiny',
      lora: { rank: 2, targets: ['up_proj'] },
      learningRate: 0.001,
      extra: { a: [1, { b: null }] },
    },
    options: {
      ...DEFAULTS,
      model: 'tiny',
      lora: { rank: 2, targets: ['up_proj'] },
      learningRate: 0.001,
      extra: { a: [1, { b: null }] },
    },
    args: [],
  });
});

test('everything that is wrong with a command line is said at once', async () => {
  const { code, out, err } = await run(
    'tune model --lora.rnak 4 --rank 1.5 --objective hing --lr 1 --learning-rate fast --resume=yes'.split(' '),
  );
  expect(code).toBe(2);
  expect(out).toBe('');
  expect(err.trimEnd().split('\n')).toEqual([
    '--lora.rnak is not an option; did you mean --lora.rank?',
    '--lr is not an option; see --help-all for the options',
    '--resume takes no value, got --resume=yes; leave out the value',
    '--model is required; folder, .gguf file or hub id',
    '--lora.rank must be a whole number, got 1.5',
    '--learning-rate must be a number, got "fast"',
    '--objective must be one of sigmoid, hinge, ipo, got "hing"',
  ]);
});

test('a flag is not taken for the value of the flag before it', async () => {
  const { code, err } = await run(['tune', 'model', '--model', '--rank', '4']);
  expect(code).toBe(2);
  expect(err).toContain('--model needs a value, got the option --rank\n');
  expect((await run(['tune', 'model', '--model'])).err).toBe('--model needs a value, got none\n');
});

test('everything that is wrong with a configuration file is said at once, with line and column', async () => {
  const file = config('lora:\n  rnk: 4\n  rank: sixteen\nobjektive: ipo\nlearning_rate: 1\nlearningRate: 2\n');
  const { code, err } = await run(['tune', 'model', '--config', file, '--work', 'nap']);
  expect(code).toBe(2);
  expect(err.trimEnd().split('\n')).toEqual([
    `${file}:2:3: lora.rnk is not an option; did you mean lora.rank?`,
    `${file}:4:1: objektive is not an option; did you mean objective?`,
    `${file}:6:1: learningRate must be given once, got it twice`,
    `${file}:3:3: lora.rank must be a whole number, got "sixteen"`,
    '--work must be one of print, wait, fail, break, got "nap"',
  ]);
});

test('words, ranges and combinations are wrong together, each with the place that its value came from', async () => {
  const file = config('model: tiny\nlora:\n  rank: 0\nobjective: ipo\nlearningRate: 2\n');
  const { code, err } = await run(['tune', 'model', '--config', file, '--lora.targets', ',', '--bata', '1']);
  expect(code).toBe(2);
  expect(err.trimEnd().split('\n')).toEqual([
    '--bata is not an option; see --help-all for the options',
    `${file}:3:3: lora.rank must be at least 1, got 0`,
    '--lora.targets must not be empty, got []',
    `${file}:5:1: --learning-rate must be at most 1 with --objective ipo, got 2`,
  ]);
  // A flag wins over the file, and is then what is named.
  const flag = await run(['tune', 'model', '--config', file, '--rank', '-1', '--learning-rate', '0.1']);
  expect(flag.err).toBe('--lora.rank must be at least 1, got -1\n');
});

test('slips get the nearest name: flags, keys of files, choices, commands', async () => {
  const { err } = await run(['tune', 'model', '-m', 'x', '--learning-rte', '1', '--targets', 'a', '--lora.rnk', '3']);
  expect(err.trimEnd().split('\n')).toEqual([
    '--learning-rte is not an option; did you mean --learning-rate?',
    '--targets is not an option; did you mean --lora.targets?',
    '--lora.rnk is not an option; did you mean --lora.rank?',
  ]);
  const file = config('modle: x\nrank: 3\n');
  expect((await run(['tune', 'model', '-m', 'x', '--config', file])).err.trimEnd().split('\n')).toEqual([
    `${file}:1:1: modle is not an option; did you mean model?`,
    `${file}:2:1: rank is not an option; did you mean lora.rank?`,
  ]);
});

test('configuration files that are none', async () => {
  const broken = config('model: [tiny\nlora: {');
  expect((await run(['tune', 'model', '--config', broken])).err).toMatch(/yaml:2:1: must be YAML, got an error: /);
  const list = config('- model\n');
  expect((await run(['tune', 'model', '--config', list])).err).toBe(
    `${list}:1: must be options by name, such as beta: 0.1\n`,
  );
  const big = config(`# ${'x'.repeat(2 ** 20)}\n`);
  expect((await run(['tune', 'model', '--config', big])).err).toContain(
    'a configuration must be at most 1048576 bytes',
  );
  const bomb = config(
    `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
      .split('')
      .map((n, i) => `${n}: &${n} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`)
      .join('\n')}\nextra: *i\n`,
  );
  const { code, err } = await run(['tune', 'model', '-m', 'x', '--config', bomb]);
  expect(code).toBe(2);
  expect(err).toContain(':1:1: a is not an option;');
  expect(err).toContain('extra must repeat at most 100 aliases; write the values out');
  expect((await run(['tune', 'model', '--config', join(folder, 'none')])).err).toContain(
    'none: --config must be a readable file, got none of this name; check the path',
  );
  expect((await run(['tune', 'model', '-m', 'x', '--config', config('# nothing\n')])).code).toBe(0);
});

test('exit codes and what is said: failed 1, a fault of ours 1, --json for both', async () => {
  const failed = await run(['tune', 'model', '-m', 'x', '--work', 'fail']);
  expect(failed).toEqual({
    code: 1,
    out: '',
    err: 'train: loss must be finite, got NaN at step 3; lower --learning-rate\n',
  });
  const json = await run(['tune', 'model', '-m', 'x', '--work', 'fail', '--json']);
  expect(json.code).toBe(1);
  expect(JSON.parse(json.err)).toEqual({
    event: 'error',
    time: expect.any(String),
    error: {
      code: 'run-failed',
      problems: [{ message: 'train: loss must be finite, got NaN at step 3; lower --learning-rate' }],
    },
  });
  const ours = await run(['tune', 'model', '-m', 'x', '--work', 'break']);
  expect(ours.code).toBe(1);
  expect(ours.err).toMatch(/^internal: RangeError: index 7 of 3\n[^]*please report it with the command\.\n$/);
  const usage = await run(['tune', 'model', '--json', '--bta', '1']);
  expect(usage.code).toBe(2);
  expect(JSON.parse(usage.err).error.code).toBe('bad-usage');
});

test('commands, groups and versions', async () => {
  expect(await run(['--version'])).toEqual({ code: 0, out: '1.2.3\n', err: '' });
  expect(await run(['--version', '--json'])).toEqual({ code: 0, out: '{"version":"1.2.3"}\n', err: '' });
  expect(await run(['tune', 'modle', '-m', 'x'])).toMatchObject({
    code: 2,
    err: 'preftune: tune modle is not a command; did you mean tune model?\n',
  });
  expect((await run(['docter'])).err).toBe('preftune: docter is not a command; did you mean doctor?\n');
  expect((await run(['sing'])).err).toBe('preftune: sing is not a command; see preftune --help for the commands\n');
  expect((await run(['--hlep'])).err).toBe('preftune: --hlep is not an option; did you mean --help?\n');
  expect((await run(['--model', 'x', 'doctor'])).err).toBe(
    'preftune: a command must come before options, got --model first; see preftune --help\n',
  );
  const nothing = await run([]);
  expect([nothing.code, nothing.out]).toEqual([2, '']);
  const group = await run(['tune', '--help']);
  expect(group.out).toBe(
    'Usage: preftune tune <command> [options]\n\nTurns preferences into a better language model.\n\nCommands:\n' +
      '  model  Tunes a model\n  data   Prepares data\n\nRun preftune tune <command> --help for its options and their defaults.\n',
  );
  expect((await run(['help', 'tune', 'model'])).out).toBe((await run(['tune', 'model', '--help'])).out);
});

test('help shows defaults, choices and groups', async () => {
  expect((await run(['tune', 'model', '--help'], { COLUMNS: '90' })).out).toMatchInlineSnapshot(`
    "Usage: preftune tune model [options] [data...]

    Tunes a model

    Arguments:
      data                             files of pairs

    Model:
      -m, --model <text>               folder, .gguf file or hub id (required)

    Adapter:
      --rank, --lora.rank <integer>    columns of each adapter (default: 16)
      --lora.targets <list>            layers with an adapter (default: q_proj,v_proj)

    Options:
      --learning-rate <number>         largest step size of the schedule (default: 5e-5)
      --objective <sigmoid|hinge|ipo>  loss (default: sigmoid)
      --no-tensorboard                 do not write event files
      --resume                         continue the run in --output
      --extra <json>                   further fields
      --work <print|wait|fail|break>   what to do (default: print)

    General:
      --config <text>                  YAML or JSON file of these options; flags override it
      --json                           print results and errors as JSON
      -h, --help                       print this
    "
  `);
});

test('help fits narrow windows', async () => {
  for (const columns of [40, 60, 80, 100]) {
    const { out } = await run(['tune', 'model', '--help'], { COLUMNS: String(columns) });
    expect(out.split('\n').filter((line) => line.length > columns)).toEqual([]);
  }
  expect((await run(['tune', 'model', '--help'], { COLUMNS: '40' })).out).toMatchInlineSnapshot(`
    "Usage: preftune tune model [options]
    [data...]

    Tunes a model

    Arguments:
      data
          files of pairs

    Model:
      -m, --model <text>
          folder, .gguf file or hub id
          (required)

    Adapter:
      --rank, --lora.rank <integer>
          columns of each adapter (default:
          16)
      --lora.targets <list>
          layers with an adapter (default:
          q_proj,v_proj)

    Options:
      --learning-rate <number>
          largest step size of the schedule
          (default: 5e-5)
      --objective <sigmoid|hinge|ipo>
          loss (default: sigmoid)
      --no-tensorboard
          do not write event files
      --resume
          continue the run in --output
      --extra <json>
          further fields
      --work <print|wait|fail|break>
          what to do (default: print)

    General:
      --config <text>
          YAML or JSON file of these
          options; flags override it
      --json
          print results and errors as JSON
      -h, --help
          print this
    "
  `);
});
