import { badInput, type Problem } from '../core/index.ts';
import { checkData, FORMATS, renderDataReport, type CheckOptions, type DataReport } from '../data/index.ts';
import { openModelFiles } from '../formats/index.ts';
import type { JsonValue } from '../store/index.ts';
import { createTokenizer, type Tokenizer } from '../tokenizer/index.ts';
import type { Command, CommandContext, OptionEntry } from './command.ts';
import { locateData, locateModel } from './locate.ts';

const OPTIONS: readonly OptionEntry[] = [
  { flag: '--format', type: FORMATS.map(({ name }) => name), help: 'how rows are written; detected when left out' },
  {
    flag: '--model',
    alias: '-m',
    type: 'string',
    help: 'model whose tokenizer and template the rows are tried with: folder, .gguf file or hub id',
  },
  { flag: '--max-length', type: 'integer', help: 'tokens of prompt and answer; needs --model' },
  { flag: '--max-prompt-length', type: 'integer', help: 'tokens of the prompt, its end is kept; needs --model' },
];

const ARGUMENTS = [{ name: 'data', help: 'files, folders or hub ids of rows', isRequired: true, isVariadic: true }];

/** `preftune data check`: everything that is wrong with data; exit code 2 when something is. */
export const DATA_CHECK: Command = {
  name: 'data check',
  description: 'Reads data and says everything that is wrong with it, and how it becomes tokens',
  arguments: ARGUMENTS,
  options: OPTIONS,
  async run(context) {
    const report = await readData(context);
    printReport(report, context);
    if (report.problemTotal === 0) return;
    const rows = `${report.problemTotal} ${report.problemTotal === 1 ? 'problem' : 'problems'} in ${report.records} records`;
    throw badInput(`data check: every row must be usable, got ${rows}; the report lists them`);
  },
};

/** `preftune data stats`: what is in data. Rows that cannot be used are counted and do not count as a failure. */
export const DATA_STATS: Command = {
  name: 'data stats',
  description: 'Says what is in data: rows, lengths, repeats, how often the better answer is the longer one',
  arguments: ARGUMENTS,
  options: OPTIONS,
  async run(context) {
    printReport(await readData(context), context);
  },
};

async function readData(context: CommandContext): Promise<DataReport> {
  const { args, options, terminal, signal } = context;
  refuseIdleOptions(options);
  const sources = await locateData(args, context);
  const tokenizer = typeof options['model'] === 'string' ? await readTokenizer(options['model'], context) : undefined;
  const progress = terminal.progress('read');
  try {
    return await checkData(sources, {
      ...(options as CheckOptions),
      ...(tokenizer === undefined ? {} : { tokenizer }),
      signal,
      onProgress: (rows) => progress.update({ done: rows, total: undefined, unit: 'rows' }),
    });
  } finally {
    progress.finish();
  }
}

function printReport(report: DataReport, { terminal }: CommandContext): void {
  terminal.result(report as unknown as JsonValue, renderDataReport(report, terminal.columns));
}

async function readTokenizer(named: string, context: CommandContext): Promise<Tokenizer> {
  const { path } = await locateModel(named, context);
  const files = await openModelFiles(path);
  try {
    return createTokenizer(files.tokenizer);
  } finally {
    await files.close();
  }
}

/** Lengths are counted in tokens, and there are none without a tokenizer. */
function refuseIdleOptions(options: CommandContext['options']): void {
  if (options['model'] !== undefined) return;
  const idle = [
    ['maxLength', '--max-length'],
    ['maxPromptLength', '--max-prompt-length'],
  ].filter(([path]) => options[path!] !== undefined);
  const problems: Problem[] = idle.map(([path, flag]) => ({
    path: path!,
    message: `data: ${flag} has no effect without --model; name the model or leave ${flag} out`,
  }));
  if (problems.length > 0) throw badInput(problems);
}
