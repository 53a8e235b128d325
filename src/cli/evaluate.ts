import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { badUsage, type Problem, type JsonObject, type JsonValue, writeExactJson } from '../core/index.ts';
import {
  evaluateBehaviour,
  frontierOf,
  openSubjects,
  renderEvaluation,
  renderEvaluationPage,
  type DrawnPair,
  type Subject,
} from '../evaluate/index.ts';
import { changed, grouped, option } from '../options/index.ts';
import { readRunFile } from '../store/index.ts';
import { requireWritable, writeFileAtomic } from '../files/index.ts';
import { ADAPTER, ASK, COLUMNS, MACHINE_SHAPE, MODEL, SEED, TEMPLATE_TIME } from './common-options.ts';
import { defineCommand, type CommandContext, type CommandUsage } from './frame/command.ts';
import { locateModel } from '../hub/index.ts';
import { adapterText, hasAdapter, parseModelAndAdapter, requireClock, startOfRun } from '../policy/index.ts';
import { MEASURE_SHAPE, readDistinctPrompts, readMeasureInputs } from './measure-inputs.ts';
import { requireModels } from './require-models.ts';
import { createBars } from './frame/bars.ts';
import { versions } from './training/recipe-context.ts';

const count = z.int().min(1);
const text = z.string().min(1);

const OPTIONS = z.strictObject({
  model: changed(MODEL, { help: 'the policy' }).optional(),
  adapter: changed(ADAPTER, { help: 'adapter on it' }),
  reference: option(text.optional(), {
    help: 'what it is compared with',
    usually: 'the model without its adapter',
    isCommon: true,
  }),
  referenceAdapter: option(text.optional(), {
    help: 'adapter on the reference',
    onlyWith: { option: 'reference' },
  }),
  output: option(text.optional(), {
    help: 'new folder for report.html, evaluation.json and answers.jsonl',
    alias: '-o',
    isCommon: true,
  }),
  prompts: option(text.optional(), {
    help: 'what both answer: rows with the field prompt or messages, or a .txt file with a prompt a line',
    group: 'Measured with',
    isCommon: true,
  }),
  columns: changed(COLUMNS, {
    help: 'what the prompts call the fields, such as prompt=question',
    group: 'Measured with',
    isCommon: false,
    onlyWith: { option: 'prompts' },
  }),
  ...MEASURE_SHAPE,
  ask: ASK,
  templateTime: TEMPLATE_TIME,
  ...grouped('Answers', {
    maxPrompts: option(count.default(100), {
      help: 'take at most so many, the first',
      onlyWith: { option: 'prompts' },
      isCommon: true,
    }),
    samples: option(count.default(1), {
      help: 'answers drawn for each prompt',
      onlyWith: { option: 'prompts' },
      isCommon: true,
    }),
    maxNewTokens: option(count.default(128), { help: 'longest answer', isCommon: true }),
    temperature: option(z.number().min(0).default(1), {
      help: 'of what is drawn; KL needs 1',
      onlyWith: { option: 'prompts' },
    }),
    seed: SEED,
  }),
  ...grouped('Machine', {
    microBatchTokens: option(count.default(512), { help: 'tokens scored at a time' }),
    ...MACHINE_SHAPE,
  }),
});
type EvaluateOptions = z.output<typeof OPTIONS>;

