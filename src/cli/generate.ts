import { z } from 'zod';
import { badInput, type Problem, type JsonObject, type JsonValue } from '../core/index.ts';
import { withColumns } from '../data/index.ts';
import {
  conversationOf,
  encodePrompt,
  isRawPrompt,
  openGenerator,
  readPrompts,
  type Answer,
  type GenerateOptions,
  type Generator,
  type OpenedGenerator,
  type Prompt,
  type PromptOptions,
} from '../generate/index.ts';
import { changed, option, texts } from '../options/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import { ADAPTER, ASK, COLUMNS, MACHINE_SHAPE, MODEL, SYSTEM, TEMPLATE_TIME } from './common-options.ts';
import { defineCommand, type CommandContext, type CommandUsage } from './frame/command.ts';
import { BASE_PRECISION, biasProblems, DECODING_SHAPE, decodingOf, idleDrawing } from './decoding-options.ts';
import { requireWritableFile } from '../files/index.ts';
import { askTexts } from '../policy/index.ts';
import { openAnswerFile, startedTime } from './answer-file.ts';
import { requireModels } from './require-models.ts';
import { locateData } from '../hub/index.ts';
import { resolveLoading } from './resolve-loading.ts';

const OPTIONS = z.strictObject({
  model: MODEL,
  adapter: ADAPTER,
  adapters: option(texts().optional(), {
    help: 'NAME=FOLDER of a PEFT adapter that rows of --data with the field adapter ask for; may be repeated',
    onlyWith: { option: 'data' },
  }),
  prompt: option(z.string().min(1).optional(), {
    help: 'a text to answer; streamed to stdout',
    alias: '-p',
    isCommon: true,
  }),
  data: option(z.string().min(1).optional(), {
    help: 'file, folder or hub id of rows with the field prompt or messages, or a .txt file with a prompt a line',
    isCommon: true,
  }),
  columns: changed(COLUMNS, {
    help: 'what the rows call the fields, such as prompt=question',
    isCommon: false,
    onlyWith: { option: 'data' },
  }),
  system: changed(SYSTEM, { isCommon: true }),
  templateTime: TEMPLATE_TIME,
  ask: ASK,
  raw: option(z.boolean().default(false), {
    help: 'continue the text as it stands, without the chat template: --ask raw',
  }),
  logprobs: option(z.int().min(0).optional(), {
    help: "with each row the log-probability of every token under the model's own distribution, and so many likeliest ones; needs --json or --output",
  }),
  samples: option(z.int().min(1).default(1), {
    help: 'answers to each prompt of --data',
    onlyWith: { option: 'data' },
    isCommon: true,
  }),
  output: option(z.string().min(1).optional(), {
    help: 'JSON Lines file for the rows of --data; the same command goes on with one that was stopped',
    alias: '-o',
    onlyWith: { option: 'data' },
    isCommon: true,
  }),
  ...DECODING_SHAPE,
  batchSize: changed(MACHINE_SHAPE.batchSize, { help: 'answers under way at once', onlyWith: { option: 'data' } }),
  basePrecision: BASE_PRECISION,
  device: MACHINE_SHAPE.device,
  threads: MACHINE_SHAPE.threads,
});
type GenerateCommandOptions = z.output<typeof OPTIONS>;

