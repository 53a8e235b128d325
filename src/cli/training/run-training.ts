import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PreftuneError, runFailed, shellCommand, type JsonObject, type JsonValue } from '../../core/index.ts';
import { checksSentence, findingText, samplesSentence } from '../../monitor/index.ts';
import { checkTrainingData } from '../../reliability/index.ts';
import { valuesOf, type GivenOptions } from '../../options/index.ts';
import { resumedOptions, SCHEMAS, type DpoSpecification, type SftSpecification } from '../../specification/index.ts';
import {
  accuracyIntervalText,
  heldOutDoubts,
  type BestStanding,
  type Metrics,
  type PlanOptions,
  type RecipeContext,
  type RecipeListener,
  type RecipeResult,
  type RunPlan,
  type RunSampler,
  type SampledPrompt,
} from '../../train/index.ts';
import type { CommandContext } from '../frame/command.ts';
import { duration, fixed, sizeText, trainingFigures, type ProgressBar } from '../frame/progress.ts';
import { nextLines } from '../frame/next-lines.ts';
import type { Terminal } from '../frame/terminal.ts';
import { nextCommands } from './next-commands.ts';
import { planLines, timeText } from './plan-text.ts';
import { recipeContext } from './recipe-context.ts';
import { createReportSampler } from './report-sampler.ts';
import { tellTokenisation } from '../token-notes.ts';
import { autoOf, monitorOf, type RunOptions } from './training-options.ts';

export interface Training<T> {
  readonly recipe: 'dpo' | 'sft';
  readonly specification: T;
  readonly train: (specification: T, context: RecipeContext) => Promise<RecipeResult>;
  /** What --dry-run does instead. */
  readonly plan: (specification: T, context: RecipeContext, options: PlanOptions) => Promise<RunPlan>;
}

/** The options that are meant: a run that is resumed knows its own. Throws bad-input where other ones are given. */
export function resumedGiven(recipe: 'dpo' | 'sft', given: GivenOptions): GivenOptions {
  const { output, resume } = given;
  if (resume !== true || typeof output !== 'string') return given;
  const own = valuesOf(given, SCHEMAS[recipe].shape) as JsonObject;
  return { ...given, ...resumedOptions(output, recipe, own) };
}

/**
 * Trains as the options say, tells how it goes, and prints where the results are. Throws cancelled, after a checkpoint, when the signal fires,
 * with the command that continues.
 */
export async function runTraining<T extends DpoSpecification | SftSpecification>(
  { recipe, specification, train, plan }: Training<T>,
  options: RunOptions & { readonly referenceCache?: string | undefined },
  context: CommandContext,
): Promise<void> {
  const { terminal } = context;
  const { resume: isResuming, showTokens, referenceCache } = options;
  const listener = createListener(terminal, showTokens);
  let hasTemplate: boolean | undefined;
  const recipeOptions = {
    ...recipeContext(context, { listener, isResuming, referenceCache }),
    checkData: checkTrainingData,
    monitor: monitorOf(options),
    auto: autoOf(options, context.given),
    samplePrompts: (prompts: readonly SampledPrompt[]) => {
      const sampler = createReportSampler(prompts, { signal: context.signal, onNote: terminal.note });
      const answer: RunSampler['answer'] = (session, limits) => {
        hasTemplate = session.tokenizer.chatTemplate !== undefined;
        return sampler.answer(session, limits);
      };
      return { ...sampler, answer };
    },
  } satisfies RecipeContext;
  if (options.dryRun) {
    tellPlan(terminal, await plan(specification, recipeOptions, { measures: options.timed }));
    return;
  }
  const result = await train(specification, recipeOptions);
  terminal.close();
  if (!result.isComplete) {
    const where =
      result.steps === 0
        ? `before step 1 of ${result.totalSteps}`
        : `after step ${result.steps} of ${result.totalSteps}, which is saved${artefactText(result)}`;
    const { stoppedBy } = result;
    const resume = shellCommand([recipe, '--output', result.run, '--resume']);
    if (stoppedBy !== undefined)
      throw runFailed(
        `${recipe}: stopped ${where}, because ${stoppedBy.title} (${stoppedBy.name}): ${stoppedBy.evidence}; ` +
          `${stoppedBy.advice}; or continue all the same with: ${resume}`,
      );
    throw new PreftuneError('cancelled', `${recipe}: stopped ${where}; continue with: ${resume}`);
  }
  const next = nextCommands(result, { specification, hasTemplate });
  terminal.result(summaryValue(result), [summaryText(result), ...nextLines(next, terminal.columns)].join('\n'));
}

