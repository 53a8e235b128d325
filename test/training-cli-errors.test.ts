import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildCli, preftune, type Ended } from './support/built-cli.ts';
import { temporaryFolder, tinyPairs, writeRows, writeTinyModel } from './support/tiny-model.ts';

/** What the commands of training refuse, and that they write nothing then. Paths are relative to a temporary folder, so that messages can be compared whole. */
const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);
let main: string;

beforeAll(async () => {
  main = buildCli();
  await writeTinyModel(at('model'), { hidden: 16, layers: 1 });
  writeRows(at('pairs.jsonl'), tinyPairs(12));
  await run(`dpo ${START} --output run --max-steps 1`);
});
afterAll(folder.remove);

function run(line: string): Promise<Ended> {
  return preftune(main, line.split(' '), { cwd: folder.path, environment: { XDG_CACHE_HOME: at('cache') } });
}

const START = '--model model --data pairs.jsonl --threads 1 --rank 2 --batch-size 4';
const linesOf = (text: string): string[] => text.trimEnd().split('\n');

/** What is on disk, so that nothing half-written can hide. */
function snapshot(): string[] {
  return readdirSync(folder.path, { recursive: true }).map(String).toSorted();
}

/** A preference whose chosen answer a role gives. */
function chat(role: string): object {
  return {
    chosen: [
      { role: 'user', content: 'q' },
      { role, content: 'a' },
    ],
    rejected: [
      { role: 'user', content: 'q' },
      { role: 'assistant', content: 'b' },
    ],
  };
}

async function refused(line: string): Promise<string[]> {
  const before = snapshot();
  const { code, out, err } = await run(line);
  expect([code, out]).toEqual([2, '']);
  expect(snapshot()).toEqual(before);
  return linesOf(err);
}

