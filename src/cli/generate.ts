import { badInput, badUsage, type Problem, type JsonObject, type JsonValue } from '../core/index.ts';
import {
  conversationOf,
  encodePrompt,
  openGenerator,
  readPrompts,
  type Answer,
  type GenerateOptions,
  type Generator,
  type Prompt,
  type PromptOptions,
} from '../generate/index.ts';
import type { DecodingPrecision } from '../models/index.ts';
import type { DeviceName } from '../runtime/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import type { Command, CommandContext, OptionEntry } from './frame/command.ts';
import { BASE_PRECISION, DECODING_OPTIONS, decodingOf, decodingProblems } from './decoding-options.ts';
import { openAnswerFile } from './answer-file.ts';
import { locateData, locateModel } from '../hub/index.ts';

const OPTIONS: readonly OptionEntry[] = [
  { flag: '--model', alias: '-m', type: 'string', isRequired: true, help: 'folder, .gguf file or hub id' },
  { flag: '--adapter', type: 'string', help: 'PEFT adapter folder, such as the adapter of a run' },
  {
    flag: '--adapters',
    type: 'texts',
    help: 'NAME=FOLDER of a PEFT adapter that rows of --data with the field adapter ask for; may be repeated',
  },
  { flag: '--prompt', alias: '-p', type: 'string', help: 'a text to answer; streamed to stdout' },
  { flag: '--data', type: 'string', help: 'file, folder or hub id of rows with the field prompt or messages' },
  { flag: '--system', type: 'string', help: 'system message for prompts that have none' },
  { flag: '--raw', type: 'boolean', help: 'continue the text as it stands, without the chat template' },
  {
    flag: '--logprobs',
    type: 'integer',
    help: "with each row the log-probability of every token under the model's own distribution, and so many likeliest ones; needs --json or --output",
  },
  { flag: '--samples', type: 'integer', default: 1, help: 'answers to each prompt of --data' },
  {
    flag: '--output',
    alias: '-o',
    type: 'string',
    help: 'JSON Lines file for the rows of --data; the same command goes on with one that was stopped',
  },
  ...DECODING_OPTIONS,
  { flag: '--batch-size', type: 'integer', default: 8, help: 'answers under way at once', group: 'Machine:' },
  BASE_PRECISION,
  { flag: '--device', type: ['cpu', 'webgpu', 'cuda'], default: 'cpu', help: 'where it runs', group: 'Machine:' },
  { flag: '--threads', type: 'integer', help: "threads of the cpu; default: the machine's cores", group: 'Machine:' },
];