/** The plan as the result. Throws run-failed with all that would stop the run. */
export function tellPlan(terminal: Terminal, plan: RunPlan): void {
  terminal.close();
  terminal.result(JSON.parse(JSON.stringify(plan)) as JsonValue, planLines(plan).join('\n'));
  if (plan.problems.length > 0) throw runFailed([...plan.problems]);
}

/** What the artefact of a run that was stopped holds. */
function artefactText({ artefact, outcome }: RecipeResult): string {
  if (artefact === undefined || outcome === undefined) return '';
  const { step, choice } = outcome.artefact;
  return choice === 'best' ? `; ${artefact} is step ${step}, the best so far` : ` and is what ${artefact} holds`;
}

/** Shows a run as it goes: bars and notes. */
export function createListener(terminal: Terminal, showsTokens: boolean): RecipeListener {
  let bar: { readonly label: string; readonly progress: ProgressBar } | undefined;
  const barOf = (label: string, hasOwnEvents = true): ProgressBar => {
    if (bar?.label !== label) bar = { label, progress: terminal.progress(label, { hasOwnEvents }) };
    return bar.progress;
  };
  const finish = (): void => {
    bar = undefined;
    terminal.close();
  };
  return {
    onNote: terminal.note,
    onWarning: terminal.warn,
    onLoad: (what) => {
      finish();
      if (what !== undefined) terminal.activity(what);
    },
    onRowsRead: (rows) => barOf('read', false).update({ done: rows, total: undefined, unit: 'rows' }),
    onRowsChecked: (rows) => barOf('check', false).update({ done: rows, total: undefined, unit: 'rows' }),
    onDataFinding: (text) => {
      finish();
      terminal.warn(`data: ${text}`);
    },
    onTokenised: (split, report) => {
      finish();
      const name = split === 'train' ? 'training data' : 'held-out data';
      tellTokenisation(terminal, { name, report, isWhole: showsTokens });
    },
    onPlan: (plan) => {
      finish();
      terminal.event({ event: 'plan', plan: { ...plan } });
      for (const line of planLines(plan)) terminal.note(line);
      // What memory lacks ends the run at once.
      for (const { message } of plan.problems) if (message.startsWith('disk:')) terminal.warn(message);
    },
    onEstimate: (estimate) => {
      terminal.event({ event: 'estimate', estimate: { ...estimate } });
      terminal.note(`time:    ${timeText(estimate)}`);
    },
    onReference: (done, total) => {
      terminal.event({ event: 'reference', done, total });
      barOf('reference').update({ done, total, unit: 'rows' });
      if (done === total) finish();
    },
    onStart: (done, total) => {
      finish();
      terminal.event({ event: 'start', done, total });
      if (done > 0) terminal.note(`resuming after step ${done} of ${total}`);
    },
    onStep: ({ step, totalSteps, epoch, metrics }) => {
      terminal.event({ event: 'step', step, totalSteps, epoch, metrics: finiteOrNull(metrics) });
      barOf('train').update({ done: step, total: totalSteps, figures: figuresOf(metrics) });
    },
    onEvaluation: (step, metrics, standing) => {
      const isBest = standing?.isBest === true;
      terminal.event({ event: 'evaluation', step, metrics: finiteOrNull(metrics), isBest });
      terminal.note(`step ${step}: held-out ${evaluationText(metrics)}${standingText(standing)}`);
    },
    onCheckpoint: (step) => {
      terminal.event({ event: 'checkpoint', step });
      terminal.note(`step ${step}: checkpoint saved`);
    },
    onSample: ({ prompt, before, after }) => terminal.event({ event: 'sample', prompt, before, after }),
    onFinding: (finding) => {
      terminal.event({ event: 'finding', finding: { ...finding } });
      if (!terminal.isJson) terminal.warn(findingText(finding));
    },
  };
}

/** As metrics.jsonl has them. */
function finiteOrNull(metrics: Metrics): Record<string, number | null> {
  return Object.fromEntries(
    Object.entries(metrics).map(([name, value]) => [name, Number.isFinite(value) ? value : null]),
  );
}

function figuresOf(metrics: Metrics) {
  const [loss, accuracy, margin, speed] = ['loss', 'rewards/accuracies', 'rewards/margins', 'tokens_per_second'].map(
    (name) => metrics[name],
  );
  return trainingFigures({
    ...(loss === undefined ? {} : { loss }),
    ...(accuracy === undefined ? {} : { accuracy }),
    ...(margin === undefined ? {} : { margin }),
    ...(speed === undefined ? {} : { tokensPerSecond: speed }),
  });
}

