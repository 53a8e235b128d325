import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { badInput, badUsage, PreftuneError, type Problem } from '../core/index.ts';
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
import { readPrompts, type Prompt } from '../generate/index.ts';
import type { Judge, OpenedJudges } from '../judge/index.ts';
import type { DeviceName } from '../runtime/index.ts';
import { writeFileAtomic } from '../files/index.ts';
import type { Command, CommandContext, OptionEntry } from './frame/command.ts';
import { valueOf, writeReport } from './compare-report.ts';
import { flagOf, JUDGE_OPTIONS, judgesOf, judgingLine, openCommandJudges } from './judge-options.ts';
import { locateData, locateModel } from '../hub/index.ts';
import { MEASURE_OPTIONS, readMeasureInputs, stateOfSources, type MeasureInputs } from './measure-inputs.ts';
import type { ProgressBar } from './frame/progress.ts';

const OPTIONS: readonly OptionEntry[] = [
  { flag: '--prompts', type: 'string', isRequired: true, help: 'rows with the field prompt or messages' },
  {
    flag: '--output',
    alias: '-o',
    type: 'string',
    isRequired: true,
    help: 'folder for answers, judgements and report.html; the same command goes on with it',
  },
  { flag: '--max-prompts', type: 'integer', default: 200, help: 'take at most so many, the first', group: 'Answers:' },
  {
    flag: '--samples',
    type: 'integer',
    default: 1,
    help: 'answers drawn for each prompt; more than one need a temperature',
    group: 'Answers:',
  },
  { flag: '--max-new-tokens', type: 'integer', default: 256, help: 'longest answer', group: 'Answers:' },
  { flag: '--temperature', type: 'number', default: 0, help: '0 takes the likeliest token', group: 'Answers:' },
  {
    flag: '--top-p',
    type: 'number',
    default: 1,
    help: 'draw among the fewest likely tokens of this probability',
    group: 'Answers:',
  },
  { flag: '--system', type: 'string', help: 'system message for prompts that have none', group: 'Answers:' },
  { flag: '--seed', type: 'integer', default: 0, help: 'of draws and intervals', group: 'Answers:' },
  {
    flag: '--key-variable',
    type: 'string',
    help: 'environment variable with the key of contestants behind an address',
    group: 'Answers:',
  },
  {
    flag: '--export-people',
    type: 'string',
    help: 'write a blind .jsonl file for people to fill in, and judge nothing',
    group: 'People:',
  },
  {
    flag: '--people',
    type: 'texts',
    help: 'blind files that were filled in; each annotator is a judge',
    group: 'People:',
  },
  { flag: '--min-agreement', type: 'number', help: 'share of judges that a verdict needs (without it any majority)' },
  ...JUDGE_OPTIONS,
  {
    flag: '--measure',
    type: 'integer',
    default: 50,
    help: 'prompts on which models are measured beside the first one (KL, entropy, ...), drawn at temperature 1; 0: none',
    group: 'Measured with:',
  },
  ...MEASURE_OPTIONS,
  { flag: '--batch-size', type: 'integer', default: 8, help: 'prompts answered together', group: 'Machine:' },
  { flag: '--device', type: ['cpu', 'webgpu', 'cuda'], default: 'cpu', help: 'where models run', group: 'Machine:' },
  { flag: '--threads', type: 'integer', help: "threads of the cpu; default: the machine's cores", group: 'Machine:' },
];

/** `preftune compare`: which of several models answers better, by judges, with what can be said for sure. */
export const COMPARE: Command = {
  name: 'compare',
  description: 'Compares models by their answers: win rates with intervals, a verdict, a report',
  arguments: [
    {
      name: 'contestants',
      help: 'models, MODEL+ADAPTER, run folders (RUN@step-N: a checkpoint), https://host/v1#model, or .jsonl files of answers; the first is what the others are compared with; a run folder alone meets what it began from; NAME= before one names it',
      isRequired: true,
      isVariadic: true,
    },
  ],
  options: OPTIONS,
  takesConfig: true,
  run,
};

