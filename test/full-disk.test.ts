import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildCli, preftune, type Ended } from './support/built-cli.ts';
import { metricLines } from './support/training.ts';
import { temporaryFolder, tinyPairs, writeRows, writeTinyModel } from './support/tiny-model.ts';

/**
 * A disk that is full as a user meets it: what is said, what stays, and how it goes on. The disk is a file system of its own in memory, which
 * only root may make; a limit on the size of files, which everybody may set, stops the same write elsewhere.
 */
const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);
const DISK = at('disk');

/** A checkpoint holds 27,104 weights and twice as many numbers of AdamW: 325 kB. One has room, a second has not. */
const SMALL_KB = 500;
const LARGE_KB = 8000;

function mount(options: string): string | undefined {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', DISK], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.split('\n')[0] : String(error);
  }
}

mkdirSync(DISK);
const refusal = process.platform === 'linux' ? mount(`size=${SMALL_KB}k`) : 'no tmpfs on this system';
if (refusal !== undefined) process.stderr.write(`full-disk.test.ts: skipped one test: no small disk, ${refusal}\n`);
const isPosix = process.platform !== 'win32';
if (!isPosix) process.stderr.write('full-disk.test.ts: skipped one test: no limit on the size of files\n');

let main: string;
const OPTIONS =
  '--model model --data pairs.jsonl --method full --threads 1 --batch-size 4 --max-steps 3 --checkpoint-steps 1 --samples 0';

beforeAll(async () => {
  main = buildCli();
  await writeTinyModel(at('model'));
  writeRows(at('pairs.jsonl'), tinyPairs(12));
  expect((await run(`dpo ${OPTIONS} --output straight`)).code).toBe(0);
});
afterAll(() => {
  if (refusal === undefined) execFileSync('umount', [DISK]);
  folder.remove();
});

function run(line: string, program = main): Promise<Ended> {
  return preftune(program, line.split(' '), { cwd: folder.path, environment: { XDG_CACHE_HOME: at('cache') } });
}

function requireSame(output: string): void {
  expect(metricLines(at(output))).toEqual(metricLines(at('straight')));
  const [model, straight] = [output, 'straight'].map((name) => readFileSync(at(name, 'model', 'model.safetensors')));
  expect(model!.equals(straight!)).toBe(true);
}

/** Neither temporaries nor halves: every name in the folder is one that a user knows. */
function requireTidy(output: string, checkpoints: readonly string[]): void {
  expect(
    readdirSync(at(output)).filter(
      (name) => !['checkpoints', 'metrics.jsonl', 'run.json', 'tensorboard'].includes(name),
    ),
  ).toEqual([]);
  expect(existsSync(at(output, 'checkpoints')) ? readdirSync(at(output, 'checkpoints')) : []).toEqual(checkpoints);
}

it.skipIf(refusal !== undefined)(
  'a full disk ends the run with 1, keeps the last checkpoint, and --resume goes on when there is room',
  async () => {
    const { code, out, err } = await run(`dpo ${OPTIONS} --output disk/run`);
    expect([code, out]).toEqual([1, '']);
    expect(err.trimEnd().split('\n').at(-1)).toBe(
      'disk/run/checkpoints/step-2: the disk must have room, got no space left; free some space and run the same command with --resume. ' +
        'What was written before is complete and readable',
    );
    requireTidy('disk/run', ['step-1']);
    const again = await run(`dpo ${OPTIONS} --output disk/run --resume`);
    expect([again.code, again.err.includes('resuming after step 1 of 3')]).toEqual([1, true]);
    requireTidy('disk/run', ['step-1']);
    expect(mount(`remount,size=${LARGE_KB}k`)).toBeUndefined();
    const resumed = await run(`dpo ${OPTIONS} --output disk/run --resume`);
    expect(resumed.code).toBe(0);
    requireSame('disk/run');
  },
);

it.skipIf(!isPosix)('a limit on the size of files is named, and --resume goes on without it', async () => {
  // The shell counts in blocks of 512 or 1024 bytes: either is below 325 kB.
  writeFileSync(
    at('limited.mjs'),
    `import { spawnSync } from 'node:child_process';
     const words = [process.execPath, ${JSON.stringify(main)}, ...process.argv.slice(2)];
     const { status } = spawnSync('sh', ['-c', 'ulimit -f 200; exec "$@"', 'sh', ...words], { stdio: 'inherit' });
     process.exitCode = status ?? 99;`,
  );
  const { code, out, err } = await run(`dpo ${OPTIONS} --output limited`, at('limited.mjs'));
  expect([code, out]).toEqual([1, '']);
  expect(err.trimEnd().split('\n').at(-1)).toBe(
    'limited/checkpoints/step-1: the system must allow files of this size, got its limit (ulimit -f, or the file system); raise it and run the same command with --resume. ' +
      'What was written before is complete and readable',
  );
  requireTidy('limited', []);
  expect((await run(`dpo ${OPTIONS} --output limited --resume`)).code).toBe(0);
  requireSame('limited');
});
