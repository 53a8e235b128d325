import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { badInput, badUsage, type Problem, type JsonObject, type JsonValue } from '../core/index.ts';
import {
  evaluateBehaviour,
  frontierOf,
  openSubjects,
  renderEvaluation,
  renderEvaluationPage,
  type DrawnPair,
  type Subject,
} from '../evaluate/index.ts';
import { readPrompts, type Prompt } from '../generate/index.ts';
import type { DeviceName } from '../runtime/index.ts';
import { readRunFile } from '../store/index.ts';
import { writeFileAtomic } from '../files/index.ts';
import type { Command, CommandContext, OptionEntry } from './frame/command.ts';
import { locateData, locateModel } from '../hub/index.ts';
import { MEASURE_OPTIONS, readMeasureInputs } from './measure-inputs.ts';
import type { ProgressBar } from './frame/progress.ts';
import { versions } from './training/recipe-context.ts';

const DEFAULT_PROMPTS = 100;

const OPTIONS: readonly OptionEntry[] = [
  { flag: '--model', alias: '-m', type: 'string', help: 'the policy: folder, .gguf file or hub id' },
  { flag: '--adapter', type: 'string', help: 'PEFT adapter folder on it' },
  { flag: '--reference', type: 'string', help: 'what it is compared with; without it the model without its adapter' },
  { flag: '--reference-adapter', type: 'string', help: 'PEFT adapter folder on the reference' },
  {
    flag: '--prompts',
    type: 'string',
    help: 'rows with the field prompt or messages, which both answer',
    group: 'Measured with:',
  },
  ...MEASURE_OPTIONS,
  {
    flag: '--max-prompts',
    type: 'integer',
    default: DEFAULT_PROMPTS,
    help: 'take at most so many, the first',
    group: 'Answers:',
  },
  { flag: '--samples', type: 'integer', default: 1, help: 'answers drawn for each prompt', group: 'Answers:' },
  { flag: '--max-new-tokens', type: 'integer', default: 128, help: 'longest answer', group: 'Answers:' },
  { flag: '--temperature', type: 'number', default: 1, help: 'of what is drawn; KL needs 1', group: 'Answers:' },
  { flag: '--seed', type: 'integer', default: 0, help: 'of the draws', group: 'Answers:' },
  {
    flag: '--output',
    alias: '-o',
    type: 'string',
    help: 'new folder for report.html, evaluation.json and answers.jsonl',
  },
  { flag: '--batch-size', type: 'integer', default: 8, help: 'prompts answered together', group: 'Machine:' },
  { flag: '--micro-batch-tokens', type: 'integer', default: 512, help: 'tokens scored at a time', group: 'Machine:' },
  { flag: '--device', type: ['cpu', 'webgpu', 'cuda'], default: 'cpu', help: 'where it runs', group: 'Machine:' },
  { flag: '--threads', type: 'integer', help: "threads of the cpu; default: the machine's cores", group: 'Machine:' },
];

/** `preftune evaluate`: what training changed besides what it was for. */
export const EVALUATE: Command = {
  name: 'evaluate',
  description: 'Measures how far a model went from its reference, how its answers changed, and what it lost',
  takesConfig: true,
  arguments: [{ name: 'run', help: 'a run folder; instead of --model' }],
  options: OPTIONS,
  async run(context) {
    checkUsage(context);
    const { options, terminal, signal } = context;
    const { policy, reference } = await subjectsOf(context);
    const inputs = await readInputs(context);
    const bars = createBars(context);
    const subjects = await openSubjects({
      policy,
      reference,
      device: options['device'] as DeviceName,
      threads: options['threads'] as number | undefined,
      microBatchTokens: options['microBatchTokens'] as number,
      batchSize: options['batchSize'] as number,
      signal,
      onWarning: terminal.warn,
    });
    try {
      const sampling = {
        samples: options['samples'] as number,
        maxNewTokens: options['maxNewTokens'] as number,
        temperature: options['temperature'] as number,
        seed: options['seed'] as number,
        signal,
      };
      const { evaluation, answers } = await evaluateBehaviour(subjects, {
        ...inputs,
        ...sampling,
        onProgress: (what, done, total) => bars.of(what).update({ done, total, unit: 'rows' }),
      });
      if (sampling.temperature !== 1 && inputs.prompts !== undefined)
        terminal.note('KL is left out: it is that of the model only for answers drawn at temperature 1');
      const frontier =
        options['frontier'] === true
          ? await frontierOf(subjects, context.args[0]!, {
              ...sampling,
              prompts: inputs.prompts!,
              onStep: (step, done, total) => bars.of(`step ${step}`).update({ done, total, unit: 'rows' }),
            })
          : undefined;
      terminal.close();
      const value = {
        policy,
        reference: reference ?? (policy.adapter === undefined ? null : { model: policy.model }),
        ...evaluation,
        ...(frontier && { frontier }),
      } as unknown as JsonObject;
      if (typeof options['output'] === 'string') {
        const { output } = options;
        writeOutput(output, value, answers);
        const page = renderEvaluationPage({
          title: `Evaluation ${output}`,
          subtitle: `${nameOf(policy)} beside ${reference === undefined ? 'the model without its adapter' : nameOf(reference)}`,
          evaluation,
          frontier,
          answers,
          footer: Object.entries(versions())
            .map(([name, version]) => `${name} ${version}`)
            .join(', '),
        });
        writeFileAtomic(join(output, 'report.html'), page);
        terminal.note(`report: ${join(output, 'report.html')}`);
      }
      terminal.result(value, renderEvaluation(evaluation, { width: terminal.columns, frontier }));
    } finally {
      await subjects.dispose();
    }
  },
};

