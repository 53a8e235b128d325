import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  badInput,
  badInputProblems,
  localTimeOf,
  messageOf,
  PreftuneError,
  problemsOf,
  runFailed,
  type Problem,
  type JsonObject,
  type JsonValue,
  shellCommand,
  wrap,
} from '../../core/index.ts';
import { checkRunFolder, readMetrics, readRunFile, RUN_FILE } from '../../store/index.ts';
import { writeFileAtomic } from '../../files/index.ts';
import { renderSweepReport } from '../../report/index.ts';
import {
  parseDpoSpecification,
  planSweep,
  resumedOptions,
  SCHEMAS,
  type SweepPlan,
  type SweepPoint,
} from '../../specification/index.ts';
import { accuracyText } from '../../statistics/index.ts';
import { flagOf, typedText, valuesOf } from '../../options/index.ts';
import { groupOutcomes, sweepFigures, type SweepGroup, type SweepOutcome } from '../../evaluate/index.ts';
import { checkTrainingData } from '../../reliability/index.ts';
import { HELD_OUT_FILE, planDpo, trainDpo, type RunPlan } from '../../train/index.ts';
import { defineCommand, type CommandContext } from '../frame/command.ts';
import { nextLines } from '../frame/next-lines.ts';
import { sweepPlan } from './plan-text.ts';
import { recipeContext, versions } from './recipe-context.ts';
import { createReportSampler } from './report-sampler.ts';
import { nextCommands } from './next-commands.ts';
import { createListener } from './run-training.ts';
import { continuedOptions, readGrid, SWEEP_GROUPS, SWEEP_SCHEMA, type SweepCommandOptions } from './sweep-options.ts';
import { sweepTable } from './sweep-table.ts';

/** `preftune sweep`: a grid of dpo runs, one after the other, and one report of them all. */
export const SWEEP = defineCommand({
  name: 'sweep',
  hasEvents: true,
  description:
    'Trains a grid of dpo runs, such as several betas and learning rates, and compares them on held-out pairs',
  takesConfig: true,
  groups: SWEEP_GROUPS,
  examples: [
    {
      does: 'three betas, each with two learning rates',
      words:
        '--model HuggingFaceTB/SmolLM2-135M-Instruct --data pairs.jsonl --held-out-fraction 0.2 --beta 0.05,0.1,0.3 --lr 2e-5,5e-5 --output sweep',
    },
    {
      does: 'two losses',
      words:
        '--model HuggingFaceTB/SmolLM2-135M-Instruct --data pairs.jsonl --held-out-fraction 0.2 --objective sigmoid --objective ipo --output sweep-losses',
    },
  ],
  options: SWEEP_SCHEMA,
  complete(given) {
    const { output, resume } = given;
    if (resume !== true || typeof output !== 'string') return given;
    const stored = readSweepFile(output);
    const runs = valuesOf(given, SCHEMAS.dpo.shape) as JsonObject;
    return { ...given, ...continuedOptions(stored.given, runs, stored.axes) };
  },
  check: (options, { given }) => problemsOf(() => planOf(options, given)),
  run,
});

const SWEEP_FILE = 'sweep.json';
const FORMAT_VERSION = 1;

/** What a sweep began with. */
interface SweepRecord {
  /** Options as they were given. */
  readonly given: JsonObject;
  /** Paths of the options with several values. */
  readonly axes: readonly string[];
  /** The local time at which it began, which chat templates print in all of its runs. */
  readonly began: string;
}