/** `preftune evaluate`: what training changed besides what it was for. */
export const EVALUATE = defineCommand({
  name: 'evaluate',
  hasEvents: true,
  description: 'Measures how far a model went from its reference, how its answers changed, and what it lost',
  takesConfig: true,
  arguments: [{ name: 'run', help: 'RUN, RUN@step-N, RUN@best or another name of the policy; instead of --model' }],
  examples: [
    { does: 'what a run changed, on prompts of yours', words: 'run --prompts prompts.txt --output evaluation' },
    {
      does: 'two models, on plain text',
      words: '--model run/model --reference HuggingFaceTB/SmolLM2-135M-Instruct --texts texts.txt',
    },
  ],
  options: OPTIONS,
  check: usageProblems,
  async run(options, context) {
    const { terminal, signal } = context;
    const { output, samples, maxNewTokens, temperature, seed } = options;
    if (output !== undefined) requireWritable(output);
    const named = subjectsOf(options, context);
    requireModels([named.policy, ...(named.reference === undefined ? [] : [named.reference])], context);
    if (options.frontier) requireFrontier(named);
    const resolve = locator(context);
    const inputs = await readInputs(options, context);
    const bars = createBars(context.terminal);
    const policy = await shownSubject(named.policy, resolve);
    const reference = named.reference && (await shownSubject(named.reference, resolve));
    const loading = terminal.activity(`loading ${named.policy.model}`);
    const subjects = await openSubjects({
      policy: named.policy,
      reference: named.reference,
      resolve,
      ask: options.ask,
      device: options.device,
      threads: options.threads,
      microBatchTokens: options.microBatchTokens,
      batchSize: options.batchSize,
      signal,
      templateTime: options.templateTime,
      onWarning: terminal.warn,
      onNote: terminal.note,
    });
    loading.finish();
    try {
      requireClock(options.templateTime, [{ name: named.policy.model, tokenizer: subjects.tokenizer }]);
      const sampling = { samples, maxNewTokens, temperature, seed, signal };
      const { evaluation, answers } = await evaluateBehaviour(subjects, {
        ...inputs,
        ...sampling,
        onProgress: (what, done, total) => bars.of(what).update({ done, total, unit: 'rows' }),
      });
      if (sampling.temperature !== 1 && inputs.prompts !== undefined)
        terminal.note('KL is left out: it is that of the model only for answers drawn at temperature 1');
      const frontier = options.frontier
        ? await frontierOf(subjects, named.run!, {
            ...sampling,
            prompts: inputs.prompts!,
            onStep: (step, done, total) => bars.of(`step ${step}`).update({ done, total, unit: 'rows' }),
          })
        : undefined;
      terminal.close();
      const value = {
        policy,
        reference: reference ?? (policy.adapter === undefined ? null : { model: policy.model }),
        ...(subjects.tokenizer.chatTemplate?.clock && { templateTime: subjects.tokenizer.chatTemplate.clock.time }),
        ...evaluation,
        ...(frontier && { frontier }),
      } as unknown as JsonObject;
      if (output !== undefined) {
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
});

/** Everything is read before a model is opened: a missing file should not wait for it. */
async function readInputs(options: EvaluateOptions, context: CommandContext) {
  const prompts =
    options.prompts === undefined ? undefined : await readDistinctPrompts(options.prompts, options, context);
  return {
    ...(prompts && { prompts: prompts.slice(0, options.maxPrompts) }),
    ...(await readMeasureInputs(options, context)),
  };
}

/** A model as the page names it. */
function nameOf({ model, adapter }: Subject): string {
  return adapter === undefined ? model : `${model} with ${adapter}`;
}

/** Finds a model once, however often it is named. */
function locator(context: CommandContext): (model: string) => Promise<string> {
  const found = new Map<string, Promise<string>>();
  return (model) => {
    const path = found.get(model) ?? locateModel(model, context).then((located) => located.path);
    found.set(model, path);
    return path;
  };
}

interface NamedSubjects {
  readonly policy: Subject;
  /** Undefined for the policy's model without its adapter. */
  readonly reference: Subject | undefined;
  /** The run folder that the policy comes from. */
  readonly run: string | undefined;
}

/** The policy and, where it is named or the run knows it, the reference. */
function subjectsOf(options: EvaluateOptions, { args }: CommandContext): NamedSubjects {
  const policy = { model: args[0] ?? options.model!, adapter: options.adapter };
  const { run, adapter } = parseModelAndAdapter(policy);
  const { reference: model, referenceAdapter } = options;
  if (model !== undefined) return { policy, reference: { model, adapter: referenceAdapter }, run };
  if (run === undefined) return { policy, reference: undefined, run };
  const { reference } = readRunFile(run).specification;
  if (typeof reference === 'string') return { policy, reference: { model: reference }, run };
  const start = startOfRun(run);
  // An adapter of its own stands beside the model without it, in one graph.
  return { policy, reference: adapter !== undefined && start.adapter === undefined ? undefined : start, run };
}

/** Checkpoints are measured as adapters beside the model under them. */
function requireFrontier({ policy, reference, run }: NamedSubjects): void {
  if (run !== undefined && reference === undefined && hasAdapter(policy.model)) return;
  const beside = reference === undefined ? '' : ` beside ${nameOf(reference)}`;
  throw badUsage({
    path: 'frontier',
    message: `--frontier needs a run that trained an adapter, beside the model under it, got ${policy.model}${beside}; leave it out`,
  });
}

/** A subject as the page and evaluation.json name it: paths of the model and its adapter. */
async function shownSubject(subject: Subject, resolve: (model: string) => Promise<string>): Promise<Subject> {
  const { model, adapter, checkpoint } = parseModelAndAdapter(subject);
  if (checkpoint !== undefined) return { model: subject.model };
  return { model: await resolve(model), ...(adapter && { adapter: adapterText(adapter) }) };
}

/** Writes the numbers and the answers that they were counted on. */
function writeOutput(output: string, value: JsonObject, answers: readonly DrawnPair[]): void {
  mkdirSync(output, { recursive: true });
  const lines = answers.map(({ policy, reference }) =>
    writeExactJson({
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

/** What the combination of options rules out, all of it. */
function usageProblems(options: EvaluateOptions, { args, given }: CommandUsage<typeof OPTIONS>): Problem[] {
  const problems: Problem[] = [];
  const fail = (path: keyof EvaluateOptions, message: string): void => void problems.push({ path, message });
  const has = (path: keyof EvaluateOptions): boolean => given[path] !== undefined;
  const { output, frontier } = options;
  if (args[0] === undefined && !has('model')) fail('model', 'a run folder or --model must be given, got neither');
  if (args[0] !== undefined)
    for (const path of ['model', 'adapter'] as const)
      if (has(path)) fail(path, `--${path} has no effect with a run folder, which names it; leave one out`);
  if (!(['prompts', 'texts', 'facts', 'instructions'] as const).some(has))
    fail(
      'prompts',
      '--prompts, --texts, --facts or --instructions must be given, got nothing to measure with; a start: --prompts prompts.txt, a prompt a line',
    );
  if (frontier && (args[0] === undefined || !has('prompts')))
    fail('frontier', '--frontier needs a run folder and --prompts');
  if (output !== undefined && existsSync(join(output, 'evaluation.json')))
    fail('output', `--output must be new, got ${output}, which holds an evaluation; name another`);
  return problems;
}
