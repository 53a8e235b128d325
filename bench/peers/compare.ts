/**
 * npm run bench:peers -- --model FILE.gguf --data helpful-base-test.jsonl.gz [--steps 4] [--python PATH] [--peers best,defaults]
 *
 * LoRA DPO here and with TRL, taking turns in one run: the same pairs in the same order, 8 a step, each side a process that
 * lives on between its steps. Prints a table and writes bench/results/peers-<date>.json. All three sides need about 16 GiB.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { badUsage, messageOf, runFailed } from '../../src/core/index.ts';
import { openModel } from '../../src/policy/index.ts';
import { BEST_SETTINGS, PAIRS_PER_STEP } from '../lora-dpo.ts';
import { machine } from '../machine.ts';
import { checkPython } from './python.ts';
import { ratiosOf, renderComparison, type Comparison, type SideResult } from './report.ts';
import { writeRows } from './rows.ts';
import { startSide, type Side, type SideCommand, type SideEvent } from './side.ts';

const PEERS = ['best', 'defaults'] as const;
type Peer = (typeof PEERS)[number];

/** Peak memory of a side as it was measured, so that a run which cannot end well does not begin. */
const NEEDED_GIB: Readonly<Record<Peer | 'ours', number>> = { ours: 2.5, best: 5, defaults: 9.5 };

/** Keeps malloc from returning pages, which makes TRL on a CPU a quarter faster; glibc reads them when a process starts. */
const KEEP_PAGES = {
  MALLOC_TOP_PAD_: '1073741824',
  MALLOC_MMAP_THRESHOLD_: '4294967296',
  MALLOC_TRIM_THRESHOLD_: '4294967296',
};

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const say = (text: string): void => void process.stderr.write(`${text}\n`);

interface Options {
  readonly model: string;
  readonly data: string;
  readonly python: string;
  readonly peers: readonly Peer[];
  /** Measured steps; one that warms up comes before them. */
  readonly steps: number;
}

function parseOptions(): Options {
  const { values } = parseArgs({
    options: {
      model: { type: 'string' },
      data: { type: 'string' },
      python: { type: 'string', default: 'python3' },
      peers: { type: 'string', default: PEERS.join(',') },
      steps: { type: 'string', default: '4' },
    },
  });
  const { model, data, python } = values;
  const steps = Number(values.steps);
  const peers = values.peers.split(',') as Peer[];
  const problems: string[] = [];
  if (model === undefined)
    problems.push('--model: a .gguf file or a Hugging Face folder must be named; pass --model FILE');
  if (data === undefined) problems.push('--data: a file of preference pairs must be named; pass --data FILE');
  if (!Number.isInteger(steps) || steps < 1)
    problems.push(`--steps: must be a positive integer, got ${values.steps}; the default is 4`);
  const unknown = peers.filter((peer) => !PEERS.includes(peer));
  if (unknown.length > 0)
    problems.push(`--peers: must be among ${PEERS.join(', ')}, got ${unknown.join(', ')}; separate them with a comma`);
  if (problems.length > 0) throw badUsage(problems.map((message) => ({ message })));
  return { model: model!, data: data!, python, peers, steps };
}

function requireMemory(peers: readonly Peer[]): void {
  const needed = ['ours' as const, ...peers].reduce((sum, side) => sum + NEEDED_GIB[side], 0);
  const free = ((process as { availableMemory?: () => number }).availableMemory?.() ?? freemem()) / 2 ** 30;
  if (free >= needed) return;
  throw runFailed(
    `memory: ${peers.join(' and ')} beside ours need about ${needed} GiB, got ${free.toFixed(1)} free; leave one out with --peers`,
  );
}

/** The model as a folder that Transformers reads: the one that was named, or one made of the GGUF file. */
async function peerFolder({ model, python }: Options, scratch: string): Promise<string> {
  if (statSync(model).isDirectory()) return model;
  const folder = join(scratch, 'model');
  say(`making a Hugging Face folder of ${model}`);
  await promisify(execFile)(python, [here('gguf_to_folder.py'), model, folder]).catch((thrown: unknown) => {
    throw runFailed(`gguf_to_folder.py: the model must become a folder, got ${messageOf(thrown)}`, { cause: thrown });
  });
  return folder;
}