async function run(options: SweepCommandOptions, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const { output, sort } = options;
  const { plan, record } = planOf(options, context.given);
  checkStarted(plan.points);
  if (options.dryRun) return planPoints(plan.points, { options, context, began: record.began });
  const isNew = !existsSync(join(output, SWEEP_FILE));
  mkdirSync(output, { recursive: true });
  writeFileAtomic(
    join(output, SWEEP_FILE),
    `${JSON.stringify({ formatVersion: FORMAT_VERSION, ...record }, null, 2)}\n`,
  );
  const outcomes: SweepOutcome[] = [];
  const { began } = record;
  const checkData = createDataCheck();
  try {
    for (const [at, point] of plan.points.entries()) {
      const place = `run ${at + 1} of ${plan.points.length}`;
      const wasFinished = isFinished(point);
      terminal.note(`${place}: ${point.name}${wasFinished ? ' was finished before' : ''}`);
      const failure = wasFinished
        ? undefined
        : await trainPoint(point, { options, context, began, isFirst: at === 0, checkData });
      outcomes.push(outcomeOf(point, failure));
      if (failure !== undefined) terminal.warn(`${point.name} failed: ${failure}`);
      writeReport(output, { plan, outcomes, sort });
    }
  } catch (thrown) {
    if (isNew && thrown instanceof PreftuneError && thrown.code === 'bad-input') removeEmpty(output, plan.points);
    throw thrown;
  }
  terminal.close();
  const groups = groupOutcomes(outcomes, sort);
  const text = summaryText(output, groups, { plan, sort, columns: terminal.columns });
  terminal.result(summaryValue(output, groups, outcomes), text);
  const failed = outcomes.filter(({ failure }) => failure !== undefined);
  if (failed.length > 0)
    throw runFailed(
      `sweep: ${failed.length} of ${outcomes.length} runs failed: ${failed.map(({ name }) => name).join(', ')}; the warnings above say why, and --resume tries them again`,
    );
}

function folderOf({ given }: SweepPoint): string {
  return String(given['output']);
}

/** The grid of the command, or of the sweep that it continues. Throws bad-input with all that is wrong with it. */
function planOf(
  { output, resume, maxRuns }: SweepCommandOptions,
  given: CommandContext['given'],
): { plan: SweepPlan; record: SweepRecord } {
  if (!resume) {
    if (existsSync(join(output, SWEEP_FILE)))
      throw badInput({
        file: output,
        path: 'output',
        message:
          'the output folder must be new or empty, got one that holds a sweep; pass --resume to continue it or choose another --output',
      });
    checkRunFolder(output, false);
  }
  const runs = valuesOf(given, SCHEMAS.dpo.shape);
  const grid = readGrid(runs, resume ? readSweepFile(output).axes : []);
  const plan = planSweep({ ...grid, maxRuns, folderOf: (name) => join(output, name) });
  const began = resume ? readSweepFile(output).began : localTimeOf(new Date());
  return { plan, record: { given: runs as JsonObject, axes: grid.axes.map(({ path }) => path), began } };
}

function readSweepFile(output: string): SweepRecord {
  const file = join(output, SWEEP_FILE);
  if (!existsSync(file))
    throw badInput({
      file: output,
      message: `must hold a sweep, got no ${SWEEP_FILE}; leave out --resume to start a new one`,
    });
  try {
    const value = JSON.parse(readFileSync(file, 'utf8')) as SweepRecord & { formatVersion?: number };
    if (value.formatVersion !== FORMAT_VERSION || typeof value.given !== 'object' || !Array.isArray(value.axes))
      throw badInput({
        file,
        message: `formatVersion must be ${FORMAT_VERSION}, got ${String(value.formatVersion)}; use the version of preftune that wrote it`,
      });
    // A sweep of an earlier version does not say it.
    return { given: value.given, axes: value.axes, began: value.began ?? localTimeOf(new Date()) };
  } catch (error) {
    if (error instanceof PreftuneError) throw error;
    throw badInput({ file, message: `must be JSON, got ${messageOf(error)}; restore it or start a new sweep` });
  }
}

/** Throws bad-input with every option in which a run that is there already differs from the grid's. */
function checkStarted(points: readonly SweepPoint[]): void {
  const problems: Problem[] = [];
  for (const point of points.filter((one) => existsSync(join(folderOf(one), RUN_FILE)))) {
    try {
      resumedOptions(folderOf(point), 'dpo', point.given as JsonObject);
    } catch (thrown) {
      problems.push(...badInputProblems(thrown));
    }
  }
  if (problems.length > 0) throw badInput(problems);
}

/** A run that ends writes its artefact, then run.json, then its report. One that is stopped does so too, and its run.json says that it is not complete. */
function isFinished(point: SweepPoint): boolean {
  const folder = folderOf(point);
  if (!existsSync(join(folder, RUN_FILE)) || !existsSync(join(folder, 'report.html'))) return false;
  const { outcome, specification } = readRunFile(folder);
  if (outcome?.isComplete !== true) return false;
  // Given anew: another artefact, or more patience for a run that had ended.
  const { loadBest, earlyStoppingPatience: patience } = point.given;
  if (loadBest !== undefined && loadBest !== specification['loadBest']) return false;
  return !outcome.isEarly || patience === undefined || patience === specification['earlyStoppingPatience'];
}

