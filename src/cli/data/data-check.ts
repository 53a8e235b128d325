import { z } from 'zod';
import { badInput, shellCommand, type JsonObject, type JsonValue } from '../../core/index.ts';
import { checkData, renderDataReport, withColumns, type DataReport } from '../../data/index.ts';
import {
  reliabilityJson,
  renderReliability,
  renderReliabilityPage,
  SAFE_REMEDIES,
  type Reliability,
} from '../../reliability/index.ts';
import { requireWritableFile, writeFileAtomic } from '../../files/index.ts';
import { changed, option, optionWords, present, type OptionsOf } from '../../options/index.ts';
import { COLUMNS, FORMAT, MODEL, TEMPLATE_TIME } from '../common-options.ts';
import { textRowsOf, textRowsWarning } from '../../policy/index.ts';
import { TEXT_ROWS } from '../../specification/index.ts';
import { defineCommand, type CommandContext } from '../frame/command.ts';
import { nextLines } from '../frame/next-lines.ts';
import { trainingOn } from '../start/starter.ts';
import { locateData } from '../../hub/index.ts';
import { readReliability, readTokenizer, RELIABILITY_SHAPE, type NamedTokenizer } from './data-reliability.ts';
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
  textRows: changed(TEXT_ROWS, { onlyWith: { option: 'model' }, isCommon: true }),
  templateTime: changed(TEMPLATE_TIME, { onlyWith: { option: 'model' } }),
};
type StatsOptions = OptionsOf<typeof STATS_SHAPE>;

const ARGUMENTS = [{ name: 'data', help: 'files, folders or hub ids of rows', isRequired: true, isVariadic: true }];

/** `preftune data check`: what is wrong with data and how far they can be trusted; exit code 2 when rows cannot be used. */
export const DATA_CHECK = defineCommand({
  name: 'data check',
  description: 'Reads data and says what is wrong with it, whether it can be trusted, and how it becomes tokens',
  arguments: ARGUMENTS,
  examples: [
    { does: 'rows, and whether they can be trusted', words: 'pairs.jsonl' },
    {
      does: 'how they become tokens of a model, findings in a page',
      words: 'pairs.jsonl --model HuggingFaceTB/SmolLM2-135M-Instruct --report check.html',
    },
  ],
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
    const named = await readTokenizer(model, context, options.templateTime);
    const report = await readData(options, context, named);
    const sources = withColumns(await locateData(args, context), options.columns);
    const reliability = await readReliability(sources, options, { context, tokenizer: named?.tokenizer });
    terminal.result(
      {
        ...(report as unknown as JsonObject),
        reliability: reliabilityJson(reliability, Math.max(100, places)),
      },
      [
        renderDataReport(report, terminal.columns),
        renderReliability(reliability, { width: terminal.columns, places }),
        ...nextLines(nextCommands(report, { reliability, context, model }), terminal.columns),
      ].join('\n'),
    );
    warnOfTokens(report, context);
    if (page !== undefined) {
      const { preftune } = versions();
      const html = renderReliabilityPage({
        title: 'Can these preferences be trusted?',
        subtitle: args.join(', '),
        reliability,
        footer: `Written by preftune ${preftune}: ${shellCommand(['data', 'check', ...args])}`,
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
  examples: [
    { does: 'a file', words: 'pairs.jsonl' },
    { does: 'with lengths in tokens', words: 'pairs.jsonl --model HuggingFaceTB/SmolLM2-135M-Instruct' },
  ],
  options: z.strictObject(STATS_SHAPE),
  async run(options, context) {
    const named = await readTokenizer(options.model, context, options.templateTime);
    const report = await readData(options, context, named);
    printReport(report, context);
    warnOfTokens(report, context);
  },
});

async function readData(
  { format, columns, maxLength, maxPromptLength, textRows }: StatsOptions,
  context: CommandContext,
  named: NamedTokenizer | undefined,
): Promise<DataReport> {
  const { args, terminal, signal } = context;
  const sources = withColumns(await locateData(args, context), columns);
  const { tokenizer, trained } = named ?? {};
  const warning = textRowsWarning(textRows, trained);
  if (warning !== undefined) terminal.warn(warning);
  const progress = terminal.progress('read');
  try {
    return await checkData(sources, {
      ...present({ format, maxLength, maxPromptLength, tokenizer }),
      textRows: textRowsOf(textRows, { trained, trl: undefined }),
      signal,
      onProgress: (rows) => progress.update({ done: rows, total: undefined, unit: 'rows' }),
    });
  } finally {
    progress.finish();
  }
}

interface CheckedData {
  readonly reliability: Reliability;
  readonly context: CommandContext;
  readonly model: string | undefined;
}

/** The sure remedies of what was found; where there are none, training on pairs. Nothing while rows are wrong. */
function nextCommands(report: DataReport, { reliability, context, model }: CheckedData): string[][] {
  if (report.problemTotal > 0) return [];
  const { args, given } = context;
  const { format, columns } = given;
  const rowOptions = optionWords(z.strictObject(STATS_SHAPE), present({ format, columns }));
  const found = new Set(reliability.findings.flatMap(({ kind }) => [kind, `mask-${kind}`]));
  const remedies = SAFE_REMEDIES.filter((remedy) => found.has(remedy));
  if (remedies.length > 0)
    return [['data', 'clean', ...args, ...rowOptions, '--apply', remedies.join(','), '--output', cleanName(args[0]!)]];
  if (report.characters.rejected === undefined) return [];
  return [[...trainingOn(args, model), ...rowOptions]];
}

/** `pairs.jsonl` becomes `pairs.clean.jsonl`, beside the current folder's other files. */
function cleanName(data: string): string {
  const name = data
    .split(/[/\\]/)
    .at(-1)!
    .replace(/\.[a-z]+(\.(gz|zst))?$/i, '');
  return `${/^[\w.-]+$/.test(name) ? name : 'rows'}.clean.jsonl`;
}

function printReport(report: DataReport, { terminal }: CommandContext): void {
  terminal.result(report as unknown as JsonValue, renderDataReport(report, terminal.columns));
}

/** What would train otherwise than a user expects. */
function warnOfTokens({ tokenisation }: DataReport, { terminal }: CommandContext): void {
  if (tokenisation !== undefined)
    for (const warning of tokenisationWarnings('data', tokenisation)) terminal.warn(warning);
}
