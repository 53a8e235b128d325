/**
 * A million pairs through `data stats`, `split`, `convert` and `check`, from JSON lines, gzip, CSV and Parquet, and the same work with
 * Python's `datasets`: rows a second and peak resident memory, each in a process of its own, turns taken. The peer has nothing like `check`.
 *
 *     npm run build
 *     npx tsx bench/data-scale.ts [--rows 1000000] [--repeats 1] [--tasks stats,split,convert,check] [--files jsonl,jsonl.gz,csv,parquet]
 *         [--python .venv-peers/bin/python] [--cli dist/cli/main.js] [--json]
 *
 * Writes generated pairs to the temporary folder (a million take about 1 GB in all). Without --python only our side is measured, and
 * Parquet is left out, because we do not write it. What the peer does for each task stands in bench/peers/datasets_load.py. Our time is
 * that of the whole process; the peer's begins after its imports.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { createGzip } from 'node:zlib';
import { createRandom, type Random } from '../src/core/index.ts';
import { machine } from './machine.ts';
import { median } from './statistics.ts';

const PEER = join(import.meta.dirname, 'peers/datasets_load.py');
/** What a process of ours says of itself when it ends. */
const CONFESS = `data:text/javascript,process.on('exit',()=>process.stderr.write('\\n'+JSON.stringify({seconds:performance.now()/1000,peakBytes:process.resourceUsage().maxRSS*1024})))`;
const WORDS = 'the a of to and in is it you that was for on are with as his they be at one have this from'.split(' ');

const TASKS = ['stats', 'split', 'convert', 'check'] as const;
type Task = (typeof TASKS)[number];
const PEER_TASKS: readonly Task[] = ['stats', 'split', 'convert'];
/** What each task needs besides the file. */
const WORDS_OF: Readonly<Record<Task, (output: string) => readonly string[]>> = {
  stats: () => [],
  split: (output) => ['--output', output],
  convert: (output) => ['--to', 'trl-preference-conversational', '--output', `${output}.jsonl`],
  check: () => [],
};

/** What one process prints about itself. */
interface Measured {
  readonly rows: number;
  readonly seconds: number;
  readonly peakBytes: number;
}

function sentence(random: Random): string {
  const length = 8 + random.nextInt(24);
  return Array.from({ length }, () => WORDS[random.nextInt(WORDS.length)]!).join(' ');
}

/** Pairs of about 400 characters; every prompt twice, so that there is something to keep together. */
function* pairs(rows: number): Generator<{ prompt: string; chosen: string; rejected: string }> {
  const random = createRandom(1, 'data-scale');
  let prompt = '';
  for (let row = 0; row < rows; row++) {
    if (row % 2 === 0) prompt = `${row} ${sentence(random)}?`;
    yield { prompt, chosen: ` ${sentence(random)}.`, rejected: ` "${sentence(random)}", she said!` };
  }
}

function* jsonLines(rows: number): Generator<string> {
  for (const pair of pairs(rows)) yield `${JSON.stringify(pair)}\n`;
}

function* csv(rows: number): Generator<string> {
  yield 'prompt,chosen,rejected\n';
  for (const { prompt, chosen, rejected } of pairs(rows))
    yield `${prompt},${chosen},"${rejected.replaceAll('"', '""')}"\n`;
}

/** The command itself, as a user runs it. */
function measureOurs(task: Task, { cli, path, output }: { cli: string; path: string; output: string }): Measured {
  const words = ['data', task, path, ...WORDS_OF[task](output), '--json'];
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', CONFESS, cli, ...words], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`preftune ${words.join(' ')} ended with ${status}: ${stderr}`);
  const said = JSON.parse(stdout) as SplitOutput | ConvertOutput | { readonly validRows: number };
  return { ...(JSON.parse(stderr.trim().split('\n').at(-1)!) as Omit<Measured, 'rows'>), rows: rowsOf(said) };
}

interface SplitOutput {
  readonly files: { readonly train: { readonly rows: number }; readonly heldOut: { readonly rows: number } };
}

interface ConvertOutput {
  readonly to: string;
  readonly rows: number;
}

function rowsOf(said: SplitOutput | ConvertOutput | { readonly validRows: number }): number {
  if ('files' in said) return said.files.train.rows + said.files.heldOut.rows;
  return 'to' in said ? said.rows : said.validRows;
}