/** `preftune generate`: answers one prompt, streaming, or every prompt of a file. */
export const GENERATE = defineCommand({
  name: 'generate',
  description: 'Answers prompts with a model and, if there is one, its adapter',
  examples: [
    { does: 'a model with the adapter of a run', words: '--model run --prompt "Where is my order?"' },
    {
      does: 'four answers to every line of a file',
      words:
        '--model HuggingFaceTB/SmolLM2-135M-Instruct --data prompts.txt --samples 4 --temperature 0.8 --output answers.jsonl',
    },
  ],
  options: OPTIONS,
  check: usageProblems,
  async run(options, context) {
    const { terminal } = context;
    const { samples, output } = options;
    if (output !== undefined) requireWritableFile(output);
    requireModels([options], context);
    const prompts = await promptsOf(options, context);
    const adapters = adaptersOf(options);
    checkAdapterNames(prompts, adapters);
    const generator = await openGenerator({
      model: options.model,
      resolve: resolveLoading(context),
      adapter: options.adapter,
      adapters,
      // Answers that are continued read the day of the first ones.
      templateTime: options.templateTime ?? (output === undefined ? undefined : startedTime(output)),
      maxRows: options.batchSize,
      basePrecision: options.basePrecision,
      device: options.device,
      threads: options.threads,
    });
    try {
      terminal.close();
      for (const note of generator.notes) terminal.note(note);
      const { clock } = generator.tokenizer.chatTemplate ?? {};
      const rows = prompts.flatMap((prompt) => Array.from({ length: samples }, () => prompt));
      const optionsOf = askedPrompts(generator, options, { adapters, terminal });
      const encoded = rows.map((prompt) => encodePrompt(generator.tokenizer, prompt, optionsOf(prompt)));
      const isRaw = rows.some((prompt) => isRawPrompt(prompt, optionsOf(prompt)));
      const isStreamed = options.data === undefined;
      const file =
        output === undefined
          ? undefined
          : openAnswerFile(output, {
              model: generator.location,
              ...settingsOf(options),
              ...(isRaw && { raw: true }),
              ...(clock && !isRaw && { templateTime: clock.time }),
              prompts: rows.length,
            });
      const print = (prompt: Prompt, ids: readonly number[], answer: Answer): void => {
        const row = rowOf({ prompt, ids, answer, options: optionsOf(prompt) });
        if (file !== undefined) return file.append(row);
        const text = isStreamed ? '' : `> ${shownPrompt(prompt)}\n${answer.text.trim()}\n`;
        if (!isStreamed || context.isJson) terminal.result(row, text);
      };
      const onText = isStreamed ? (text: string): void => terminal.stream(text) : undefined;
      try {
        await answerAll(generator, encoded, {
          options,
          context,
          done: file?.count ?? 0,
          adapters: adapters.size === 0 ? undefined : rows.map(({ adapter }) => adapter),
          print: (i, answer) => print(rows[i]!, encoded[i]!, answer),
          onText,
        });
      } finally {
        file?.close();
      }
      if (file !== undefined) {
        file.finish();
        terminal.result({ output: output!, rows: rows.length }, `${rows.length} answers: ${output}`);
      }
      if (isStreamed) terminal.stream('\n');
    } finally {
      await generator.dispose();
    }
  },
});

/** How each prompt is given to the model or adapter that it asks for; tells what a user should know of it, once. */
function askedPrompts(
  { trained, tokenizer }: OpenedGenerator,
  { ask, raw, system }: GenerateCommandOptions,
  {
    adapters,
    terminal,
  }: { readonly adapters: ReadonlyMap<string, string>; readonly terminal: CommandContext['terminal'] },
): (prompt: Prompt) => PromptOptions {
  const known = new Map<string | undefined, PromptOptions>();
  return ({ adapter }) => {
    const name = adapters.size === 0 ? undefined : adapter;
    const found = known.get(name);
    if (found !== undefined) return found;
    const own = trained(name);
    const asked = askTexts(raw ? 'raw' : ask, { trained: own, tokenizer, hasSystem: system !== undefined });
    if (asked.note !== undefined) terminal.note(asked.note);
    if (asked.warning !== undefined) terminal.warn(asked.warning);
    // Nothing says that a model without template is meant to continue texts.
    const isUnsaid = !raw && ask === undefined && own === undefined;
    const options = { system, isRaw: isUnsaid ? false : asked.isRaw };
    known.set(name, options);
    return options;
  };
}

async function promptsOf(
  { prompt, data, columns }: GenerateCommandOptions,
  context: CommandContext,
): Promise<Prompt[]> {
  if (prompt !== undefined) return [{ id: '1', content: prompt }];
  const sources = withColumns(await locateData([data!], context), columns);
  const prompts: Prompt[] = [];
  for (const source of sources) prompts.push(...(await readPrompts(source, { onNote: context.terminal.note })));
  return prompts;
}

const NAMED_ADAPTER = /^([^=]+)=(.+)$/;

/** The folders of --adapters by name. */
function adaptersOf({ adapters = [] }: GenerateCommandOptions): ReadonlyMap<string, string> {
  return new Map([adapters].flat().map((word) => NAMED_ADAPTER.exec(word)!.slice(1) as [string, string]));
}

/** Words that are not NAME=FOLDER, and names given twice. */
function adapterProblems({ adapters = [] }: GenerateCommandOptions): Problem[] {
  const names = [adapters].flat().map((word) => [word, NAMED_ADAPTER.exec(word)?.[1]] as const);
  return names.flatMap(([word, name], place): Problem[] => {
    const path = 'adapters';
    if (name === undefined) return [{ path, message: `--adapters must be NAME=FOLDER, got ${word}` }];
    const isSecond = names.findIndex(([, other]) => other === name) < place;
    return isSecond ? [{ path, message: `--adapters must name each adapter once, got ${name} twice` }] : [];
  });
}

/** Every adapter that a row asks for must be one of --adapters; without any the field means nothing. */
function checkAdapterNames(prompts: readonly Prompt[], adapters: ReadonlyMap<string, string>): void {
  if (adapters.size === 0) return;
  const problems = prompts
    .filter(({ adapter }) => adapter !== undefined && !adapters.has(adapter))
    .map(({ id, adapter }) => ({
      message: `generate: prompt ${id} must name one of ${[...adapters.keys()].join(', ')} as its adapter, got ${adapter}`,
    }));
  if (problems.length > 0) throw badInput(problems);
}