describe('bad input', () => {
  const PAIR = { prompt: 'p', chosen: 'a', rejected: 'b' };

  it('missing options, ranges, choices and options without effect come at once, as flags', async () => {
    expect(await refused('dpo --beta 0 --rank 0 --optimizer sgd --optimizer.beta1 0.9 --evaluate-steps 3')).toEqual([
      '--model is required; a Hugging Face folder, a .gguf file, or a hub id',
      '--data is required; rows: file, folder, pattern or hub id; with =0.3 behind it three rows of ten; may be repeated',
      '--output is required; the run folder, new or empty',
      '--lora.rank must be at least 1, got 0',
      '--evaluate-steps has no effect without --held-out or --held-out-fraction; leave it out',
      '--optimizer.beta1 has no effect with --optimizer.name sgd, which takes --optimizer.momentum, --optimizer.weight-decay; leave it out',
      '--beta must be a number above 0, got 0',
    ]);
    expect(await refused('dpo --methd full --rank x')).toEqual([
      '--methd is not an option; did you mean --method?',
      '--model is required; a Hugging Face folder, a .gguf file, or a hub id',
      '--data is required; rows: file, folder, pattern or hub id; with =0.3 behind it three rows of ten; may be repeated',
      '--output is required; the run folder, new or empty',
      '--lora.rank must be a whole number, got "x"',
    ]);
    // Words that were not understood and values out of range come together.
    expect(await refused('dpo --model model --data pairs.jsonl --output x --device gpu --samples -1 --lr 0')).toEqual([
      '--learning-rate must be above 0, got 0',
      '--samples must be at least 0, got -1',
      '--device must be one of cpu, webgpu, cuda, got "gpu"',
    ]);
    expect(await refused('dpo --model run --data pairs.jsonl --adapter model --output x')).toEqual([
      'run: the model to train must have no adapter, got one with run/adapter; continue it with --model model --adapter run/adapter, or put it into the model with preftune export --to hf',
    ]);
    expect(await refused('dpo --model model --data pairs.jsonl --adapter model --output x')).toEqual([
      'model: the adapter must be a PEFT folder, got a model; name it in the place of the model',
    ]);
    const [objective, ...more] = await refused('dpo --model model --data pairs.jsonl --output x --objective dppo');
    expect([objective, more]).toEqual([
      expect.stringMatching(
        /^--objective must be the name of a loss, got "dppo"; did you mean dpop\? there are sigmoid, .*$/,
      ),
      [],
    ]);
    expect(await refused('sft --model model --data pairs.jsonl --output x --initialise --loss some')).toEqual([
      '--loss must be one of completion, last, all, got "some"',
      '--initialise starts from random weights, which must all be trained; add --method full',
    ]);
    expect(await refused('score --model model --data pairs.jsonl --beta 0.2')).toEqual([
      '--beta has no effect without --reference or --adapter, which rewards are measured by; leave it out',
    ]);
  });

  it('every path that does not exist is named', async () => {
    expect(
      await refused(
        'dpo --model ./none --data no.jsonl --held-out ./held --adapter ./adapter --reference ./ref --output run',
      ),
    ).toEqual([
      'run: the output folder must be new or empty, got one that holds a run; pass --resume to continue it or choose another --output',
      expect.stringContaining('no.jsonl: the data must be a file or folder that exists, got no such file here; '),
      expect.stringContaining('./held: the data must be a file or folder that exists, got no such folder here; '),
      expect.stringContaining('./ref: the model must be a folder or .gguf file that exists, got no such folder here; '),
      expect.stringContaining(
        './none: the model must be a folder or .gguf file that exists, got no such folder here; ',
      ),
      './adapter: the adapter must be a folder that exists, as PEFT writes it; check the path',
    ]);
  });

  it('rows: JSON with line and column, fields, identical sides, empty answers, roles, all at once', async () => {
    const lines = [
      JSON.stringify(PAIR),
      '{"prompt": "p", "chosen": "a" "rejected": "b"}',
      JSON.stringify({ prompt: 'p', chosen: 'a' }),
      JSON.stringify({ ...PAIR, rejected: 'a' }),
      JSON.stringify({ ...PAIR, chosen: '' }),
      JSON.stringify({ ...PAIR, chosen: 3 }),
    ];
    writeFileSync(at('bad.jsonl'), `${lines.join('\n')}\n`);
    const said = await refused('dpo --model model --data bad.jsonl --output x');
    expect(said.map((line) => line.split(' ')[0])).toEqual([
      'bad.jsonl:2:31:',
      'bad.jsonl:3:',
      'bad.jsonl:4:',
      'bad.jsonl:5:',
      'bad.jsonl:6:',
    ]);
    expect(said[2]).toContain('chosen and rejected must differ');
    writeRows(at('roles.jsonl'), [chat('assistant'), chat('robot')]);
    expect((await refused('dpo --model model --data roles.jsonl --output x')).join('\n')).toMatch(
      /^roles\.jsonl:2: .*role.*robot/,
    );
  });

  it('an output folder that holds something else, and a resumed run that is not there or is another', async () => {
    mkdirSync(at('full'), { recursive: true });
    writeFileSync(at('full', 'notes.txt'), 'mine');
    expect(await refused(`dpo ${START} --output full`)).toEqual([
      'full: the output folder must be new or empty, got one that holds notes.txt; choose another --output',
    ]);
    expect(await refused('dpo --output nowhere --resume')).toEqual([
      'nowhere: must hold a run, got no run.json; leave out --resume to start a new run',
    ]);
    expect(await refused('sft --output run --resume')).toEqual([
      'run: must hold a run of sft, got one of "dpo"; resume it with preftune dpo',
    ]);
    expect(await refused('dpo --output run --resume --rank 4 --learning-rate 0.1 --held-out pairs.jsonl')).toEqual(
      [
        'run: --lora.rank must be what the run began with to resume it, got 4 instead of 2; leave it out (the run knows its options), or choose another --output',
        'run: --learning-rate must be what the run began with to resume it, got 0.1 instead of 0.00005; leave it out (the run knows its options), or choose another --output',
        'run: --held-out must be what the run began with to resume it, got "pairs.jsonl" instead of nothing; leave it out (the run knows its options), or choose another --output',
      ].toSorted((a, b) => order(a) - order(b)),
    );
  });

  it('data that changed since the run began cannot be resumed', async () => {
    writeRows(at('changing.jsonl'), tinyPairs(8));
    expect(
      (await run('dpo --model model --data changing.jsonl --threads 1 --rank 2 --max-steps 1 --output changed')).code,
    ).toBe(0);
    writeRows(at('changing.jsonl'), tinyPairs(9));
    const { code, err } = await run('dpo --output changed --resume');
    expect(code).toBe(2);
    const problems = linesOf(err).filter((line) => line.startsWith('changed: '));
    expect(problems.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
      'changed: data.train',
      'changed: data.rows',
    ]);
    expect(problems[1]).toBe(
      'changed: data.rows must be what the run began with to resume it, got 9 instead of 8; change it back or choose another --output',
    );
  });
});

/** The order in which a command line lists its options. */
function order(line: string): number {
  return ['--held-out', '--lora.rank', '--learning-rate'].findIndex((flag) => line.includes(`${flag} `));
}
