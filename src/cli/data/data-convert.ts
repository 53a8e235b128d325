import { existsSync, mkdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { z } from 'zod';
import { badInput, badUsage, problemsOf, writeExactJson, type JsonValue } from '../../core/index.ts';
import { convertRows, formatNamed, withColumns, renderConversionReport, type Conversion } from '../../data/index.ts';
import { streamFileAtomic } from '../../files/index.ts';
import { changed, present, option } from '../../options/index.ts';
import { COLUMNS, FORMAT, LENIENT, OVERWRITE } from '../common-options.ts';
import { defineCommand } from '../frame/command.ts';
import { nextLines } from '../frame/next-lines.ts';
import { locateData } from '../../hub/index.ts';

/** `preftune data convert`: rows of any format as a file of another. */
export const DATA_CONVERT = defineCommand({
  name: 'data convert',
  description: 'Writes data in another format, and says what that format cannot hold',
  arguments: [{ name: 'data', help: 'files, folders or hub ids of rows', isRequired: true, isVariadic: true }],
  examples: [
    { does: 'as OpenAI takes preference pairs', words: 'pairs.jsonl --to openai-dpo --output openai.jsonl' },
    {
      does: 'the better answers alone, for sft',
      words: 'pairs.jsonl --to sharegpt --chosen-of-pairs --output answers.jsonl',
    },
  ],
  options: z.strictObject({
    to: option(FORMAT.unwrap(), { help: 'the format to write' }),
    output: option(z.string().min(1), {
      help: 'file to write: .jsonl (a record a line) or .json (a list), with .gz behind it packed',
      alias: '-o',
    }),
    format: changed(FORMAT, { help: 'how rows are written now' }),
    columns: COLUMNS,
    lenient: changed(LENIENT, { help: 'skip and count rows that are wrong or that the format cannot hold' }),
    chosenOfPairs: option(z.boolean().default(false), {
      help: 'where the format has completions, keep the chosen one of each pair',
    }),
    overwrite: OVERWRITE,
  }),
  check: ({ output }, usage) => (usage.given.output === undefined ? [] : problemsOf(() => layoutOf(output))),
  async run(options, context) {
    const { args, terminal, signal } = context;
    const { to, output, format, lenient, chosenOfPairs, overwrite } = options;
    const layout = layoutOf(output);
    if (existsSync(output) && !overwrite)
      throw badInput({
        file: output,
        message: 'the output must not exist yet, got a file; name another or pass --overwrite',
      });
    const sources = withColumns(await locateData(args, context), options.columns);
    const progress = terminal.progress('convert');
    const conversion = convertRows(sources, {
      to,
      ...present({ format }),
      mode: lenient ? 'lenient' : 'strict',
      chosenOfPairs,
      signal,
      onProgress: (rows) => progress.update({ done: rows, total: undefined, unit: 'rows' }),
    });
    try {
      await writeRecords(output, conversion, { ...layout, hasMark: formatNamed(to).byteOrderMark === true });
    } finally {
      progress.finish();
    }
    const report = conversion.report();
    terminal.result(
      { ...report, output } as unknown as JsonValue,
      [
        renderConversionReport(report, terminal.columns),
        ...nextLines([['data', 'check', output]], terminal.columns),
      ].join('\n'),
    );
  },
});

interface Layout {
  readonly isList: boolean;
  readonly isPacked: boolean;
}

/** What the file's ending asks for. Throws bad-usage for another ending. */
function layoutOf(output: string): Layout {
  const match = /\.(jsonl|ndjson|json)(\.gz)?$/i.exec(output);
  if (match === null)
    throw badUsage({
      path: 'output',
      message: `--output must end in .jsonl or .json, or .gz behind either, got ${basename(output)}`,
    });
  return { isList: match[1]!.toLowerCase() === 'json', isPacked: match[2] !== undefined };
}

/** A failed conversion leaves no file, and an old one stays. */
async function writeRecords(
  output: string,
  conversion: Conversion,
  layout: Layout & { hasMark: boolean },
): Promise<void> {
  mkdirSync(dirname(output), { recursive: true });
  await streamFileAtomic(output, async (file) => {
    const save = async (parts: AsyncIterable<string | Buffer>): Promise<void> => {
      for await (const part of parts) await file.writeFile(part);
    };
    const texts = pieces(conversion, layout);
    await (layout.isPacked ? pipeline(texts, createGzip(), save) : save(texts));
  });
}

/** Characters that are written at once. */
const PIECE = 1 << 16;

async function* pieces(
  conversion: Conversion,
  { isList, hasMark }: Layout & { hasMark: boolean },
): AsyncGenerator<string> {
  let text = `${hasMark ? '\ufeff' : ''}${isList ? '[' : ''}`;
  let isFirst = true;
  for await (const batch of conversion.batches()) {
    for (const record of batch) {
      if (isList) text += isFirst ? '\n' : ',\n';
      text += isList ? writeExactJson(record) : `${writeExactJson(record)}\n`;
      isFirst = false;
    }
    if (text.length < PIECE) continue;
    yield text;
    text = '';
  }
  yield isList ? `${text}\n]\n` : text;
}