interface AnswerAllOptions {
  readonly options: GenerateCommandOptions;
  readonly context: CommandContext;
  /** Answers that are there already, the first ones. */
  readonly done: number;
  /** Of each prompt. */
  readonly adapters: readonly (string | undefined)[] | undefined;
  readonly print: (index: number, answer: Answer) => void;
  readonly onText: ((text: string) => void) | undefined;
}

/** Answers all prompts; each answer is printed when those before it are. */
async function answerAll(
  generator: Generator & { readonly tokenizer: Tokenizer },
  prompts: readonly (readonly number[])[],
  { options, context, done, adapters, print, onText }: AnswerAllOptions,
): Promise<void> {
  const { terminal, signal } = context;
  const progress = onText === undefined ? terminal.progress('generate') : undefined;
  const early = new Map<number, Answer>();
  let next = done;
  const show = (): void => progress?.update({ done: next, total: prompts.length, unit: 'rows' });
  show();
  const decoding: GenerateOptions = {
    ...decodingOf(options),
    firstRow: done,
    adapters: adapters?.slice(done),
    signal,
    ...(options.logprobs === undefined ? {} : { topLogps: options.logprobs }),
    ...(onText === undefined ? {} : { onToken: ({ text }) => onText(text) }),
    onAnswer: (row, answer) => {
      early.set(done + row, answer);
      for (let ready = early.get(next); ready !== undefined; ready = early.get(++next)) {
        early.delete(next);
        print(next, ready);
      }
      show();
    },
  };
  await generator.generate(prompts.slice(done), decoding);
  progress?.finish();
}

interface AnsweredPrompt {
  readonly prompt: Prompt;
  readonly ids: readonly number[];
  readonly answer: Answer;
  readonly options: PromptOptions;
}

/** A row that sft takes: prompt and completion as the model read and wrote them, texts when raw, else messages. */
function rowOf({ prompt, ids, answer, options }: AnsweredPrompt): JsonObject {
  const isRaw = isRawPrompt(prompt, options);
  return {
    id: prompt.id,
    prompt: (isRaw ? prompt.content : conversationOf(prompt, options)) as JsonValue,
    completion: isRaw ? answer.text : [{ role: 'assistant', content: answer.text }],
    ...(prompt.adapter !== undefined && { adapter: prompt.adapter }),
    finishReason: answer.finishReason,
    promptTokens: ids.length,
    completionTokens: answer.ids.length,
    ...(answer.stopString !== undefined && { stopString: answer.stopString }),
    ...(answer.logps && { logprobs: answer.logps as unknown as JsonValue }),
  };
}

/** Everything that decides the answers of a file. */
function settingsOf(options: GenerateCommandOptions): JsonObject {
  const {
    model: _,
    prompt: _prompt,
    output: _output,
    batchSize: _size,
    device: _device,
    threads: _threads,
    raw: _raw,
    ask: _ask,
    ...deciding
  } = options;
  return JSON.parse(JSON.stringify(deciding)) as JsonObject;
}

/** The last turn of a prompt on one line. */
function shownPrompt({ content }: Prompt): string {
  const text = typeof content === 'string' ? content : content.at(-1)!.content;
  return text.trim().replaceAll(/\s+/g, ' ');
}

/** What the combination of options rules out, all of it. */
function usageProblems(options: GenerateCommandOptions, { given, isJson }: CommandUsage<typeof OPTIONS>): Problem[] {
  const problems: Problem[] = [];
  const fail = (path: keyof GenerateCommandOptions, message: string): void => void problems.push({ path, message });
  const { prompt, data, adapter, system, raw, ask, temperature, samples, logprobs, output } = options;
  if (prompt === undefined && data === undefined) fail('prompt', '--prompt or --data must be given, got neither');
  if (prompt !== undefined && data !== undefined) fail('prompt', '--prompt has no effect with --data; leave one out');
  if (given.adapters !== undefined && adapter !== undefined)
    fail('adapters', '--adapters has no effect with --adapter, which answers every row; leave one out');
  if (raw && ask === 'chat') fail('ask', '--ask chat has no effect with --raw; leave one out');
  if ((raw || ask === 'raw') && system !== undefined)
    fail('system', `--system has no effect with ${raw ? '--raw' : '--ask raw'}; write it into the text`);
  problems.push(...adapterProblems(options), ...idleDrawing(options, given), ...biasProblems(options));
  if (samples > 1 && temperature === 0)
    fail('samples', '--samples has no effect with --temperature 0, which draws the same each time; give a temperature');
  if (logprobs !== undefined && !isJson && output === undefined)
    fail('logprobs', '--logprobs has no effect without --json or --output; add one of them');
  return problems;
}
