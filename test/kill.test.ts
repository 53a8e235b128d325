import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRandom, type Random } from '../src/core/index.ts';
import { listCheckpoints, readRunFile } from '../src/store/index.ts';
import { buildCli, preftune, type Ended } from './support/built-cli.ts';
import { contraryPairs } from './support/overfitting.ts';
import { metricLines } from './support/training.ts';
import { temporaryFolder, writeRows, writeTinyModel } from './support/tiny-model.ts';

/**
 * Kill -9 at random moments: whatever is on disk then, every checkpoint is whole, and the run that is resumed until it ends has the metrics and the
 * weights of one that was left alone, bit for bit. PREFTUNE_KILLS asks for more of them.
 */
const KILLS = Number(process.env.PREFTUNE_KILLS ?? 24);
/** A few steps with their checkpoints take about this long. */
const LONGEST_MS = 200;
/** Runs side by side: a process mostly loads modules on one core and waits for the disk. */
const LANES = 3;

const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);
let main: string;

beforeAll(async () => {
  main = buildCli();
  await writeTinyModel(at('model'), { hidden: 16, layers: 1 });
  // The best model on the held-out rows is an early one, so that it must survive all that follows.
  writeRows(
    at('pairs.jsonl'),
    contraryPairs(0, 12, (i) => i % 3 === 0),
  );
  writeRows(
    at('held-out.jsonl'),
    contraryPairs(100, 4, (i) => i % 4 === 1),
  );
});
afterAll(folder.remove);

function words(output: string, isResuming: boolean): string[] {
  const fresh =
    `--model ${at('model')} --data ${at('pairs.jsonl')} --rank 2 --dropout 0.1 --threads 1 ` +
    `--batch-size 2 --epochs 4 --learning-rate 4e-3 --held-out ${at('held-out.jsonl')} --samples 0 ` +
    '--checkpoint-steps 3 --keep-checkpoints 1 --evaluate-steps 2 --early-stopping-patience 4';
  const own = isResuming ? ['--resume'] : fresh.split(' ');
  return ['dpo', '--output', output, '--reference-cache', at('reference'), ...own];
}

function digest(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** Every checkpoint in sight has its two files, whole: their JSON parses and their length is what the header says. */
function requireWholeCheckpoints(output: string): number {
  const checkpoints = listCheckpoints(output);
  for (const { path, step } of checkpoints) {
    expect(readdirSync(path).toSorted()).toEqual(['state.json', 'state.safetensors']);
    expect((JSON.parse(readFileSync(join(path, 'state.json'), 'utf8')) as { step: number }).step).toBe(step);
    const bytes = readFileSync(join(path, 'state.safetensors'));
    const headerLength = Number(bytes.readBigUInt64LE(0));
    const header = JSON.parse(bytes.subarray(8, 8 + headerLength).toString()) as Record<
      string,
      { data_offsets?: [number, number] }
    >;
    const end = Math.max(...Object.values(header).map((entry) => entry.data_offsets?.[1] ?? 0));
    expect(bytes.length).toBe(8 + headerLength + end);
  }
  return checkpoints.length;
}

/** The run that was left alone, and one that was killed again and again, to the same files. */
function requireSame(output: string): void {
  expect(metricLines(output)).toEqual(metricLines(at('straight')));
  for (const file of ['adapter/adapter_model.safetensors', 'adapter/adapter_config.json'])
    expect(digest(join(output, file))).toBe(digest(at('straight', file)));
  expect(readRunFile(output).outcome).toEqual(readRunFile(at('straight')).outcome);
  expect(readdirSync(join(output, 'checkpoints')).toSorted()).toEqual(
    readdirSync(at('straight', 'checkpoints')).toSorted(),
  );
}

/** What the lanes have in common. Every start may be killed while fewer than KILLS were killed or may still be. */
const counts = { kills: 0, allowed: 0, started: 0, finished: 0, checkpoints: 0 };

/**
 * After what a kill waits its random time: mostly for a few checkpoints more, so that runs come forward however slow the machine is; else for the
 * first step, or while the model is opened and graphs are compiled.
 */
function momentOf(random: Random): (text: string) => boolean {
  const kind = random.nextFloat();
  if (kind < 0.15) return (text) => text.includes('training data');
  if (kind < 0.5) return (text) => /step 0: held-out|resuming after step/.test(text);
  const checkpoints = 1 + Math.floor(random.nextFloat() * 3);
  return (text) => text.split('checkpoint saved').length > checkpoints;
}

/** One start of a run; whether it was killed. */
async function startAndKill(output: string, random: Random): Promise<boolean> {
  const mayKill = counts.allowed < KILLS;
  if (mayKill) counts.allowed++;
  let timer: NodeJS.Timeout | undefined;
  const isReached = momentOf(random);
  const delay = random.nextFloat() * LONGEST_MS;
  const ended: Ended = await preftune(main, words(output, existsSync(join(output, 'run.json'))), {
    onError: (text, child) => {
      if (mayKill && timer === undefined && isReached(text)) timer = setTimeout(() => child.kill('SIGKILL'), delay);
    },
  });
  clearTimeout(timer);
  counts.checkpoints += requireWholeCheckpoints(output);
  if (ended.signal === 'SIGKILL') {
    counts.kills++;
    return true;
  }
  if (mayKill) counts.allowed--;
  expect([ended.code, ended.err.split('\n').filter((line) => /must|internal/.test(line))]).toEqual([0, []]);
  return false;
}

/** Runs one after the other, each killed and resumed until it ends. */
async function lane(number: number): Promise<void> {
  const random = createRandom(7, `kills ${number}`);
  while (counts.kills < KILLS) {
    const output = at(`run-${counts.started++}`);
    let isKilled = true;
    while (isKilled) isKilled = await startAndKill(output, random);
    counts.finished++;
    requireSame(output);
  }
}

it(`${KILLS} kills at random moments change nothing of the result`, { timeout: 1_200_000 }, async () => {
  const straight = await preftune(main, words(at('straight'), false));
  expect(straight.err.split('\n').filter((line) => /error|internal/.test(line))).toEqual([]);
  expect(straight.code).toBe(0);
  expect(readRunFile(at('straight')).outcome).toMatchObject({ step: 24, artefact: { step: 20, choice: 'best' } });
  await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number)));
  process.stderr.write(
    `kill.test.ts: ${counts.kills} kills, ${counts.finished} runs, ${counts.checkpoints} checkpoints looked at\n`,
  );
  expect([counts.kills, counts.finished]).toEqual([KILLS, counts.started]);
});