function commandsOf({ model, python, peers, steps }: Options, rows: string, folder: string): SideCommand[] {
  const peer = (mode: Peer): SideCommand => ({
    name: `TRL ${mode}`,
    command: python,
    args: [
      here('trl_dpo.py'),
      folder,
      rows,
      '--mode',
      mode,
      '--steps',
      String(steps + 1),
      '--max-length',
      String(BEST_SETTINGS.maxLength),
      '--turns',
    ],
    environment: mode === 'best' ? KEEP_PAGES : {},
  });
  const ours = { name: 'preftune', command: process.execPath, args: ['--import', 'tsx', here('ours.ts'), model, rows] };
  return [{ ...ours, environment: {} }, ...peers.map(peer)];
}

type StepEvent = Extract<SideEvent, { readonly event: 'step' }>;

/** Starts the sides one after the other, lets them take their steps in turns, and stops them. */
async function takeTurns(commands: readonly SideCommand[], steps: number): Promise<SideResult[]> {
  const sides: Side[] = [];
  try {
    for (const command of commands) {
      say(`${command.name}: starting`);
      sides.push(await startSide(command));
    }
    const taken = sides.map((): StepEvent[] => []);
    for (let step = 0; step <= steps; step++) {
      for (const [i, side] of sides.entries()) {
        const event = await side.step();
        taken[i]!.push(event);
        say(
          `step ${step + 1} of ${steps + 1}, ${side.name}: ${event.seconds.toFixed(2)} s, loss ${event.loss.toFixed(4)}`,
        );
      }
    }
    const results: SideResult[] = [];
    for (const [i, side] of sides.entries()) results.push(resultOf(side, taken[i]!, await side.stop()));
    return results;
  } finally {
    for (const side of sides) side.kill();
  }
}

function resultOf(
  { name, ready, startSeconds }: Side,
  steps: readonly StepEvent[],
  end: Extract<SideEvent, { readonly event: 'end' }>,
): SideResult {
  return {
    name,
    versions: ready.versions,
    threads: ready.threads,
    startSeconds,
    referencePairsPerSecond: ready.pairs_precomputed === 0 ? null : ready.pairs_precomputed / ready.seconds_precompute,
    seconds: steps.map(({ seconds }) => seconds),
    losses: steps.map(({ loss }) => loss),
    tokens: steps.map(({ tokens }) => tokens),
    minorPageFaultsPerStep: steps.map((step) => step.minor_page_faults),
    minorPageFaults: end.minor_page_faults,
    peakRssMib: end.peak_rss_mb,
  };
}

/** Writes the result where no earlier one stands: peers-2026-01-31T12-00-00.json. */
function save(comparison: Comparison): string {
  const folder = here('../results');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `peers-${comparison.date.slice(0, 19).replaceAll(':', '-')}.json`);
  writeFileSync(path, `${JSON.stringify({ ...comparison, ratios: ratiosOf(comparison) }, undefined, 2)}\n`);
  return path;
}

async function main(): Promise<void> {
  const options = parseOptions();
  const notes = await checkPython(options.python);
  requireMemory(options.peers);
  const scratch = mkdtempSync(join(tmpdir(), 'preftune-bench-'));
  try {
    const rows = join(scratch, 'rows.jsonl');
    const { tokenizer, files } = await openModel(options.model);
    const count = (options.steps + 1) * PAIRS_PER_STEP;
    await writeRows(rows, { data: options.data, tokenizer, maxLength: BEST_SETTINGS.maxLength, count });
    await files.close();
    const folder = await peerFolder(options, scratch);
    const { maxLength, ...settings } = BEST_SETTINGS;
    const comparison: Comparison = {
      date: new Date().toISOString(),
      machine: machine(),
      model: basename(options.model),
      data: basename(options.data),
      pairsPerStep: PAIRS_PER_STEP,
      maxLength,
      settings,
      notes,
      sides: await takeTurns(commandsOf(options, rows, folder), options.steps),
    };
    process.stdout.write(`${renderComparison(comparison)}\n`);
    say(`written to ${save(comparison)}`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

await main().catch((thrown: unknown) => {
  say(messageOf(thrown));
  process.exitCode = 1;
});
