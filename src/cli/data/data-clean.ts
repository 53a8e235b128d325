import { existsSync } from 'node:fs';
import { badInput, badUsage, type Problem, count, type JsonObject } from '../../core/index.ts';
import { FORMATS } from '../../data/index.ts';
import { cleanData, REMEDIES, SAFE_REMEDIES, type CleanResult, type Remedy } from '../../reliability/index.ts';
import type { Command, CommandContext } from '../frame/command.ts';
import { readReliability, readTokenizer, refuseIdleFolds, RELIABILITY_OPTIONS } from './data-reliability.ts';
import { locateData } from '../../hub/index.ts';
import { suggest } from '../frame/options.ts';

/** `preftune data clean`: applies chosen remedies and writes what stays, and beside it what went and why. */
export const DATA_CLEAN: Command = {
  name: 'data clean',
  description: 'Removes or masks what data check found, and writes down what went and why',
  arguments: [{ name: 'data', help: 'files, folders or hub ids of rows', isVariadic: true }],
  options: [
    { flag: '--data', type: 'string', help: 'the same as the argument' },
    {
      flag: '--apply',
      type: 'list',
      isRequired: true,
      help: `remedies, separated by commas: safe (${SAFE_REMEDIES.join(', ')}), or any of ${REMEDIES.join(', ')}`,
    },
    {
      flag: '--output',
      alias: '-o',
      type: 'string',
      isRequired: true,
      help: 'JSON Lines file for the rows that stay; those that go stand in <output>.removed.jsonl',
    },
    { flag: '--overwrite', type: 'boolean', default: false, help: 'replace the files if they exist' },
    { flag: '--format', type: FORMATS.map(({ name }) => name), help: 'how rows are written; detected when left out' },
    {
      flag: '--model',
      alias: '-m',
      type: 'string',
      help: 'model for --folds, whose tokenizer counts lengths: folder, .gguf file or hub id',
    },
    ...RELIABILITY_OPTIONS,
  ],
  async run(context) {
    const { args, options, terminal, signal } = context;
    const remedies = readRemedies(options);
    refuseIdleFolds(options);
    const named = [...args, ...(typeof options['data'] === 'string' ? [options['data']] : [])];
    if (named.length === 0) throw badUsage('data clean: data must be named, got none; give files or --data');
    const output = options['output'] as string;
    const existing = [output, `${output}.removed.jsonl`].filter((path) => existsSync(path));
    if (existing.length > 0 && options['overwrite'] !== true) {
      throw badInput(
        existing.map((file) => ({
          file,
          message: 'the output must not exist yet, got a file; name another or pass --overwrite',
        })),
      );
    }
    const sources = await locateData(named, context);
    const reliability = await readReliability(sources, context, await readTokenizer(context));
    const result = await cleanData({ sources, reliability, remedies, output, signal });
    terminal.result(result as unknown as JsonObject, summaryText(result, remedies));
  },
};

/** The remedies that --apply names. Throws bad-usage with every unknown one, and with those that lack what they need. */
function readRemedies(options: CommandContext['options']): readonly Remedy[] {
  const names = options['apply'] as readonly string[];
  const problems: Problem[] = [];
  const wrong = (message: string): void => void problems.push({ path: 'apply', message: `data clean: ${message}` });
  const remedies = names.flatMap((name): readonly Remedy[] => {
    if (name === 'safe') return SAFE_REMEDIES;
    const remedy = REMEDIES.find((each) => each === name);
    if (remedy !== undefined) return [remedy];
    const near = suggest(name, REMEDIES);
    wrong(`--apply must name remedies, got ${name}; ${near === undefined ? 'see --help' : `did you mean ${near}?`}`);
    return [];
  });
  if (names.length === 0) wrong('--apply must name at least one remedy, got none; see --help');
  if (remedies.includes('leakage') && options['heldOut'] === undefined)
    wrong('--apply leakage needs --held-out, the data that training must not know');
  if (remedies.includes('mislabelled') && (options['folds'] === undefined || options['model'] === undefined))
    wrong('--apply mislabelled needs --model and --folds, with which pairs are judged');
  if (problems.length > 0) throw badUsage(problems);
  return [...new Set(remedies)];
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
