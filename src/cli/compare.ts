import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { badInput, badInputProblems, PreftuneError, problemsOf, type Problem, writeExactJson } from '../core/index.ts';
import {
  answersOf,
  blindRows,
  createJury,
  measureContestants,
  meetingsOf,
  parseContestants,
  playMatches,
  readPeople,
  readRunStories,
  renderMeasured,
  renderStandings,
  standingsOf,
  type Answers,
  type Contestant,
  type DrawingOptions,
  type ContestantMatch,
} from '../evaluate/index.ts';
import type { Prompt } from '../generate/index.ts';
import type { Judge, OpenedJudges } from '../judge/index.ts';
import { changed, flagOf, grouped, idleProblem, option, optionWords, texts } from '../options/index.ts';
import { writeFileAtomic } from '../files/index.ts';
import { ASK, COLUMNS, MACHINE_SHAPE, SEED, SYSTEM, TEMPLATE_TIME } from './common-options.ts';
import { comparisonTime } from './comparison-time.ts';
import { defineCommand, type CommandContext, type CommandUsage } from './frame/command.ts';
import { valueOf, writeReport } from './compare-report.ts';
import {
  JUDGE_SHAPE,
  judgeProblems,
  judgingLine,
  MIN_AGREEMENT,
  openCommandJudges,
  missingJudgeInputs,
} from './judge-options.ts';
import { locateModel, whereIs } from '../hub/index.ts';
import {
  MEASURE_SHAPE,
  readDistinctPrompts,
  readMeasureInputs,
  stateOfSources,
  type MeasureInputs,
} from './measure-inputs.ts';
import { createBars, type Bars } from './frame/bars.ts';
import { nextLines } from './frame/next-lines.ts';

const count = z.int().min(1);
const text = z.string().min(1);

const OPTIONS = z.strictObject({
  prompts: option(text, { help: 'rows with the field prompt or messages, or a .txt file with a prompt a line' }),
  columns: changed(COLUMNS, { help: 'what the prompts call the fields, such as prompt=question', isCommon: false }),
  output: option(text, {
    help: 'folder for answers, judgements and report.html; the same command goes on with it',
    alias: '-o',
  }),
  ...grouped('Answers', {
    maxPrompts: option(count.default(200), { help: 'take at most so many, the first', isCommon: true }),
    samples: option(count.default(1), { help: 'answers drawn for each prompt; more than one need a temperature' }),
    maxNewTokens: option(count.default(256), { help: 'longest answer', isCommon: true }),
    temperature: option(z.number().min(0).default(0), { help: '0 takes the likeliest token', isCommon: true }),
    topP: option(z.number().gt(0).max(1).default(1), {
      help: 'draw among the fewest likely tokens of this probability',
    }),
    system: SYSTEM,
    ask: ASK,
    templateTime: changed(TEMPLATE_TIME, { usually: 'when the comparison began' }),
    seed: changed(SEED, { help: 'of draws and intervals' }),
    keyVariable: option(text.optional(), {
      help: 'environment variable with the key of contestants behind an address',
      usually: 'OPENAI_API_KEY',
    }),
  }),
  ...JUDGE_SHAPE,
  minAgreement: changed(MIN_AGREEMENT, { group: 'Judge' }),
  ...grouped('People', {
    exportPeople: option(text.optional(), {
      help: 'write a blind .jsonl file for people to fill in, and judge nothing',
      isCommon: true,
    }),
    people: option(texts().optional(), {
      help: 'blind files that were filled in; each annotator is a judge',
      isCommon: true,
    }),
  }),
  measure: option(z.int().min(0).default(50), {
    help: 'prompts on which models are measured beside the first one (KL, entropy, ...), drawn at temperature 1; 0: none',
    group: 'Measured with',
    isCommon: true,
  }),
  ...MEASURE_SHAPE,
  ...MACHINE_SHAPE,
});
type CompareOptions = z.output<typeof OPTIONS>;
type CompareUsage = CommandUsage<typeof OPTIONS>;

