/**
 * npm run bench:start -- [--smollm2 FILE.gguf] [--repeats 3] [--phases]
 *
 * How long the built command line takes to its first step: from the start of the process until the first line of
 * metrics.jsonl is there, for the embedded model (target 3 s) and for SmolLM2 with a stored reference (target 6 s), with the
 * default settings of `preftune dpo`. Also the embedded model's step time. --phases profiles one more run and says where the time goes.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { badUsage, createRandom, messageOf, runFailed } from '../src/core/index.ts';
import { machine } from './machine.ts';
import { phasesOf, START_PHASES, type CpuProfile } from './phases.ts';
import { median } from './statistics.ts';

const CLI = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const EMBEDDED = fileURLToPath(new URL('../assets/embedded-model', import.meta.url));

/** Few, since the reference of all of them is computed before the measured runs. */
const ROWS = 16;
const EMBEDDED_STEPS = 8;
const POLL_MS = 5;
const WORDS = 'the a of to and in is it you that was for on are with as his they be at one have this from'.split(' ');

interface Start {
  readonly name: string;
  readonly model: string;
  readonly targetSeconds: number;
  readonly steps: number;
}

interface Measured {
  /** From the start of the process. */
  readonly firstStepSeconds: number;
  /** Seconds of every step, the first included. */
  readonly stepSeconds: readonly number[];
}

/** Pairs of about the lengths of HH-RLHF's: a prompt of 100 words, answers of 50. */
function generatedRows(): string {
  const random = createRandom(1, 'bench-start');
  const sentence = (words: number): string =>
    Array.from({ length: words }, () => WORDS[random.nextInt(WORDS.length)]!).join(' ');
  const pair = (row: number): object => ({
    prompt: `${row} ${sentence(80 + random.nextInt(40))}?`,
    chosen: ` ${sentence(30 + random.nextInt(40))}.`,
    rejected: ` ${sentence(30 + random.nextInt(40))}!`,
  });
  return Array.from({ length: ROWS }, (_, row) => `${JSON.stringify(pair(row))}\n`).join('');
}

interface Folders {
  readonly scratch: string;
  readonly data: string;
}

/** Runs the command in a new folder and gives its times; `nodeOptions` stand before the script. */
async function run(start: Start, { scratch, data }: Folders, nodeOptions: readonly string[] = []): Promise<Measured> {
  const output = join(mkdtempSync(join(scratch, 'run-')), 'run');
  const metrics = join(output, 'metrics.jsonl');
  const options = {
    model: start.model,
    data,
    output,
    'max-steps': String(start.steps),
    epochs: String(start.steps),
    'max-length': '512',
    'reference-cache': join(scratch, 'reference'),
  };
  const args = [CLI, 'dpo', '--lenient', ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])];
  const started = performance.now();
  let firstStepMs: number | undefined;
  const child = spawn(process.execPath, [...nodeOptions, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  const poll = setInterval(() => {
    if (firstStepMs === undefined && existsSync(metrics) && statSync(metrics).size > 0)
      firstStepMs = performance.now() - started;
  }, POLL_MS);
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  }).finally(() => clearInterval(poll));
  if (code !== 0 || firstStepMs === undefined)
    throw runFailed(`${start.name}: preftune dpo must end well, it ended with ${code}:\n${errors.trim()}`);
  const lines = readFileSync(metrics, 'utf8').trim().split('\n');
  const records = lines.map((line) => JSON.parse(line) as { num_tokens: number; tokens_per_second: number });
  const stepSeconds = records.map(
    ({ num_tokens, tokens_per_second }, i) => (num_tokens - (records[i - 1]?.num_tokens ?? 0)) / tokens_per_second,
  );
  return { firstStepSeconds: firstStepMs / 1000, stepSeconds };
}

/** Fills the reference's cache and the file system's, then measures `repeats` runs. */
async function measure(start: Start, folders: Folders, repeats: number): Promise<void> {
  await run(start, folders);
  const runs: Measured[] = [];
  for (let repeat = 0; repeat < repeats; repeat++) runs.push(await run(start, folders));
  const done = runs.map(({ firstStepSeconds }) => firstStepSeconds);
  const begun = runs.map(({ firstStepSeconds, stepSeconds }) => firstStepSeconds - stepSeconds[0]!);
  print(`${start.name}: first step begins`, both(begun));
  print(`${start.name}: first step done`, `${both(done)} (target ${start.targetSeconds} s)`);
  const later = runs.flatMap(({ stepSeconds }) => stepSeconds.slice(1));
  if (later.length > 0) print(`${start.name}: later steps`, `${both(later)}, 8 pairs`);
}

function both(values: readonly number[]): string {
  return `${median(values).toFixed(2)} s median, ${Math.min(...values).toFixed(2)} s best`;
}

async function printPhases(start: Start, folders: Folders): Promise<void> {
  const folder = mkdtempSync(join(folders.scratch, 'profile-'));
  await run({ ...start, steps: 1 }, folders, ['--cpu-prof', '--cpu-prof-interval=500', `--cpu-prof-dir=${folder}`]);
  const file = readdirSync(folder).find((name) => name.endsWith('.cpuprofile'))!;
  const profile = JSON.parse(readFileSync(join(folder, file), 'utf8')) as CpuProfile;
  for (const { phase, seconds, idleSeconds } of phasesOf(profile, START_PHASES))
    print(`  ${phase}`, `${seconds.toFixed(2)} s, ${idleSeconds.toFixed(2)} of them waiting`);
}

function print(label: string, value: string): void {
  process.stdout.write(`${label.padEnd(38)} ${value}\n`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      smollm2: { type: 'string' },
      repeats: { type: 'string', default: '3' },
      phases: { type: 'boolean', default: false },
    },
  });
  const repeats = Number(values.repeats);
  if (!Number.isInteger(repeats) || repeats < 1)
    throw badUsage(`--repeats: must be a positive integer, got ${values.repeats}; the default is 3`);
  if (!existsSync(CLI)) throw badUsage(`${CLI}: the command line must be built, it is not; run npm run build`);
  const scratch = mkdtempSync(join(tmpdir(), 'preftune-bench-'));
  try {
    const data = join(scratch, 'rows.jsonl');
    writeFileSync(data, generatedRows());
    const starts: Start[] = [{ name: 'embedded', model: EMBEDDED, targetSeconds: 3, steps: EMBEDDED_STEPS }];
    if (values.smollm2 !== undefined)
      starts.push({ name: 'SmolLM2', model: values.smollm2, targetSeconds: 6, steps: 1 });
    print('machine', machine());
    for (const start of starts) {
      await measure(start, { scratch, data }, repeats);
      if (values.phases) await printPhases(start, { scratch, data });
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

await main().catch((thrown: unknown) => {
  process.stderr.write(`${messageOf(thrown)}\n`);
  process.exitCode = 1;
});