function bracketed(text: string | undefined): string {
  return text === undefined ? '' : ` (${text})`;
}

/** `loss 0.6931, accuracy 0.50 (95 %: 24-76 %, 10 pairs), margin 0.000`. */
function evaluationText(metrics: Metrics): string {
  const { loss, 'rewards/accuracies': accuracy, 'rewards/margins': margin } = metrics;
  return [
    `loss ${loss!.toFixed(4)}`,
    ...(accuracy === undefined ? [] : [`accuracy ${accuracy.toFixed(2)}${bracketed(accuracyIntervalText(metrics))}`]),
    ...(margin === undefined ? [] : [`margin ${fixed(margin, 3)}`]),
  ].join(', ');
}

/** Where it counts: how long it did not get better. */
function standingText(standing: BestStanding | undefined): string {
  const { isBest = false, withoutImprovement = 0, patience } = standing ?? {};
  if (isBest) return ' (best so far)';
  if (patience === undefined || withoutImprovement === 0) return '';
  return ` (no better for ${withoutImprovement} of ${patience} evaluations)`;
}

function summaryValue(result: RecipeResult): JsonValue {
  const { run, steps, totalSteps, artefact, outcome, firstEvaluation, lastEvaluation, lastStep } = result;
  return {
    run,
    steps,
    totalSteps,
    isEarly: outcome?.isEarly === true,
    artefact: artefact ?? null,
    artefactStep: outcome?.artefact.step ?? null,
    best: outcome?.best === undefined ? null : { ...outcome.best },
    metrics: join(run, 'metrics.jsonl'),
    report: join(run, 'report.html'),
    tensorboard: join(run, 'tensorboard'),
    lastStep: lastStep ?? null,
    took: JSON.parse(JSON.stringify(result.took)) as JsonValue,
    verdict: result.verdict as unknown as JsonValue,
    heldOut: firstEvaluation === undefined ? null : { start: firstEvaluation, end: lastEvaluation! },
  };
}

function summaryText(result: RecipeResult): string {
  const { run, steps, totalSteps, artefact, firstEvaluation: start, lastStep, outcome, choice } = result;
  const end = result.artefactEvaluation ?? result.lastEvaluation;
  const isAdapter = artefact?.endsWith('adapter') === true;
  const change = (name: string, digits: number): string =>
    `${fixed(start![name]!, digits)} -> ${fixed(end![name]!, digits)}`;
  const measured = (label: string, name: string, digits: number): string[] =>
    start?.[name] === undefined || end?.[name] === undefined ? [] : [`${label} ${change(name, digits)}`];
  const heldOut = [
    ...measured('accuracy', 'rewards/accuracies', 2).map((text) => `${text}${bracketed(accuracyIntervalText(end!))}`),
    ...measured('margin', 'rewards/margins', 3),
    ...measured('loss', 'loss', 4),
  ];
  return [
    `done: ${steps} ${outcome?.isEarly === true ? `of ${totalSteps} ` : ''}${steps === 1 ? 'step' : 'steps'}${outcome?.isEarly === true ? ', ended early' : ''}${lastStep?.['loss'] === undefined ? '' : `, last loss ${lastStep['loss'].toFixed(4)}`}`,
    ...(heldOut.length === 0 ? [] : [`held out: ${heldOut.join(', ')}`]),
    ...(start === undefined ? [] : heldOutDoubts(start, end!).map((doubt) => `          ${doubt}`)),
    ...(choice === undefined ? [] : [`best:     ${choice}`]),
    ...(result.verdict.findings.length === 0 ? [] : [`verdict:  ${checksSentence(result.verdict)}`]),
    ...(result.verdict.samples === undefined ? [] : [`samples:  ${samplesSentence(result.verdict.samples)}`]),
    `${isAdapter ? 'adapter' : 'model'}:  ${artefact}`,
    `report:   ${join(run, 'report.html')}`,
    `metrics:  ${join(run, 'metrics.jsonl')}${existsSync(join(run, 'tensorboard')) ? ` (TensorBoard: ${join(run, 'tensorboard')})` : ''}`,
    `took:     ${tookText(result.took)}`,
  ].join('\n');
}

/** What happened beside what was said after the first step. */
function tookText({ seconds, planned, peakBytes, plannedPeakBytes }: RecipeResult['took']): string {
  const time =
    planned === undefined ? '' : ` (the first step said ${duration(planned.from)} to ${duration(planned.to)})`;
  const memory =
    peakBytes === undefined ? '' : `, ${sizeText(peakBytes)} at most (planned ${sizeText(plannedPeakBytes)})`;
  return `${duration(seconds)}${time}${memory}`;
}