/** Everything is read before a model is opened: a missing file should not wait for it. */
async function readInputs(context: CommandContext) {
  const { options } = context;
  const sources = typeof options['prompts'] === 'string' ? await locateData([options['prompts']], context) : undefined;
  const prompts = sources && distinct((await Promise.all(sources.map(readPrompts))).flat());
  return {
    ...(prompts && { prompts: prompts.slice(0, options['maxPrompts'] as number) }),
    ...(await readMeasureInputs(context)),
  };
}

/** A model as the page names it. */
function nameOf({ model, adapter }: Subject): string {
  return adapter === undefined ? model : `${model} with ${adapter}`;
}

/** Preference data name a prompt for each of its pairs; it is answered once. */
function distinct(prompts: readonly Prompt[]): Prompt[] {
  return [...new Map(prompts.map((prompt) => [JSON.stringify(prompt.content), prompt])).values()];
}

/** The policy and, where it is named or the run knows it, the reference. */
async function subjectsOf(context: CommandContext): Promise<{ policy: Subject; reference?: Subject | undefined }> {
  const { args, options } = context;
  const locate = async (named: string): Promise<string> => (await locateModel(named, context)).path;
  const named = options['reference'] as string | undefined;
  const own =
    named === undefined
      ? undefined
      : { model: await locate(named), adapter: options['referenceAdapter'] as string | undefined };
  if (args[0] === undefined) {
    const model = await locate(options['model'] as string);
    return { policy: { model, adapter: options['adapter'] as string | undefined }, reference: own };
  }
  const [run] = args;
  const { specification } = readRunFile(run);
  const start = await locate(String(specification['model']));
  const [adapter, full] = [join(run, 'adapter'), join(run, 'model')];
  const continued = typeof specification['adapter'] === 'string' ? specification['adapter'] : undefined;
  const before = typeof specification['reference'] === 'string' ? await locate(specification['reference']) : undefined;
  if (existsSync(adapter)) {
    const reference =
      before !== undefined
        ? { model: before }
        : continued === undefined
          ? undefined
          : { model: start, adapter: continued };
    return { policy: { model: start, adapter }, reference: own ?? reference };
  }
  if (existsSync(full))
    return { policy: { model: full }, reference: own ?? { model: before ?? start, adapter: continued } };
  throw badInput({
    file: run,
    message: 'the run must have ended, it holds neither adapter/ nor model/; continue it with --resume',
  });
}

/** Writes the numbers and the answers that they were counted on. */
function writeOutput(output: string, value: JsonObject, answers: readonly DrawnPair[]): void {
  mkdirSync(output, { recursive: true });
  const lines = answers.map(({ policy, reference }) =>
    JSON.stringify({
      id: policy.promptId,
      prompt: policy.prompt,
      policy: policy.text,
      ...(reference && { reference: reference.text }),
      tokens: policy.tokens.completion.length,
      isCut: policy.isCut,
    }),
  );
  if (lines.length > 0) writeFileAtomic(join(output, 'answers.jsonl'), `${lines.join('\n')}\n`);
  writeFileAtomic(join(output, 'evaluation.json'), `${JSON.stringify(value as JsonValue, null, 2)}\n`);
}

function createBars({ terminal }: CommandContext) {
  let bar: { readonly label: string; readonly progress: ProgressBar } | undefined;
  return {
    of(label: string): ProgressBar {
      if (bar?.label !== label) bar = { label, progress: terminal.progress(label) };
      return bar.progress;
    },
  };
}

/** What the combination of options rules out, all of it. */
function checkUsage({ args, options, given }: CommandContext): void {
  const problems: Problem[] = [];
  const fail = (path: string, message: string): void => void problems.push({ path, message: `evaluate: ${message}` });
  const has = (path: string): boolean => given[path] !== undefined;
  if (args[0] === undefined && !has('model')) fail('model', 'a run folder or --model must be given, got neither');
  if (args[0] !== undefined)
    for (const path of ['model', 'adapter'])
      if (has(path)) fail(path, `--${path} has no effect with a run folder, which names it; leave one out`);
  if (!['prompts', 'texts', 'facts', 'instructions'].some(has))
    fail('prompts', 'there must be something to measure with: --prompts, --texts, --facts or --instructions, got none');
  if (has('referenceAdapter') && !has('reference'))
    fail('referenceAdapter', '--reference-adapter has no effect without --reference; name its model');
  if (options['frontier'] === true && (args[0] === undefined || !has('prompts')))
    fail('frontier', '--frontier needs a run folder and --prompts');
  if (!has('prompts'))
    for (const [path, flag] of [
      ['maxPrompts', '--max-prompts'],
      ['samples', '--samples'],
      ['temperature', '--temperature'],
    ] as const)
      if (has(path)) fail(path, `${flag} has no effect without --prompts; leave it out`);
  for (const [path, flag] of [
    ['maxPrompts', '--max-prompts'],
    ['samples', '--samples'],
    ['maxNewTokens', '--max-new-tokens'],
    ['batchSize', '--batch-size'],
    ['microBatchTokens', '--micro-batch-tokens'],
    ['threads', '--threads'],
  ] as const) {
    const value = options[path];
    if (typeof value === 'number' && value < 1) fail(path, `${flag} must be at least 1, got ${value}`);
  }
  if (!(Number(options['temperature']) >= 0))
    fail('temperature', `--temperature must be at least 0, got ${String(options['temperature'])}`);
  if (typeof options['output'] === 'string' && existsSync(join(options['output'], 'evaluation.json')))
    fail('output', `--output must be new, got ${options['output']}, which holds an evaluation; name another`);
  if (problems.length > 0) throw badUsage(problems);
}
