import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { buildCli, preftune } from './support/built-cli.ts';
import { temporaryFolder } from './support/tiny-model.ts';
import { metricLines } from './support/training.ts';

/** Data as people publish them, from `data check` to two steps of the training that fits them. */
const DATA = join(import.meta.dirname, '../../shared/data');
const MODEL = join(import.meta.dirname, '../assets/embedded-model');
const folder = temporaryFolder();
afterAll(folder.remove);

/** What each file is, and how it is trained with. Every file of the folder must stand here. */
const FILES: Readonly<Record<string, { readonly format: string; readonly rows: number; readonly command: string }>> = {
  'hh-rlhf/helpful-base-test.jsonl.gz': { format: 'hh-rlhf', rows: 2354, command: 'dpo --lenient' },
  'hh-rlhf/helpful-online-test.jsonl.gz': { format: 'hh-rlhf', rows: 1137, command: 'dpo --lenient --objective ipo' },
  'imdb/test.jsonl.gz': { format: 'trl-text', rows: 5000, command: 'sft' },
  'imdb/train.jsonl.gz': { format: 'trl-text', rows: 5000, command: 'sft' },
  'llama-factory/alpaca_en_demo.json': { format: 'alpaca', rows: 999, command: 'sft' },
  'llama-factory/dpo_en_demo.json': { format: 'sharegpt-preference', rows: 300, command: 'dpo --objective simpo' },
  'llama-factory/kto_en_demo.json': { format: 'messages-kto', rows: 300, command: 'dpo --objective kto' },
  'tinystories/tinystories-2MiB.txt': { format: 'trl-text', rows: 2317, command: 'sft' },
};

if (!existsSync(DATA)) process.stderr.write(`shared-data.test.ts: skipped: no ${DATA}\n`);

interface Report {
  readonly formats: readonly { readonly name: string }[];
  readonly records: number;
  readonly validRows: number;
}

describe.skipIf(!existsSync(DATA))('shared data', () => {
  it('every file is tried', () => {
    const found = readdirSync(DATA, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !/^readme|\.md$/i.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name).slice(DATA.length + 1));
    expect(found.toSorted()).toEqual(Object.keys(FILES));
  });

  it.each(Object.entries(FILES))('%s', { timeout: 120_000 }, async (name, { format, rows, command }) => {
    const main = buildCli();
    const options = { cwd: folder.path, environment: { XDG_CACHE_HOME: join(folder.path, 'cache') } };
    const checked = await preftune(main, ['data', 'check', join(DATA, name), '--json'], options);
    const report = JSON.parse(checked.out) as Report;
    expect([report.formats.map(({ name: found }) => found), report.records]).toEqual([[format], rows]);
    expect(report.validRows / rows).toBeGreaterThan(0.99);
    // 2 where rows are wrong, which --lenient leaves out.
    expect(checked.code).toBe(report.validRows === rows ? 0 : 2);
    const output = join(folder.path, name.replaceAll('/', '-'));
    const words = `${command} --model ${MODEL} --data ${join(DATA, name)} --max-length 256 --max-steps 2 --batch-size 4 --samples 0 --output ${output}`;
    const trained = await preftune(main, words.split(' '), options);
    expect([trained.code, trained.err.split('\n').filter((line) => /internal/.test(line))]).toEqual([0, []]);
    const losses = metricLines(output).map(({ loss }) => Number(loss));
    expect(losses.length).toBe(2);
    expect(losses.every((loss) => Number.isFinite(loss))).toBe(true);
  });
});