/** `preftune compare`: which of several models answers better, by judges, with what can be said for sure. */
export const COMPARE = defineCommand({
  name: 'compare',
  hasEvents: true,
  description: 'Compares models by their answers: win rates with intervals, a verdict, a report',
  arguments: [
    {
      name: 'contestants',
      help: 'models (MODEL+ADAPTER, RUN, RUN@step-N, RUN@best too), https://host/v1#model, or .jsonl files of answers; the first is what the others are compared with; a run folder alone meets what it began from; NAME= before one names it',
      isRequired: true,
      isVariadic: true,
    },
  ],
  examples: [
    {
      does: 'a run beside the model that it began from, judged by a language model',
      words:
        'base=HuggingFaceTB/SmolLM2-135M-Instruct tuned=run --prompts prompts.txt --judge-model gpt-4.1-mini --output comparison',
    },
    {
      does: 'by rules, offline',
      words:
        'base=HuggingFaceTB/SmolLM2-135M-Instruct tuned=run --prompts prompts.txt --judges sentiment,shorter --output comparison',
    },
  ],
  options: OPTIONS,
  takesConfig: true,
  check: usageProblems,
  run,
});

async function run(options: CompareOptions, context: CommandContext): Promise<void> {
  const { args, terminal } = context;
  const { output, samples, exportPeople, people = [], minAgreement } = options;
  const problems: Problem[] = [];
  if (asksJudges(context.given)) problems.push(...missingJudgeInputs(context));
  const contestants = parseContestants(args, problems);
  // What is wrong with the others should not wait until these are right, nor anything be fetched for them.
  requireContestants(contestants, context, problems);
  const prompts = (await readDistinctPrompts(options.prompts, options, context)).slice(0, options.maxPrompts);
  const inputs = await readMeasureInputs(options, context);
  const resolve = await locateContestants(contestants, context);
  mkdirSync(join(output, 'answers'), { recursive: true });
  const templateTime = await comparisonTime(contestants, resolve, options);
  const drawing = drawingOf(options, context, { resolve, templateTime });
  const seed = blindSeed(output);
  const answers = await collectAnswers(contestants, prompts, { drawing, options, context });
  const names = contestants.map((one) => one.name);
  const meetings = { prompts, samples, pairs: pairsOf(names) };
  const all = meetingsOf(meetings);
  if (exportPeople !== undefined) {
    const rows = blindRows(all, { answers, seed });
    writeFileAtomic(exportPeople, rows.map((row) => `${writeExactJson(row)}\n`).join(''));
    terminal.close();
    terminal.result(
      { file: exportPeople, rows: rows.length },
      [
        `${rows.length} blind comparisons: ${exportPeople}`,
        'fill in the field verdict (first, second or tie) of each line, then:',
        ...nextLines([afterPeople(exportPeople, context)], terminal.columns),
      ].join('\n'),
    );
    return;
  }
  const bars = createBars(context.terminal);
  const opened = asksJudges(context.given) ? await openCommandJudges(options, context, { templateTime }) : undefined;
  try {
    const persons = people.length === 0 ? [] : readPeople([people].flat(), { meetings: all, seed });
    const judges = [...(opened?.judges ?? []), ...persons];
    const judge = createJury(judges, minAgreement);
    const matches = await play(judge, { ...meetings, answers, options, context, bars, opened });
    const { measured, notMeasured } = await measure(contestants, { prompts, inputs, drawing, options, context, bars });
    const stories = await readRunStories(contestants);
    terminal.close();
    const standings = standingsOf(matches, { names, answers, seed: options.seed });
    const value = valueOf({ contestants, judges, prompts, standings, measured, notMeasured, stories });
    for (const { name, reason } of notMeasured) terminal.note(`${name}: not measured beside ${names[0]}: ${reason}`);
    writeFileAtomic(join(output, 'comparison.json'), `${JSON.stringify(value, null, 2)}\n`);
    writeReport(output, {
      schema: OPTIONS,
      options,
      context,
      contestants,
      prompts,
      answers,
      matches,
      standings,
      judges,
      measured,
      stories,
    });
    if (opened !== undefined && opened.llms.length > 0) terminal.note(judgingLine(opened));
    const said = [renderStandings(standings, terminal.columns), renderMeasured(measured, stories, terminal.columns)];
    terminal.result(
      value,
      [...said.filter((part) => part !== ''), `report: ${join(output, 'report.html')}`].join('\n\n'),
    );
  } finally {
    await opened?.close();
  }
}

/** The command that goes on with what people have filled in. */
function afterPeople(file: string, { args, given }: CommandContext): string[] {
  return ['compare', ...args, ...optionWords(OPTIONS, { ...given, exportPeople: undefined, people: file })];
}

