import { z } from 'zod';
import { badInput, type JsonObject, type JsonValue } from '../../core/index.ts';
import { checkData, renderDataReport, withColumns, type DataReport } from '../../data/index.ts';
import { reliabilityJson, renderReliability, renderReliabilityPage } from '../../reliability/index.ts';
import { requireWritableFile, writeFileAtomic } from '../../files/index.ts';
import type { Tokenizer } from '../../tokenizer/index.ts';
import { changed, present, option, type OptionsOf } from '../../options/index.ts';
import { COLUMNS, FORMAT, MODEL, TEMPLATE_TIME } from '../common-options.ts';
import { defineCommand, type CommandContext } from '../frame/command.ts';
import { locateData } from '../../hub/index.ts';
import { readReliability, readTokenizer, RELIABILITY_SHAPE } from './data-reliability.ts';
import { tokenisationWarnings } from '../token-notes.ts';
import { versions } from '../training/recipe-context.ts';

const STATS_SHAPE = {
  format: FORMAT,
  columns: COLUMNS,
  model: changed(MODEL, {
    help: 'model whose tokenizer and template the rows are tried with: folder, .gguf file or hub id',
  }).optional(),
  maxLength: option(z.int().min(1).optional(), {
    help: 'tokens of prompt and answer; needs --model',
    onlyWith: { option: 'model' },
  }),
  maxPromptLength: option(z.int().min(1).optional(), {
    help: 'tokens of the prompt, its end is kept; needs --model',
    onlyWith: { option: 'model' },
  }),
  templateTime: changed(TEMPLATE_TIME, { onlyWith: { option: 'model' } }),
};
type StatsOptions = OptionsOf<typeof STATS_SHAPE>;

const ARGUMENTS = [{ name: 'data', help: 'files, folders or hub ids of rows', isRequired: true, isVariadic: true }];

/** `preftune data check`: what is wrong with data and how far they can be trusted; exit code 2 when rows cannot be used. */
export const DATA_CHECK = defineCommand({
  name: 'data check',
  description: 'Reads data and says what is wrong with it, whether it can be trusted, and how it becomes tokens',
  arguments: ARGUMENTS,
  options: z.strictObject({
    ...STATS_SHAPE,
    ...RELIABILITY_SHAPE,
    report: option(z.string().min(1).optional(), {
      help: 'write the findings as a page with plots to this .html file',
    }),
    places: option(z.int().min(0).default(3), { help: 'rows named for each finding (with --json: at least 100)' }),
  }),
  async run(options, context) {
    const { args, terminal } = context;
    const { model, places, report: page } = options;
    if (page !== undefined) requireWritableFile(page);
    const tokenizer = await readTokenizer(model, context, options.templateTime);
    const report = await readData(options, context, tokenizer);
    const sources = withColumns(await locateData(args, context), options.columns);
    const reliability = await readReliability(sources, options, { context, tokenizer });
    terminal.result(
      {
        ...(report as unknown as JsonObject),
        reliability: reliabilityJson(reliability, Math.max(100, places)),
      },
      `${renderDataReport(report, terminal.columns)}\n${renderReliability(reliability, { width: terminal.columns, places })}`,
    );
    warnOfTokens(report, context);
    if (page !== undefined) {
      const { preftune } = versions();
      const html = renderReliabilityPage({
        title: 'Can these preferences be trusted?',
        subtitle: args.join(', '),
        reliability,
        footer: `Written by preftune ${preftune}: preftune data check ${args.join(' ')}`,
      });
      writeFileAtomic(page, html);
      terminal.note(`report: ${page}`);
    }
    if (report.problemTotal === 0) return;
    const rows = `${report.problemTotal} ${report.problemTotal === 1 ? 'problem' : 'problems'} in ${report.records} records`;
    throw badInput(`data check: every row must be usable, got ${rows}; the report lists them`);
  },
});

/** `preftune data stats`: what is in data. Rows that cannot be used are counted and do not count as a failure. */
export const DATA_STATS = defineCommand({
  name: 'data stats',
  description: 'Says what is in data: rows, lengths, repeats, how often the better answer is the longer one',
  arguments: ARGUMENTS,
  options: z.strictObject(STATS_SHAPE),
  async run(options, context) {
    const tokenizer = await readTokenizer(options.model, context, options.templateTime);
    const report = await readData(options, context, tokenizer);
    printReport(report, context);
    warnOfTokens(report, context);
  },
});

async function readData(
  { format, columns, maxLength, maxPromptLength }: StatsOptions,
  context: CommandContext,
  tokenizer: Tokenizer | undefined,
): Promise<DataReport> {
  const { args, terminal, signal } = context;
  const sources = withColumns(await locateData(args, context), columns);
  const progress = terminal.progress('read');
  try {
    return await checkData(sources, {
      ...present({ format, maxLength, maxPromptLength, tokenizer }),
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

/** What would train otherwise than a user expects. */
function warnOfTokens({ tokenisation }: DataReport, { terminal }: CommandContext): void {
  if (tokenisation !== undefined)
    for (const warning of tokenisationWarnings('data', tokenisation)) terminal.warn(warning);
}