/** `preftune generate`: answers one prompt, streaming, or every prompt of a file. */
export const GENERATE: Command = {
  name: 'generate',
  description: 'Answers prompts with a model and, if there is one, its adapter',
  options: OPTIONS,
  async run(context) {
    checkUsage(context);
    const { options, terminal } = context;
    const prompts = await promptsOf(context);
    const adapters = adaptersOf(context);
    checkAdapterNames(prompts, adapters);
    const { path: model } = await locateModel(options['model'] as string, context);
    const generator = await openGenerator({
      model,
      adapter: options['adapter'] as string | undefined,
      adapters,
      maxRows: options['batchSize'] as number,
      basePrecision: options['basePrecision'] as DecodingPrecision,
      device: options['device'] as DeviceName,
      threads: options['threads'] as number | undefined,
    });
    try {
      const promptOptions = { system: options['system'] as string | undefined, isRaw: options['raw'] === true };
      const samples = options['samples'] as number;
      const rows = prompts.flatMap((prompt) => Array.from({ length: samples }, () => prompt));
      const encoded = rows.map((prompt) => encodePrompt(generator.tokenizer, prompt, promptOptions));
      const isStreamed = options['data'] === undefined;
      const file =
        typeof options['output'] === 'string'
          ? openAnswerFile(options['output'], { model, ...settingsOf(context), prompts: rows.length })
          : undefined;
      const print = (prompt: Prompt, ids: readonly number[], answer: Answer): void => {
        const row = rowOf({ prompt, ids, answer, options: promptOptions });
        if (file !== undefined) return file.append(row);
        const text = isStreamed ? '' : `> ${shownPrompt(prompt)}\n${answer.text.trim()}\n`;
        if (!isStreamed || context.isJson) terminal.result(row, text);
      };
      const onText = isStreamed ? (text: string): void => terminal.stream(text) : undefined;
      try {
        await answerAll(generator, encoded, {
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
        terminal.result(
          { output: options['output']!, rows: rows.length },
          `${rows.length} answers: ${String(options['output'])}`,
        );
      }
      if (isStreamed) terminal.stream('\n');
    } finally {
      await generator.dispose();
    }
  },
};

async function promptsOf(context: CommandContext): Promise<Prompt[]> {
  const { options } = context;
  if (typeof options['prompt'] === 'string') return [{ id: '1', content: options['prompt'] }];
  const sources = await locateData([options['data'] as string], context);
  const prompts: Prompt[] = [];
  for (const source of sources) prompts.push(...(await readPrompts(source)));
  return prompts;
}

/** What --adapters names. Throws bad-usage for words that are not NAME=FOLDER, and names given twice. */
function adaptersOf({ options }: CommandContext): ReadonlyMap<string, string> {
  const words = [options['adapters'] ?? []].flat().map(String);
  const adapters = new Map<string, string>();
  const problems: Problem[] = [];
  for (const word of words) {
    const [, name, folder] = /^([^=]+)=(.+)$/.exec(word) ?? [];
    const fail = (message: string): void => void problems.push({ path: 'adapters', message: `generate: ${message}` });
    if (name === undefined) fail(`--adapters must be NAME=FOLDER, got ${word}`);
    else if (adapters.has(name)) fail(`--adapters must name each adapter once, got ${name} twice`);
    else adapters.set(name, folder!);
  }
  if (problems.length > 0) throw badUsage(problems);
  return adapters;
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
  { context, done, adapters, print, onText }: AnswerAllOptions,
): Promise<void> {
  const { options, terminal, signal } = context;
  const progress = onText === undefined ? terminal.progress('generate') : undefined;
  const early = new Map<number, Answer>();
  let next = done;
  const show = (): void => progress?.update({ done: next, total: prompts.length, unit: 'rows' });
  show();
  const decoding: GenerateOptions = {
    ...decodingOf(context),
    firstRow: done,
    adapters: adapters?.slice(done),
    signal,
    ...(options['logprobs'] === undefined ? {} : { topLogps: options['logprobs'] as number }),
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
  const isRaw = options.isRaw === true;
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
function settingsOf({ options }: CommandContext): JsonObject {
  const paths = [
    'adapter',
    'adapters',
    'basePrecision',
    'data',
    'system',
    'raw',
    'samples',
    'logprobs',
    'maxNewTokens',
    'temperature',
    'topK',
    'topP',
    'minP',
  ];
  return Object.fromEntries(
    [...paths, 'repetitionPenalty', 'stop', 'seed'].flatMap((path) =>
      options[path] === undefined ? [] : [[path, options[path]]],
    ),
  );
}

/** The last turn of a prompt on one line. */
function shownPrompt({ content }: Prompt): string {
  const text = typeof content === 'string' ? content : content.at(-1)!.content;
  return text.trim().replaceAll(/\s+/g, ' ');
}

/** What the combination of options rules out, all of it. */
function checkUsage(context: CommandContext): void {
  const { options, given, isJson } = context;
  const problems: Problem[] = [];
  const fail = (path: string, message: string): void => void problems.push({ path, message: `generate: ${message}` });
  const [prompt, data] = [options['prompt'], options['data']];
  if (prompt === undefined && data === undefined) fail('prompt', '--prompt or --data must be given, got neither');
  if (prompt !== undefined && data !== undefined) fail('prompt', '--prompt has no effect with --data; leave one out');
  if (given['adapters'] !== undefined && data === undefined)
    fail('adapters', '--adapters has no effect with --prompt; give its adapter with --adapter');
  if (given['adapters'] !== undefined && options['adapter'] !== undefined)
    fail('adapters', '--adapters has no effect with --adapter, which answers every row; leave one out');
  if (prompt === '') fail('prompt', '--prompt must not be empty, got ""');
  if (options['raw'] === true && options['system'] !== undefined)
    fail('system', '--system has no effect with --raw; write it into the text');
  if (given['batchSize'] !== undefined && data === undefined)
    fail('batchSize', '--batch-size has no effect with --prompt; leave it out');
  const atLeastOne = [
    ['batchSize', '--batch-size'],
    ['threads', '--threads'],
    ['samples', '--samples'],
  ] as const;
  for (const [path, flag] of atLeastOne) {
    const value = options[path];
    if (typeof value === 'number' && value < 1) fail(path, `${flag} must be at least 1, got ${value}`);
  }
  problems.push(...decodingProblems(context, 'generate'));
  if (data === undefined)
    for (const [path, flag] of [
      ['samples', '--samples'],
      ['output', '--output'],
    ] as const)
      if (given[path] !== undefined) fail(path, `${flag} has no effect with --prompt; leave it out`);
  if (Number(options['samples']) > 1 && options['temperature'] === 0)
    fail('samples', '--samples has no effect with --temperature 0, which draws the same each time; give a temperature');
  if (options['logprobs'] !== undefined) {
    if (Number(options['logprobs']) < 0)
      fail('logprobs', `--logprobs must be at least 0, got ${String(options['logprobs'])}`);
    if (!isJson && options['output'] === undefined)
      fail('logprobs', '--logprobs has no effect without --json or --output; add one of them');
  }
  if (problems.length > 0) throw badUsage(problems);
}