function asksJudges(given: CompareUsage['given']): boolean {
  return (
    given.judges !== undefined ||
    given.judgeModel !== undefined ||
    (given.people === undefined && given.exportPeople === undefined)
  );
}

/** A secret of the folder, so that ids in blind files tell nothing. */
function blindSeed(output: string): string {
  const path = join(output, 'people-seed.txt');
  if (existsSync(path)) return readFileSync(path, 'utf8').trim();
  const seed = createHash('sha256').update(`${output}/${Date.now()}/${process.pid}/${Math.random()}`).digest('hex');
  writeFileAtomic(path, `${seed}\n`);
  return seed;
}

/** The first against each other one; every two where there are three or more, for ratings. */
function pairsOf(names: readonly string[]): (readonly [string, string])[] {
  return names.flatMap((a, i) => names.slice(i + 1).map((b) => [a, b] as const));
}

async function collectAnswers(
  contestants: readonly Contestant[],
  prompts: readonly Prompt[],
  {
    drawing,
    options,
    context,
  }: { readonly drawing: DrawingOptions; readonly options: CompareOptions; readonly context: CommandContext },
): Promise<ReadonlyMap<string, Answers>> {
  const { samples, temperature, topP, concurrency = 8, keyVariable = 'OPENAI_API_KEY' } = options;
  const bars = createBars(context.terminal);
  const answers = new Map<string, Answers>();
  // Files first: what is wrong with them should not be told after minutes of drawing.
  const inOrder = contestants.toSorted((a, b) => Number(b.kind === 'answers') - Number(a.kind === 'answers'));
  for (const contestant of inOrder) {
    if (contestant.kind === 'model') context.terminal.activity(`opening ${contestant.name}`);
    answers.set(
      contestant.name,
      await answersOf(contestant, prompts, {
        ...drawing,
        samples,
        temperature,
        topP,
        concurrency,
        apiKey: context.environment[keyVariable],
        onProgress: (done, total) => bars.of(contestant.name).update({ done, total, unit: 'rows' }),
      }),
    );
  }
  context.terminal.close();
  return answers;
}

function drawingOf(
  options: CompareOptions,
  { terminal, signal }: CommandContext,
  told: Pick<DrawingOptions, 'resolve' | 'templateTime'>,
): DrawingOptions {
  const { output: folder, maxNewTokens, seed, system, ask, batchSize, device, threads } = options;
  const onWarning = terminal.warn;
  // A model is opened for its answers and for what is measured.
  const notes = new Set<string>();
  const onNote = (note: string): void => {
    if (!notes.has(note)) terminal.note(note);
    notes.add(note);
  };
  return { folder, maxNewTokens, seed, system, ask, batchSize, device, threads, onWarning, onNote, signal, ...told };
}

/** Looks for every model and file before anything is fetched or drawn. Throws bad-input with all that are not there, and those `known` before. */
function requireContestants(
  contestants: readonly Contestant[],
  context: CommandContext,
  known: readonly Problem[],
): void {
  const problems: Problem[] = [...known];
  for (const contestant of contestants) {
    if (contestant.kind === 'model') problems.push(...problemsOf(() => whereIs(contestant.model, 'model', context)));
    if (contestant.kind === 'answers' && !existsSync(contestant.file))
      problems.push({
        file: contestant.file,
        message: `${contestant.name} needs this file, it does not exist; check the path`,
      });
  }
  if (problems.length > 0) throw badInput(problems);
}

/** The paths of models, which are fetched where they must be. Throws bad-input with the problems of all. */
async function locateContestants(
  contestants: readonly Contestant[],
  context: CommandContext,
): Promise<(model: string) => Promise<string>> {
  const problems: Problem[] = [];
  const paths = new Map<string, string>();
  for (const contestant of contestants) {
    if (contestant.kind !== 'model' || paths.has(contestant.model)) continue;
    try {
      paths.set(contestant.model, (await locateModel(contestant.model, context)).path);
    } catch (thrown) {
      problems.push(...badInputProblems(thrown));
    }
  }
  if (problems.length > 0) throw badInput(problems);
  return async (model) => paths.get(model)!;
}

interface PlayOptions {
  readonly prompts: readonly Prompt[];
  readonly samples: number;
  readonly pairs: readonly (readonly [string, string])[];
  readonly answers: ReadonlyMap<string, Answers>;
  readonly options: CompareOptions;
  readonly context: CommandContext;
  readonly bars: Bars;
  readonly opened: OpenedJudges | undefined;
}