/** Trains a run, or goes on with it. Resolves with why it failed, where that says nothing about the other runs. */
async function trainPoint(
  point: SweepPoint,
  {
    options,
    context,
    began,
    isFirst,
    checkData,
  }: {
    options: SweepCommandOptions;
    context: CommandContext;
    began: string;
    isFirst: boolean;
    checkData: typeof checkTrainingData;
  },
): Promise<string | undefined> {
  const { terminal, signal } = context;
  const { output, showTokens, referenceCache } = options;
  const folder = folderOf(point);
  const isResuming = existsSync(join(folder, RUN_FILE));
  const specification = isResuming
    ? parseDpoSpecification(resumedOptions(folder, 'dpo', point.given as JsonObject))
    : point.specification;
  const { onTokenised, onDataFinding, onPlan, ...listener } = createListener(terminal, showTokens);
  try {
    const result = await trainDpo(specification, {
      // The rows are the same in every run: how they become tokens is told once.
      ...recipeContext(context, {
        listener: {
          ...listener,
          ...(isFirst && {
            ...(onTokenised && { onTokenised }),
            ...(onDataFinding && { onDataFinding }),
            ...(onPlan && { onPlan }),
          }),
        },
        isResuming,
        referenceCache,
      }),
      now: () => began,
      checkData,
      samplePrompts: (prompts) => createReportSampler(prompts, { signal, onNote: terminal.note }),
    });
    if (!result.isComplete) throw stopped(output);
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof PreftuneError)) throw thrown;
    if (thrown.code === 'cancelled') throw stopped(output);
    if (thrown.code === 'run-failed') return thrown.message;
    throw thrown;
  }
}

/** checkTrainingData, done once for rows that are split alike. */
function createDataCheck(): typeof checkTrainingData {
  const known = new Map<string, ReturnType<typeof checkTrainingData>>();
  return (sources, options) => {
    const heldOut = [...(options.heldOutPrompts ?? [])].reduce((sum, hash) => sum + hash, 0);
    const key = `${options.rows} ${heldOut}`;
    const check = known.get(key) ?? checkTrainingData(sources, options);
    known.set(key, check);
    return check;
  };
}

/** The plans of all runs that are not finished; the first is measured, and the others are scaled by what their steps read. */
async function planPoints(
  points: readonly SweepPoint[],
  { options, context, began }: { options: SweepCommandOptions; context: CommandContext; began: string },
): Promise<void> {
  const { terminal } = context;
  const plans: { readonly name: string; readonly plan: RunPlan }[] = [];
  for (const { name, specification } of points.filter((point) => !isFinished(point))) {
    const isFirst = plans.length === 0;
    const listener = createListener(terminal, options.showTokens);
    const { onWarning = () => {}, onLoad = () => {} } = listener;
    const plan = await planDpo(
      specification,
      {
        // The rows are the same in every run: what is said of them is said once.
        ...recipeContext(context, {
          listener: isFirst ? listener : { onWarning, onLoad },
          referenceCache: options.referenceCache,
        }),
        now: () => began,
        samplePrompts: (prompts) => createReportSampler(prompts, { signal: context.signal, onNote: terminal.note }),
      },
      { measures: isFirst },
    );
    plans.push({ name, plan });
  }
  terminal.close();
  const { text, value } = sweepPlan(plans, points.length);
  terminal.result(value, text);
  const problems = plans.flatMap(({ name, plan }) =>
    plan.problems.map((problem) => ({ ...problem, message: `${name}: ${problem.message}` })),
  );
  if (problems.length > 0) throw runFailed(problems);
}

function stopped(output: string): PreftuneError {
  return new PreftuneError(
    'cancelled',
    `sweep: stopped, what is trained is saved; continue with: ${shellCommand(['sweep', '--output', output, '--resume'])}`,
  );
}