async function run(context: CommandContext): Promise<void> {
  checkUsage(context);
  const { args, options, terminal } = context;
  const output = options['output'] as string;
  const contestants = parseContestants(args);
  checkMeasuring(contestants, context);
  const specifications = asksJudges(context) ? judgesOf(context, 'compare') : [];
  const prompts = await promptsOf(context);
  const inputs = await readMeasureInputs(context);
  const drawing = drawingOf(context, await locateContestants(contestants, context));
  mkdirSync(join(output, 'answers'), { recursive: true });
  const seed = blindSeed(output);
  const answers = await collectAnswers(contestants, prompts, { drawing, context });
  const names = contestants.map(({ name }) => name);
  const meetings = { prompts, samples: options['samples'] as number, pairs: pairsOf(names) };
  const all = meetingsOf(meetings);
  const people = [options['people'] ?? []].flat().map(String);
  if (typeof options['exportPeople'] === 'string') {
    const rows = blindRows(all, { answers, seed });
    writeFileAtomic(options['exportPeople'], rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    terminal.close();
    terminal.result(
      { file: options['exportPeople'], rows: rows.length },
      `${rows.length} blind comparisons: ${options['exportPeople']}\nfill in the field verdict (first, second or tie), then run the same command with --people FILE`,
    );
    return;
  }
  const bars = createBars(context);
  const opened = specifications.length === 0 ? undefined : await openCommandJudges(specifications, context, {});
  try {
    const persons = people.length === 0 ? [] : readPeople(people, { meetings: all, seed });
    const judges = [...(opened?.judges ?? []), ...persons];
    const judge = createJury(judges, options['minAgreement'] as number | undefined);
    const matches = await play(judge, { ...meetings, answers, output, context, bars, opened });
    const { measured, notMeasured } = await measure(contestants, { prompts, inputs, drawing, context, bars });
    const stories = readRunStories(contestants);
    terminal.close();
    const standings = standingsOf(matches, { names, answers, seed: options['seed'] as number });
    const value = valueOf({ contestants, judges, prompts, standings, measured, notMeasured, stories });
    for (const { name, reason } of notMeasured) terminal.note(`${name}: not measured beside ${names[0]}: ${reason}`);
    writeFileAtomic(join(output, 'comparison.json'), `${JSON.stringify(value, null, 2)}\n`);
    writeReport(output, { context, contestants, prompts, answers, matches, standings, judges, measured, stories });
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

function asksJudges({ given }: CommandContext): boolean {
  return (
    given['judges'] !== undefined ||
    given['judgeModel'] !== undefined ||
    (given['people'] === undefined && given['exportPeople'] === undefined)
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

async function promptsOf(context: CommandContext): Promise<Prompt[]> {
  const { options } = context;
  const found: Prompt[] = [];
  for (const source of await locateData([options['prompts'] as string], context))
    found.push(...(await readPrompts(source)));
  const byContent = new Map(found.map((prompt) => [JSON.stringify(prompt.content), prompt]));
  const prompts = [...byContent.values()].slice(0, options['maxPrompts'] as number);
  const ids = new Set<string>();
  return prompts.map((prompt, i) => {
    const id = ids.has(prompt.id) ? `${prompt.id}#${i + 1}` : prompt.id;
    ids.add(id);
    return { ...prompt, id };
  });
}

async function collectAnswers(
  contestants: readonly Contestant[],
  prompts: readonly Prompt[],
  { drawing, context }: { readonly drawing: DrawingOptions; readonly context: CommandContext },
): Promise<ReadonlyMap<string, Answers>> {
  const { options, environment } = context;
  const bars = createBars(context);
  const answers = new Map<string, Answers>();
  // Files first: what is wrong with them should not be told after minutes of drawing.
  for (const contestant of contestants.toSorted((a, b) => Number(b.kind === 'answers') - Number(a.kind === 'answers')))
    answers.set(
      contestant.name,
      await answersOf(contestant, prompts, {
        ...drawing,
        samples: options['samples'] as number,
        temperature: options['temperature'] as number,
        topP: options['topP'] as number,
        concurrency: Number(options['concurrency'] ?? 8),
        apiKey: environment[String(options['keyVariable'] ?? 'OPENAI_API_KEY')],
        onProgress: (done, total) => bars.of(contestant.name).update({ done, total, unit: 'rows' }),
      }),
    );
  return answers;
}

function drawingOf({ options, terminal, signal }: CommandContext, resolve: DrawingOptions['resolve']): DrawingOptions {
  return {
    folder: options['output'] as string,
    maxNewTokens: options['maxNewTokens'] as number,
    seed: options['seed'] as number,
    system: options['system'] as string | undefined,
    batchSize: options['batchSize'] as number,
    device: options['device'] as DeviceName,
    threads: options['threads'] as number | undefined,
    resolve,
    onWarning: terminal.warn,
    signal,
  };
}

/** Looks for every model, adapter and file before anything is drawn; the paths of models. Throws bad-input with all that are not there. */
async function locateContestants(
  contestants: readonly Contestant[],
  context: CommandContext,
): Promise<(model: string) => Promise<string>> {
  const problems: Problem[] = [];
  const paths = new Map<string, string>();
  for (const contestant of contestants) {
    if (contestant.kind === 'endpoint') continue;
    try {
      if (contestant.kind === 'model' && !paths.has(contestant.model))
        paths.set(contestant.model, (await locateModel(contestant.model, context)).path);
    } catch (thrown) {
      if (!(thrown instanceof PreftuneError) || thrown.code !== 'bad-input') throw thrown;
      problems.push(...thrown.problems);
    }
    const file =
      contestant.kind === 'answers'
        ? contestant.file
        : contestant.adapter && join(contestant.adapter, 'adapter_config.json');
    if (file !== undefined && !existsSync(file))
      problems.push({ file, message: `${contestant.name} needs this file, it does not exist; check the path` });
  }
  if (problems.length > 0) throw badInput(problems);
  return async (model) => paths.get(model)!;
}

interface PlayOptions {
  readonly prompts: readonly Prompt[];
  readonly samples: number;
  readonly pairs: readonly (readonly [string, string])[];
  readonly answers: ReadonlyMap<string, Answers>;
  readonly output: string;
  readonly context: CommandContext;
  readonly bars: { of(label: string): ProgressBar };
  readonly opened: OpenedJudges | undefined;
}

/** Judges with the judgements of the same judges from before. */
async function play(judge: Judge, options: PlayOptions): Promise<ContestantMatch[]> {
  const { output, context, bars } = options;
  const slug = createHash('sha256').update(judge.identity).digest('hex').slice(0, 12);
  try {
    return await playMatches({
      ...options,
      judge,
      path: join(output, `judgements-${slug}.jsonl`),
      concurrency: Number(context.options['concurrency'] ?? 8),
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
  readonly context: CommandContext;
  readonly bars: { of(label: string): ProgressBar };
}

function measure(
  contestants: readonly Contestant[],
  { prompts, inputs: { texts, ...inputs }, drawing, context, bars }: MeasureParts,
): ReturnType<typeof measureContestants> {
  const { options } = context;
  return measureContestants(contestants, {
    ...drawing,
    ...inputs,
    texts: texts && { sources: texts, state: stateOfSources(texts) },
    prompts: prompts.slice(0, options['measure'] as number),
    hasFrontier: options['frontier'] === true,
    onProgress: (name, what, done, total) => bars.of(`${name}: ${what}`).update({ done, total, unit: 'rows' }),
  });
}

function createBars({ terminal }: CommandContext): { of(label: string): ProgressBar } {
  let bar: { readonly label: string; readonly progress: ProgressBar } | undefined;
  return {
    of(label) {
      if (bar?.label !== label) bar = { label, progress: terminal.progress(label) };
      return bar.progress;
    },
  };
}

const MEASURING = ['measure', 'texts', 'facts', 'instructions', 'frontier'] as const;

/** Refuses what can measure none of these contestants. */
function checkMeasuring([first, ...others]: readonly Contestant[], { given, options }: CommandContext): void {
  const problems: Problem[] = [];
  const hasModels = first?.kind === 'model' && others.some(({ kind }) => kind === 'model');
  for (const path of MEASURING)
    if (given[path] !== undefined && !hasModels)
      problems.push({
        path,
        message: `compare: --${path} has no effect here, since models are measured beside a first contestant that is a model; leave it out, or name a model first`,
      });
  const hasRun = others.some((one) => one.kind === 'model' && one.run !== undefined);
  if (hasModels && options['frontier'] === true && !hasRun)
    problems.push({ path: 'frontier', message: 'compare: --frontier needs a run folder behind the first contestant' });
  if (problems.length > 0) throw badUsage(problems);
}

/** What the combination of options rules out, all of it. */
function checkUsage({ options, given }: CommandContext): void {
  const problems: Problem[] = [];
  const fail = (path: string, message: string): void => void problems.push({ path, message: `compare: ${message}` });
  if (options['temperature'] === 0) {
    if (Number(options['samples']) > 1)
      fail(
        'samples',
        '--samples has no effect with --temperature 0, which draws the same each time; give a temperature',
      );
    if (given['topP'] !== undefined) fail('topP', '--top-p has no effect with --temperature 0, which draws nothing');
  }
  if (given['exportPeople'] !== undefined)
    for (const path of ['people', 'judges', 'judgeModel', ...MEASURING])
      if (given[path] !== undefined)
        fail(path, `--export-people judges and measures nothing; leave ${flagOf(path)} out, or --export-people`);
  for (const [path, flag] of [
    ['maxPrompts', '--max-prompts'],
    ['samples', '--samples'],
    ['maxNewTokens', '--max-new-tokens'],
    ['batchSize', '--batch-size'],
    ['threads', '--threads'],
  ] as const) {
    const value = options[path];
    if (typeof value === 'number' && value < 1) fail(path, `${flag} must be at least 1, got ${value}`);
  }
  if (Number(options['measure']) < 0)
    fail('measure', `--measure must be at least 0, got ${Number(options['measure'])}`);
  if (options['measure'] === 0 && options['frontier'] === true)
    fail('frontier', '--frontier has no effect with --measure 0, which draws nothing; leave one out');
  if (!(Number(options['temperature']) >= 0))
    fail('temperature', `--temperature must be at least 0, got ${String(options['temperature'])}`);
  if (problems.length > 0) throw badUsage(problems);
  if (existsSync(String(options['output'])) && existsSync(join(String(options['output']), 'run.json')))
    throw badInput({
      file: String(options['output']),
      path: 'output',
      message: 'the output folder holds a run; choose another --output',
    });
}