/** Judges with the judgements of the same judges from before. */
async function play(judge: Judge, { options, context, bars, ...meetings }: PlayOptions): Promise<ContestantMatch[]> {
  const { output, concurrency = 8 } = options;
  const slug = createHash('sha256').update(judge.identity).digest('hex').slice(0, 12);
  try {
    return await playMatches({
      ...meetings,
      judge,
      path: join(output, `judgements-${slug}.jsonl`),
      concurrency,
      onProgress: (done, total) => bars.of('judge').update({ done, total, unit: 'rows' }),
      signal: context.signal,
    });
  } catch (thrown) {
    if (!(thrown instanceof PreftuneError) || thrown.code === 'bad-input' || thrown.code === 'bad-usage') throw thrown;
    throw new PreftuneError(
      thrown.code,
      `${thrown.message}; answers and judgements so far are kept in ${output}: the same command goes on there`,
    );
  }
}

interface MeasureParts {
  readonly prompts: readonly Prompt[];
  readonly inputs: MeasureInputs;
  readonly drawing: DrawingOptions;
  readonly options: CompareOptions;
  readonly context: CommandContext;
  readonly bars: Bars;
}

function measure(
  contestants: readonly Contestant[],
  { prompts, inputs: { texts: sources, ...inputs }, drawing, options, context, bars }: MeasureParts,
): ReturnType<typeof measureContestants> {
  return measureContestants(contestants, {
    ...drawing,
    ...inputs,
    texts: sources && { sources, state: stateOfSources(sources) },
    prompts: prompts.slice(0, options.measure),
    hasFrontier: options.frontier,
    onOpening: (model) => context.terminal.activity(`opening ${model} to be measured`),
    onProgress: (model, what, done, total) => bars.of(`${model}: ${what}`).update({ done, total, unit: 'rows' }),
  });
}

const MEASURING = ['measure', ...Object.keys(MEASURE_SHAPE)] as readonly (keyof CompareOptions)[];

/** What can measure none of these contestants. */
function measuringProblems(
  [first, ...others]: readonly Contestant[],
  { frontier }: CompareOptions,
  given: CompareUsage['given'],
): Problem[] {
  const problems: Problem[] = [];
  const hasModels = first?.kind === 'model' && others.some(({ kind }) => kind === 'model');
  for (const path of MEASURING)
    if (given[path] !== undefined && !hasModels)
      problems.push({
        path,
        message: `${flagOf(path)} has no effect here, since models are measured beside a first contestant that is a model; leave it out, or name a model first`,
      });
  const hasRun = others.some((one) => one.kind === 'model' && one.run !== undefined);
  if (hasModels && frontier && !hasRun)
    problems.push({ path: 'frontier', message: '--frontier needs a run folder behind the first contestant' });
  return problems;
}

/** What the combination of options and contestants rules out, all of it. */
function usageProblems(options: CompareOptions, { args, given }: CompareUsage): Problem[] {
  const problems: Problem[] = [];
  const fail = (path: keyof CompareOptions, message: string): void => void problems.push({ path, message });
  const { temperature, samples, measure: measured, frontier, output } = options;
  if (temperature === 0) {
    if (samples > 1)
      fail(
        'samples',
        '--samples has no effect with --temperature 0, which draws the same each time; give a temperature',
      );
    if (given.topP !== undefined) problems.push(idleProblem('topP', 'with --temperature 0, which draws nothing'));
  }
  if (given.exportPeople !== undefined)
    for (const path of ['people', 'judges', 'judgeModel', ...MEASURING] as const)
      if (given[path] !== undefined)
        fail(path, `--export-people judges and measures nothing; leave ${flagOf(path)} out, or --export-people`);
  if (measured === 0 && frontier)
    fail('frontier', '--frontier has no effect with --measure 0, which draws nothing; leave one out');
  if (existsSync(join(output, 'run.json')))
    problems.push({ file: output, path: 'output', message: 'the output folder holds a run; choose another --output' });
  if (args.length > 0) {
    let contestants: readonly Contestant[] = [];
    // What is wrong with a contestant is told with the files that are not there.
    problems.push(...problemsOf(() => (contestants = parseContestants(args, []))));
    if (contestants.length > 0 && given.exportPeople === undefined)
      problems.push(...measuringProblems(contestants, options, given));
  }
  if (asksJudges(given)) problems.push(...judgeProblems(given));
  return problems;
}