interface Cell {
  readonly task: Task;
  readonly file: string;
  readonly who: string;
  readonly runs: readonly Measured[];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rows: { type: 'string', default: '1000000' },
      repeats: { type: 'string', default: '1' },
      tasks: { type: 'string', default: TASKS.join(',') },
      files: { type: 'string', default: 'jsonl,jsonl.gz,csv,parquet' },
      python: { type: 'string' },
      json: { type: 'boolean', default: false },
      cli: { type: 'string', default: join(import.meta.dirname, '../dist/cli/main.js') },
    },
  });
  if (!existsSync(values.cli)) throw new Error(`${values.cli} must exist; npm run build first`);
  const rows = Number(values.rows);
  const folder = await mkdtemp(join(tmpdir(), 'preftune-data-scale-'));
  try {
    const at = (name: string): string => join(folder, name);
    await pipeline(Readable.from(jsonLines(rows)), createWriteStream(at('pairs.jsonl')));
    await pipeline(Readable.from(jsonLines(rows)), createGzip({ level: 1 }), createWriteStream(at('pairs.jsonl.gz')));
    await pipeline(Readable.from(csv(rows)), createWriteStream(at('pairs.csv')));
    const tasks = TASKS.filter((task) => values.tasks.split(',').includes(task));
    const endings = values.files.split(',');
    const files = ['pairs.jsonl', 'pairs.jsonl.gz', 'pairs.csv'].filter((name) =>
      endings.includes(name.slice('pairs.'.length)),
    );
    const { python } = values;
    if (python !== undefined && endings.includes('parquet')) {
      execFileSync(python, [PEER, 'write-parquet', at('pairs.jsonl'), at('pairs.parquet')]);
      files.push('pairs.parquet');
    }
    const clear = async (): Promise<void> => {
      for (const name of ['out', 'out.jsonl']) await rm(at(name), { recursive: true, force: true });
    };
    const cells: Cell[] = [];
    for (const file of files) {
      for (const task of tasks) {
        const sides = new Map<string, Measured[]>();
        for (let repeat = 0; repeat < Number(values.repeats); repeat++) {
          const record = (who: string, measured: Measured): unknown => {
            const list = sides.get(who) ?? [];
            sides.set(who, list);
            return list.push(measured);
          };
          record('preftune', measureOurs(task, { cli: values.cli, path: at(file), output: at('out') }));
          await clear();
          for (const mode of python !== undefined && PEER_TASKS.includes(task) ? ['cached', 'streaming'] : []) {
            // A cache of its own: what was read before must not be read from there.
            const words = [PEER, task, at(file), at('out'), '--mode', mode, '--cache', at('cache')];
            record(`datasets, ${mode}`, JSON.parse(execFileSync(python!, words).toString()) as Measured);
            await clear();
            await rm(at('cache'), { recursive: true, force: true });
          }
        }
        for (const [who, runs] of sides) {
          const cell = { task, file, who, runs };
          cells.push(cell);
          if (!values.json) process.stdout.write(`${line(cell, (await stat(at(file))).size)}\n`);
        }
      }
    }
    if (values.json) process.stdout.write(`${JSON.stringify({ machine: machine(), rows, cells })}\n`);
    else process.stdout.write(`${machine()}\n`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** `check  pairs.csv (310 MiB)  preftune  3.1 s (least 3.0)  322,580 rows/s  214 MiB`. */
function line({ task, file, who, runs }: Cell, sizeBytes: number): string {
  const seconds = runs.map((run) => run.seconds);
  const perSecond = Math.round(runs[0]!.rows / median(seconds)).toLocaleString('en-US');
  const peak = Math.max(...runs.map((run) => run.peakBytes));
  return [
    task.padEnd(7),
    `${file} (${(sizeBytes / 2 ** 20).toFixed(0)} MiB)`.padEnd(26),
    who.padEnd(20),
    `${median(seconds).toFixed(2)} s (least ${Math.min(...seconds).toFixed(2)})`.padEnd(24),
    `${perSecond} rows/s`.padStart(18),
    `${(peak / 2 ** 20).toFixed(0)} MiB`.padStart(9),
  ].join('  ');
}

await main();
