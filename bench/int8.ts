/**
 * npx tsx bench/int8.ts --model SmolLM2.gguf --data helpful-base-test.jsonl.gz [--precisions float32,int8] [--steps 3] [--profile]
 * npx tsx bench/int8.ts --quality [--model FILE] --data FILE [--precisions float32,int8] [--pairs 64] [--seeds 3]
 *
 * LoRA DPO over a base kept in several precisions. Without --quality: seconds of a step in turns, one process each, peak memory, and with
 * --profile the share of each operator. With it: held-out accuracy and margin of the same short run with several seeds, by
 * default of the embedded model.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { badUsage } from '../src/core/index.ts';
import { fileSource, loadPairs } from '../src/data/index.ts';
import { BASE_PRECISIONS, type BasePrecision } from '../src/models/index.ts';
import { summarise } from '../src/runtime/index.ts';
import { openModel } from '../src/policy/index.ts';
import { parseDpoSpecification } from '../src/specification/index.ts';
import { trainDpo, type Metrics } from '../src/train/index.ts';
import { BEST_SETTINGS, openLoraDpo, PAIRS_PER_STEP } from './lora-dpo.ts';
import { machine } from './machine.ts';
import { writeRows } from './peers/rows.ts';
import { startSide } from './peers/side.ts';
import { median } from './statistics.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: fileURLToPath(new URL('../assets/embedded-model', import.meta.url)) },
    data: { type: 'string' },
    precisions: { type: 'string', default: 'float32,int8' },
    steps: { type: 'string', default: '3' },
    profile: { type: 'boolean', default: false },
    quality: { type: 'boolean', default: false },
    pairs: { type: 'string', default: '64' },
    'held-out': { type: 'string', default: '64' },
    seeds: { type: 'string', default: '3' },
    epochs: { type: 'string', default: '2' },
    'learning-rate': { type: 'string', default: '2e-4' },
    'max-length': { type: 'string', default: '256' },
  },
});

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const precisions = values.precisions.split(',').map((given) => {
  const found = BASE_PRECISIONS.find((name) => name === given);
  if (found === undefined)
    throw badUsage(`int8.ts: --precisions must be of ${BASE_PRECISIONS.join(', ')}, got ${given}`);
  return found;
});
if (values.data === undefined) throw badUsage('int8.ts: --data must be given');
const folder = mkdtempSync(join(tmpdir(), 'preftune-int8-'));

async function writePairs(path: string, count: number, maxLength: number): Promise<void> {
  const { tokenizer, files } = await openModel(values.model);
  await writeRows(path, { data: values.data!, tokenizer, maxLength, count });
  await files.close();
}

interface Speed {
  readonly precision: BasePrecision;
  readonly seconds: readonly number[];
  readonly peakRssMb: number;
}

/** Steps of every precision in turns; the first of each, in which memory is new, is not counted. */
async function measureSpeed(rows: string, steps: number): Promise<Speed[]> {
  const sides = [];
  for (const precision of precisions) {
    const args = ['--import', 'tsx', fileURLToPath(new URL('peers/ours.ts', import.meta.url)), values.model, rows];
    sides.push({
      precision,
      side: await startSide({
        name: precision,
        command: process.execPath,
        args: [...args, precision],
        environment: {},
      }),
      seconds: [] as number[],
    });
  }
  for (let step = 0; step <= steps; step++) {
    for (const { precision, side, seconds } of sides) {
      const event = await side.step();
      if (step > 0) seconds.push(event.seconds);
      say(`  step ${step + 1}, ${precision}: ${event.seconds.toFixed(2)} s, loss ${event.loss.toFixed(4)}`);
    }
  }
  const speeds: Speed[] = [];
  for (const { precision, side, seconds } of sides)
    speeds.push({ precision, seconds, peakRssMb: (await side.stop()).peak_rss_mb });
  return speeds;
}

/** Share of each operator in one step, those of integer products first. */
async function printProfile(rows: string, basePrecision: BasePrecision): Promise<void> {
  const opened = await openModel(values.model);
  const { rows: pairs } = await loadPairs(fileSource(rows), {
    tokenizer: opened.tokenizer,
    maxLength: BEST_SETTINGS.maxLength,
  });
  const training = await openLoraDpo({ opened, pairs, ...BEST_SETTINGS, basePrecision, isProfiled: true });
  await training.step(0);
  const { operators } = summarise(JSON.parse(readFileSync(await training.endProfile(), 'utf8')), 1);
  const share = (name: RegExp): number =>
    operators.filter((operator) => name.test(operator.name)).reduce((sum, operator) => sum + operator.share, 0);
  say(
    `${basePrecision}: integer products ${(100 * share(/Integer|NBits/)).toFixed(0)} % of operator time, float32 products ${(100 * share(/^(Gemm|MatMul|FusedMatMul)$/)).toFixed(0)} %, rounding ${(100 * share(/Quantize|ReduceM/)).toFixed(0)} %`,
  );
  for (const { name, ms, share: part } of operators.slice(0, 12))
    say(`  ${name.padEnd(30)} ${ms.toFixed(0).padStart(6)} ms  ${(100 * part).toFixed(1)} %`);
  await training.dispose();
  await opened.files.close();
}