function outcomeOf(point: SweepPoint, failure: string | undefined): SweepOutcome {
  const { name, values } = point;
  const folder = folderOf(point);
  if (failure !== undefined) return { name, values, folder, failure };
  // What is compared is what stays of a run: its last model, or its best one where that was asked for.
  const step = readRunFile(folder).outcome?.artefact.step;
  const figures = sweepFigures(readMetrics(join(folder, 'metrics.jsonl')), step);
  return figures === undefined
    ? { name, values, folder, failure: 'metrics.jsonl has no evaluation before and after training' }
    : { name, values, folder, figures, ...(step !== undefined && { step }) };
}

/** Takes back what a sweep wrote whose first run could not begin. */
function removeEmpty(output: string, points: readonly SweepPoint[]): void {
  if (points.some((point) => existsSync(folderOf(point)))) return;
  rmSync(join(output, SWEEP_FILE), { force: true });
  try {
    rmdirSync(output);
  } catch {
    // It holds something else.
  }
}

interface Shown {
  readonly plan: SweepPlan;
  readonly outcomes: readonly SweepOutcome[];
  readonly sort: SweepCommandOptions['sort'];
}

function writeReport(output: string, { plan, outcomes, sort }: Shown): void {
  const groups = groupOutcomes(outcomes, sort);
  const [first] = plan.points;
  const html = renderSweepReport({
    title: `Sweep ${output}`,
    subtitle: `${outcomes.length} of ${plan.points.length} runs of dpo on ${first!.specification.model}`,
    axes: plan.axes.filter(({ path }) => path !== 'seed').map(({ path }) => flagOf(path).slice(2)),
    sort,
    groups: groups.map(({ values, mean, spread, outcomes: runs }) => ({
      values: Object.values(values).map(typedText),
      ...(mean && { mean }),
      ...(spread && { spread }),
      runs: runs.map(({ name, folder, failure }) => ({
        name,
        ...(failure !== undefined && { failure }),
        hasReport: existsSync(join(folder, 'report.html')),
        metrics: existsSync(join(folder, 'metrics.jsonl')) ? readMetrics(join(folder, 'metrics.jsonl')) : [],
      })),
    })),
    configuration: JSON.parse(JSON.stringify(first!.specification)) as JsonObject,
    footer: Object.entries(versions())
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  });
  writeFileAtomic(join(output, 'report.html'), html);
}

function summaryValue(output: string, groups: readonly SweepGroup[], outcomes: readonly SweepOutcome[]): JsonValue {
  const value = {
    output,
    report: join(output, 'report.html'),
    best: groups[0]?.mean === undefined ? null : groups[0].outcomes.find(({ figures }) => figures)!.name,
    groups: groups.map(({ values, mean, spread, outcomes: runs }) => ({
      values,
      runs: runs.map(({ name }) => name),
      mean: mean ?? null,
      spread: spread ?? null,
    })),
    runs: outcomes.map(({ figures, failure, ...rest }) => ({
      ...rest,
      figures: figures ?? null,
      failure: failure ?? null,
    })),
  };
  return JSON.parse(JSON.stringify(value)) as JsonValue;
}

function summaryText(
  output: string,
  groups: readonly SweepGroup[],
  { plan, sort, columns }: Omit<Shown, 'outcomes'> & { readonly columns: number },
): string {
  const best = groups[0]?.outcomes.find(({ figures }) => figures !== undefined);
  const seeds = groups[0]?.outcomes.length ?? 1;
  const { accuracy = NaN, pairs = 0 } = groups[0]?.mean ?? {};
  const interval = accuracyText(accuracy, pairs);
  const { specification } = plan.points[0]!;
  const kept = best && join(best.folder, HELD_OUT_FILE);
  const heldOut = kept !== undefined && existsSync(kept) ? { heldOutFile: kept } : {};
  const next =
    best && nextCommands({ run: best.folder, samples: [], ...heldOut }, { specification, hasTemplate: undefined });
  return [
    `held out, at the ${specification.loadBest ? 'best' : 'last'} step of each run, best ${sort} first${seeds > 1 ? `; mean and standard deviation of ${seeds} seeds` : ''}:`,
    sweepTable(groups, columns),
    ...(interval === undefined
      ? []
      : wrap(`accuracy of the first: ${interval}; a difference within it is none`, columns)),
    `report:   ${join(output, 'report.html')}`,
    ...(next === undefined ? [] : nextLines(next, columns)),
  ].join('\n');
}
