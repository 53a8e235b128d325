import { existsSync } from 'node:fs';
import { z } from 'zod';
import { badInput, type Problem, count, type JsonObject } from '../../core/index.ts';
import { cleanData, REMEDIES, SAFE_REMEDIES, type CleanResult, type Remedy } from '../../reliability/index.ts';
import { changed, option } from '../../options/index.ts';
import { withColumns } from '../../data/index.ts';
import { COLUMNS, FORMAT, MODEL, OVERWRITE } from '../common-options.ts';
import { defineCommand, type CommandUsage } from '../frame/command.ts';
import { nextLines } from '../frame/next-lines.ts';
import { trainingOn } from '../start/starter.ts';
import { readReliability, readTokenizer, RELIABILITY_SHAPE } from './data-reliability.ts';
import { requireWritableFile } from '../../files/index.ts';
import { locateData } from '../../hub/index.ts';

const OPTIONS = z.strictObject({
  data: option(z.string().min(1).optional(), { help: 'the same as the argument' }),
  apply: option(z.array(z.enum(['safe', ...REMEDIES])).min(1), {
    help: `remedies, separated by commas: safe (${SAFE_REMEDIES.join(', ')}), or any of ${REMEDIES.join(', ')}`,
  }),
  output: option(z.string().min(1), {
    help: 'JSON Lines file for the rows that stay; those that go stand in <output>.removed.jsonl',
    alias: '-o',
  }),
  overwrite: changed(OVERWRITE, { help: 'replace the files if they exist' }),
  format: FORMAT,
  columns: COLUMNS,
  model: changed(MODEL, {
    help: 'model for --folds, whose tokenizer counts lengths: folder, .gguf file or hub id',
  }).optional(),
  ...RELIABILITY_SHAPE,
});
type CleanOptions = z.output<typeof OPTIONS>;

/** `preftune data clean`: applies chosen remedies and writes what stays, and beside it what went and why. */
export const DATA_CLEAN = defineCommand({
  name: 'data clean',
  description: 'Removes or masks what data check found, and writes down what went and why',
  arguments: [{ name: 'data', help: 'files, folders or hub ids of rows', isVariadic: true }],
  examples: [
    { does: 'copies and other sure things', words: 'pairs.jsonl --apply safe --output clean.jsonl' },
    { does: 'by name', words: 'pairs.jsonl --apply duplicates,empty --output clean.jsonl' },
  ],
  options: OPTIONS,
  check: usageProblems,
  async run(options, context) {
    const { args, terminal, signal } = context;
    const { data, output, overwrite, model } = options;
    const named = [...args, ...(data === undefined ? [] : [data])];
    const remedies = remediesOf(options);
    requireWritableFile(output);
    const existing = [output, `${output}.removed.jsonl`].filter((path) => existsSync(path));
    if (existing.length > 0 && !overwrite) {
      throw badInput(
        existing.map((file) => ({
          file,
          message: 'the output must not exist yet, got a file; name another or pass --overwrite',
        })),
      );
    }
    const sources = withColumns(await locateData(named, context), options.columns);
    const reliability = await readReliability(sources, options, {
      context,
      tokenizer: (await readTokenizer(model, context))?.tokenizer,
    });
    const result = await cleanData({ sources, reliability, remedies, output, signal });
    terminal.result(
      result as unknown as JsonObject,
      [summaryText(result, remedies), ...nextLines([trainingOn([output])], terminal.columns)].join('\n'),
    );
  },
});

/** The remedies that --apply names. */
function remediesOf({ apply }: CleanOptions): readonly Remedy[] {
  return [...new Set(apply.flatMap((name) => (name === 'safe' ? SAFE_REMEDIES : [name])))];
}

/** Remedies that lack what they need, and whatever else is idle or missing. */
function usageProblems(options: CleanOptions, { args }: CommandUsage<typeof OPTIONS>): Problem[] {
  const { data, heldOut, folds, model } = options;
  const remedies = remediesOf(options);
  const problems: Problem[] = [];
  if (args.length === 0 && data === undefined)
    problems.push({ path: 'data', message: 'data must be named, got none; give files or --data' });
  if (remedies.includes('leakage') && heldOut === undefined)
    problems.push({
      path: 'heldOut',
      message: '--apply leakage needs --held-out, the data that training must not know',
    });
  if (remedies.includes('mislabelled') && (folds === undefined || model === undefined))
    problems.push({
      path: 'folds',
      message: '--apply mislabelled needs --model and --folds, with which pairs are judged',
    });
  return problems;
}

function summaryText(
  { kept, removed, masked, reasons, output, removedFile }: CleanResult,
  remedies: readonly Remedy[],
): string {
  const width = Math.max(7, ...Object.keys(reasons).map((reason) => reason.length + 2));
  const line = (label: string, value: string): string => `${label.padEnd(width + 2)}${value}`;
  return [
    line('kept', `${count(kept)} rows: ${output}`),
    line('removed', `${count(removed)} rows: ${removedFile}`),
    ...Object.entries(reasons)
      .toSorted(([, a], [, b]) => b - a)
      .map(([reason, number]) => line(`  ${reason}`, count(number))),
    ...(remedies.some((remedy) => remedy.startsWith('mask-')) ? [line('masked', `${count(masked)} rows`)] : []),
  ].join('\n');
}
