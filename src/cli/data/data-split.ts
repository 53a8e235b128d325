import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { badInput, type JsonObject } from '../../core/index.ts';
import {
  splitRecords,
  withColumns,
  type DataSource,
  type SplitRecordsOptions,
  type SplitSummary,
} from '../../data/index.ts';
import { writeFolderAtomic, writeLinesAtomic } from '../../files/index.ts';
import { changed, present, option, texts } from '../../options/index.ts';
import { COLUMNS, FORMAT, LENIENT } from '../common-options.ts';
import { defineCommand, type CommandContext } from '../frame/command.ts';
import { locateData } from '../../hub/index.ts';
import { nextLines } from '../frame/next-lines.ts';
import { versions } from '../training/recipe-context.ts';
import { freeFolder, isEmptyFolder, STARTER_MODEL } from '../start/starter.ts';

/** The two files, called as the ecosystem calls splits, so that every tool finds them. */
const FILES = { train: 'train.jsonl', heldOut: 'test.jsonl' } as const;
/** What says how they were made. */
const RECORD = 'split.json';

const OPTIONS = z.strictObject({
  data: option(texts().optional(), { help: 'the same as arguments', alias: '-d' }),
  heldOut: option(z.number().gt(0).lt(1).default(0.1), {
    help: 'share of the prompts to hold out, above 0 and below 1',
  }),
  seed: option(z.int().min(0).default(42), {
    help: 'decides which prompts; --held-out-fraction and --seed of training hold out the same',
  }),
  output: option(z.string().min(1), {
    help: `the folder to write, new or empty: ${FILES.train}, ${FILES.heldOut} and ${RECORD}`,
    alias: '-o',
  }),
  format: FORMAT,
  columns: COLUMNS,
  lenient: changed(LENIENT, { help: 'leave out and count rows that are wrong' }),
});
type SplitOptions = z.output<typeof OPTIONS>;

/** `preftune data split`: a part of the prompts set aside, with all their rows. */
export const DATA_SPLIT = defineCommand({
  name: 'data split',
  description: 'Sets a part of the prompts aside for evaluation; no prompt stands on both sides',
  arguments: [{ name: 'data', help: 'files, folders, patterns or hub ids of rows', isVariadic: true }],
  examples: [
    { does: 'a tenth of the prompts aside', words: 'pairs.jsonl --output split' },
    { does: 'a fifth, with other draws', words: 'pairs.jsonl --held-out 0.2 --seed 7 --output split-7' },
  ],
  options: OPTIONS,
  check: ({ data }, { args }) =>
    args.length === 0 && data === undefined
      ? [{ path: 'data', message: 'data is required; files, folders, patterns or hub ids of rows' }]
      : [],
  async run(options, context) {
    const { terminal } = context;
    const output = resolve(options.output);
    const named = namesOf(options, context);
    if (existsSync(output) && !isEmptyFolder(output))
      throw badInput({
        file: output,
        message: 'the output must be a new or empty folder, got one with files; name another',
      });
    const sources = withColumns(await locateData(named, context), options.columns);
    const summary = await writeSplit(sources, output, { options, context });
    const record = recordOf(summary, { named, options });
    terminal.result({ ...record, output }, textOf(summary, output, terminal.columns));
  },
});

function namesOf({ data = [] }: SplitOptions, { args }: CommandContext): readonly string[] {
  return [...args, ...[data].flat()];
}

/** A split that fails leaves nothing. */
async function writeSplit(
  sources: readonly DataSource[],
  output: string,
  { options, context }: { readonly options: SplitOptions; readonly context: CommandContext },
): Promise<SplitSummary> {
  const { terminal, signal } = context;
  const { heldOut: fraction, seed, format, lenient } = options;
  const progress = terminal.progress('split');
  const split: SplitRecordsOptions = {
    fraction,
    seed,
    ...present({ format }),
    signal,
    onProgress: (records) => progress.update({ done: records, total: undefined, unit: 'rows' }),
  };
  const summaries: SplitSummary[] = [];
  try {
    await writeFolderAtomic(output, async (folder) => {
      let summary = await splitOnce(sources, folder, split);
      // Few prompts may all fall on one side; then the one nearest to the border moves, as in training.
      if (summary.right !== summary.used)
        summary = await splitOnce(sources, folder, { ...split, threshold: summary.right });
      if (summary.problems.total > 0 && !lenient) throw summary.problems.error();
      const { train, heldOut } = summary.counts;
      if (train === 0 || heldOut === 0)
        throw badInput(`data split: data must have rows of at least two prompts, got ${train + heldOut} rows of one`);
      const named = namesOf(options, context);
      writeFileSync(join(folder, RECORD), `${JSON.stringify(recordOf(summary, { named, options }), null, 2)}\n`);
      summaries.push(summary);
    });
    return summaries[0]!;
  } finally {
    progress.finish();
  }
}

function splitOnce(
  sources: readonly DataSource[],
  folder: string,
  options: SplitRecordsOptions & { readonly threshold?: number },
): Promise<SplitSummary> {
  return writeLinesAtomic(join(folder, FILES.train), (train) =>
    writeLinesAtomic(join(folder, FILES.heldOut), (heldOut) =>
      splitRecords(sources, options, (side, line) => (side === 'train' ? train(line) : heldOut(line))),
    ),
  );
}

function recordOf(
  { counts, sources, formats, skipped, used }: SplitSummary,
  { named, options }: { readonly named: readonly string[]; readonly options: SplitOptions },
): JsonObject {
  return {
    data: [...named],
    heldOut: options.heldOut,
    seed: options.seed,
    threshold: used,
    files: {
      train: { file: FILES.train, rows: counts.train },
      heldOut: { file: FILES.heldOut, rows: counts.heldOut },
    },
    skipped,
    sources: sources.map(({ name, records }) => ({ name, records })),
    formats: formats.map(({ file, name }) => ({ file, name })),
    preftune: versions()['preftune']!,
  };
}

function textOf({ counts, skipped }: SplitSummary, output: string, columns: number): string {
  const next = ['dpo', '--model', STARTER_MODEL, '--data', `${output}:train`, '--held-out', `${output}:test`];
  next.push('--output', freeFolder('run'));
  const all = counts.train + counts.heldOut;
  const share = ((100 * counts.heldOut) / all).toFixed(1);
  return [
    `train:    ${join(output, FILES.train)}, ${counts.train} rows`,
    `held out: ${join(output, FILES.heldOut)}, ${counts.heldOut} rows (${share} %)`,
    ...(skipped > 0 ? [`left out: ${skipped} rows that are wrong`] : []),
    ...nextLines([next], columns),
  ].join('\n');
}