async function speed(): Promise<void> {
  const rows = join(folder, 'rows.jsonl');
  const steps = Number(values.steps);
  await writePairs(rows, PAIRS_PER_STEP * (steps + 1), BEST_SETTINGS.maxLength);
  const speeds = await measureSpeed(rows, steps);
  const first = median(speeds[0]!.seconds);
  say(
    '| base | s a step, least | median | pairs/s, median | times | peak RSS, MB |\n| --- | --- | --- | --- | --- | --- |',
  );
  for (const { precision, seconds, peakRssMb } of speeds) {
    const middle = median(seconds);
    say(
      `| ${precision} | ${Math.min(...seconds).toFixed(2)} | ${middle.toFixed(2)} | ${(PAIRS_PER_STEP / middle).toFixed(2)} | ${(first / middle).toFixed(2)} | ${peakRssMb.toFixed(0)} |`,
    );
  }
  if (values.profile) for (const precision of precisions) await printProfile(rows, precision);
}

/** One run; its last evaluation. */
async function lastEvaluation(precision: BasePrecision, seed: number): Promise<Metrics> {
  const evaluations: Metrics[] = [];
  const specification = parseDpoSpecification({
    model: values.model,
    data: join(folder, 'train.jsonl'),
    heldOut: join(folder, 'held-out.jsonl'),
    output: join(folder, `${precision}-${seed}`),
    basePrecision: precision,
    seed,
    lora: { rank: BEST_SETTINGS.rank },
    learningRate: Number(values['learning-rate']),
    maxLength: Number(values['max-length']),
    microBatchTokens: BEST_SETTINGS.microBatchTokens,
    batchSize: PAIRS_PER_STEP,
    epochs: Number(values.epochs),
    evaluateSteps: 1_000_000,
    samples: 0,
  });
  await trainDpo(specification, {
    resolve: async (named) => named,
    referenceCache: join(folder, 'reference'),
    versions: {},
    isResuming: false,
    signal: new AbortController().signal,
    listener: {
      onEvaluation: (_step, metrics) => evaluations.push(metrics),
      onNote: (text) => {
        if (seed === 1 && text.startsWith('base:')) say(`  ${text}`);
      },
    },
  });
  return evaluations.at(-1)!;
}

const meanOf = (list: readonly number[]): number => list.reduce((sum, one) => sum + one, 0) / list.length;
function deviation(list: readonly number[]): number {
  const mean = meanOf(list);
  return Math.sqrt(list.reduce((sum, one) => sum + (one - mean) ** 2, 0) / Math.max(1, list.length - 1));
}

async function quality(): Promise<void> {
  const [train, heldOut] = [Number(values.pairs), Number(values['held-out'])];
  const all = join(folder, 'all.jsonl');
  await writePairs(all, train + heldOut, Number(values['max-length']));
  const lines = readFileSync(all, 'utf8').trim().split('\n');
  writeFileSync(join(folder, 'train.jsonl'), `${lines.slice(0, train).join('\n')}\n`);
  writeFileSync(join(folder, 'held-out.jsonl'), `${lines.slice(train).join('\n')}\n`);
  const table = ['| base | seed | held-out loss | accuracy | margin |', '| --- | --- | --- | --- | --- |'];
  for (const precision of precisions) {
    const ends: Metrics[] = [];
    for (let seed = 1; seed <= Number(values.seeds); seed++) {
      const end = await lastEvaluation(precision, seed);
      ends.push(end);
      const figures = ['loss', 'rewards/accuracies', 'rewards/margins'].map((name) => end[name]!.toFixed(4));
      table.push(`| ${precision} | ${seed} | ${figures.join(' | ')} |`);
    }
    const spread = ['loss', 'rewards/accuracies', 'rewards/margins'].map((name) => {
      const list = ends.map((end) => end[name]!);
      return `${meanOf(list).toFixed(4)} +- ${deviation(list).toFixed(4)}`;
    });
    table.push(`| ${precision} | all | ${spread.join(' | ')} |`);
  }
  say(table.join('\n'));
}

try {
  say(machine());
  await (values.quality ? quality() : speed());
} finally {
  rmSync(folder, { recursive: true, force: true });
}
