import { badInput, type Problem, type JsonObject, type JsonValue } from '../../core/index.ts';
import { checkData, FORMATS, renderDataReport, type CheckOptions, type DataReport } from '../../data/index.ts';
import { reliabilityJson, renderReliability, renderReliabilityPage } from '../../reliability/index.ts';
import { writeFileAtomic } from '../../files/index.ts';
import type { Tokenizer } from '../../tokenizer/index.ts';
import type { Command, CommandContext, OptionEntry } from '../frame/command.ts';
import { locateData } from '../../hub/index.ts';
import { readReliability, readTokenizer, refuseIdleFolds, RELIABILITY_OPTIONS } from './data-reliability.ts';
import { versions } from '../training/recipe-context.ts';

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

const CHECK_OPTIONS: readonly OptionEntry[] = [
  ...OPTIONS,
  ...RELIABILITY_OPTIONS,
  { flag: '--report', type: 'string', help: 'write the findings as a page with plots to this .html file' },
  { flag: '--places', type: 'integer', default: 3, help: 'rows named for each finding (with --json: at least 100)' },
];

/** `preftune data check`: what is wrong with data and how far they can be trusted; exit code 2 when rows cannot be used. */
export const DATA_CHECK: Command = {
  name: 'data check',
  description: 'Reads data and says what is wrong with it, whether it can be trusted, and how it becomes tokens',
  arguments: ARGUMENTS,
  options: CHECK_OPTIONS,
  async run(context) {
    const { args, options, terminal } = context;
    refuseIdleOptions(options);
    refuseIdleFolds(options);
    const tokenizer = await readTokenizer(context);
    const report = await readData(context, tokenizer);
    const reliability = await readReliability(await locateData(args, context), context, tokenizer);
    const places = options['places'] as number;
    terminal.result(
      {
        ...(report as unknown as JsonObject),
        reliability: reliabilityJson(reliability, Math.max(100, places)),
      },
      `${renderDataReport(report, terminal.columns)}\n${renderReliability(reliability, { width: terminal.columns, places })}`,
    );
    if (typeof options['report'] === 'string') {
      const { preftune } = versions();
      const page = renderReliabilityPage({
        title: 'Can these preferences be trusted?',
        subtitle: args.join(', '),
        reliability,
        footer: `Written by preftune ${preftune}: preftune data check ${args.join(' ')}`,
      });
      writeFileAtomic(options['report'], page);
      terminal.note(`report: ${options['report']}`);
    }
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
    refuseIdleOptions(context.options);
    printReport(await readData(context, await readTokenizer(context)), context);
  },
};

async function readData(context: CommandContext, tokenizer: Tokenizer | undefined): Promise<DataReport> {
  const { args, options, terminal, signal } = context;
  const sources = await locateData(args, context);
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
