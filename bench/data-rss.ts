/**
 * Peak memory of `data check` at a thousand and a million rows: it must not grow with the rows.
 *
 *     npx tsx bench/data-rss.ts [rows ...]        default: 1000 1000000
 *
 * Writes generated pairs to the temporary folder, checks each file in a process of its own, and prints rows, file size,
 * seconds and peak resident memory. A million rows take about 400 MB of disk.
 */
import { execFileSync } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createRandom, type Random } from '../src/core/index.ts';
import { checkData, fileSource } from '../src/data/index.ts';

const WORDS = 'the a of to and in is it you that was for on are with as his they be at one have this from'.split(' ');

function sentence(random: Random): string {
  const length = 8 + random.nextInt(24);
  return Array.from({ length }, () => WORDS[random.nextInt(WORDS.length)]!).join(' ');
}

function* generated(rows: number): Generator<string> {
  const random = createRandom(1, 'data-rss');
  for (let row = 0; row < rows; row++) {
    const prompt = `${row} ${sentence(random)}?`;
    yield `${JSON.stringify({ prompt, chosen: ` ${sentence(random)}.`, rejected: ` ${sentence(random)}!` })}\n`;
  }
}

async function checkOne(path: string): Promise<void> {
  const started = performance.now();
  const report = await checkData(fileSource(path));
  const seconds = (performance.now() - started) / 1000;
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  process.stdout.write(JSON.stringify({ rows: report.validRows, seconds, peakBytes, distinct: report.rows }));
}

interface Measured {
  readonly rows: number;
  readonly seconds: number;
  readonly peakBytes: number;
  readonly distinct: { readonly distinct: number; readonly sampledShare: number };
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'preftune-data-rss-'));
  try {
    const sizes = process.argv.slice(2).map(Number);
    for (const rows of sizes.length > 0 ? sizes : [1_000, 1_000_000]) {
      const path = join(folder, `${rows}.jsonl`);
      await pipeline(Readable.from(generated(rows)), createWriteStream(path));
      const { size } = await stat(path);
      const output = execFileSync(process.execPath, ['--import', 'tsx', import.meta.filename, '--check', path]);
      const { seconds, peakBytes, distinct } = JSON.parse(output.toString()) as Measured;
      const cells = [
        `${rows.toLocaleString('en-US')} rows`,
        `${(size / 2 ** 20).toFixed(1)} MiB`,
        `${seconds.toFixed(2)} s`,
        `peak RSS ${(peakBytes / 2 ** 20).toFixed(0)} MiB`,
        `distinct rows ${distinct.distinct} (1 in ${1 / distinct.sampledShare} counted)`,
      ];
      process.stdout.write(`${cells.join(', ')}\n`);
      await rm(path);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (process.argv[2] === '--check') await checkOne(process.argv[3]!);
else await main();
