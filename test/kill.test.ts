import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRandom } from '../src/core/index.ts';
import { listCheckpoints } from '../src/store/index.ts';
import { buildCli, preftune, type Ended } from './support/built-cli.ts';
import { metricLines } from './support/training.ts';
import { temporaryFolder, tinyPairs, writeRows, writeTinyModel } from './support/tiny-model.ts';

/**
 * Kill -9 at random moments: whatever is on disk then, every checkpoint is whole, and the run that is resumed until it ends has the metrics and the
 * weights of one that was left alone, bit for bit.
 */
const KILLS = 50;
/** The steps of a run take about this long. */
const LONGEST_MS = 400;

const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);
let main: string;

beforeAll(async () => {
  main = buildCli();
  await writeTinyModel(at('model'), { hidden: 16, layers: 1 });
  writeRows(at('pairs.jsonl'), tinyPairs(16));
});
afterAll(folder.remove);

function words(output: string, isResuming: boolean): string[] {
  const fresh =
    `--model ${at('model')} --data ${at('pairs.jsonl')} --rank 2 --dropout 0.1 --threads 1 ` +
    '--batch-size 2 --epochs 4 --checkpoint-steps 3 --held-out-fraction 0.2';
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

it(`${KILLS} kills at random moments change nothing of the result`, { timeout: 600_000 }, async () => {
  const straight = await preftune(main, words(at('straight'), false));
  expect(straight.err.split('\n').filter((line) => /error|internal/.test(line))).toEqual([]);
  expect(straight.code).toBe(0);
  const random = createRandom(7, 'kills');
  let [kills, finished, seen, last] = [0, 0, 0, 0];
  for (let run = 0; kills < KILLS; run++) {
    const output = at(`run-${run}`);
    for (;;) {
      const isResuming = existsSync(join(output, 'run.json'));
      let timer: NodeJS.Timeout | undefined;
      const mayKill = kills < KILLS;
      // Most kills fall among steps and checkpoints, the others while models are opened and graphs compiled.
      const sign = random.nextFloat() < 0.7 ? /step 0: held-out|resuming after step/ : /training data/;
      const delay = random.nextFloat() * LONGEST_MS;
      const ended: Ended = await preftune(main, words(output, isResuming), {
        onError: (text, child) => {
          if (mayKill && timer === undefined && sign.test(text)) timer = setTimeout(() => child.kill('SIGKILL'), delay);
        },
      });
      clearTimeout(timer);
      seen += requireWholeCheckpoints(output);
      if (ended.signal === 'SIGKILL') {
        kills++;
        last = run;
        continue;
      }
      expect([ended.code, ended.err.split('\n').filter((line) => /must|internal/.test(line))]).toEqual([0, []]);
      finished++;
      break;
    }
    expect(metricLines(output)).toEqual(metricLines(at('straight')));
    for (const file of ['adapter/adapter_model.safetensors', 'adapter/adapter_config.json'])
      expect(digest(join(output, file))).toBe(digest(at('straight', file)));
    expect(readdirSync(join(output, 'checkpoints')).toSorted()).toEqual(
      readdirSync(at('straight', 'checkpoints')).toSorted(),
    );
  }
  process.stderr.write(`kill.test.ts: ${kills} kills, ${finished} runs, ${seen} checkpoints looked at\n`);
  expect([kills, finished]).toEqual([KILLS, last + 1]);
});
