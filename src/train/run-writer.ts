import { templateTimeOfRun } from '../policy/index.ts';
import { ADDED_LATER, MAY_DIFFER, PLACED } from '../specification/index.ts';
import {
  createRunFolder,
  MetricsFile,
  newestCheckpoint,
  pruneCheckpoints,
  readMetrics,
  readRunFile,
  removeCheckpointsAfter,
  resumeRunFolder,
  TensorboardEvents,
  type MetricRecord,
  type ResumeOptions,
  type RunFolder,
  type RunRecord,
  type StoredCheckpoint,
} from '../store/index.ts';
import { saveCheckpoint, type SavedTensors } from './checkpoint-files.ts';
import type { RecipeContext } from './context.ts';
import type { EvaluationDecision, LoopEvents, LoopProgress } from './loop/loop.ts';
import type { Metrics } from './loop/metrics.ts';
import { writeReport, type ReportParts } from './run-report.ts';
import type { Selection } from './selection.ts';
import type { Watch } from './watch.ts';

/** A run's folder while it is written: metrics, TensorBoard events, checkpoints, report. */
export interface RunWriter {
  readonly folder: RunFolder;
  /** The checkpoint to continue from, when resuming. */
  readonly checkpoint: StoredCheckpoint | undefined;
  /** The checkpoint's progress: an evaluation that was written after it is not owed. */
  continued(progress: LoopProgress): LoopProgress;
  readonly firstEvaluation: () => Metrics | undefined;
  readonly lastEvaluation: () => Metrics | undefined;
  readonly evaluationAt: (step: number) => Metrics | undefined;
  readonly lastStep: () => Metrics | undefined;
  /** `saved` is what checkpoints hold. */
  events(saved: SavedTensors, options: EventOptions): LoopEvents;
  report(parts: ReportParts): void;
  dispose(): void;
}

export interface EventOptions {
  readonly stepsPerEpoch: number;
  readonly keep: KeptSteps;
  readonly watch: Watch;
}

/** Paths of the reference, whose weights stand beside them. */
const REFERENCE_NAMES = ['reference.model', 'reference.adapter'];

/** Checkpoints that stay. */
export interface KeptSteps {
  /** So many of the newest. */
  readonly newest: number;
  readonly best: boolean;
}

export interface OpenRunOptions {
  readonly context: RecipeContext;
  /** Takes the evaluations, those that a resumed run has already among them; absent where nothing is held out. */
  readonly selection: Selection | undefined;
}

/** Creates the folder of a run, or takes up one that is resumed: what was written after its newest checkpoint goes. Throws bad-input for a folder that cannot be used. */
export function openRun(output: string, record: RunRecord, { context, selection }: OpenRunOptions): RunWriter {
  const folder = context.isResuming
    ? resumeRunFolder(output, record, {
        mayDiffer: [...MAY_DIFFER, ...PLACED, ...unsaidByRun(output)],
        namesMayDiffer: REFERENCE_NAMES,
        mayLack: ADDED_LATER,
        ...undatedRun(output, record),
      })
    : createRunFolder(output, record);
  for (const { path, before, after } of folder.versionDifferences)
    context.listener.onNote?.(`resuming with another ${path}: ${String(before)} before, ${String(after)} now`);
  const checkpoint = context.isResuming ? newestCheckpoint(output) : undefined;
  const resumeStep = context.isResuming ? (checkpoint?.step ?? -1) : undefined;
  if (resumeStep !== undefined) removeCheckpointsAfter(output, resumeStep);
  const resumption = resumeStep === undefined ? {} : { resumeStep };
  const metrics = new MetricsFile(folder.file('metrics.jsonl'), resumption);
  const tensorboard = new TensorboardEvents({ folder: folder.file('tensorboard'), ...resumption });
  const logged = context.isResuming ? readMetrics(folder.file('metrics.jsonl')) : [];
  const evaluations = new Map(
    logged.flatMap((one) => ('eval_loss' in one ? [[one.step, withoutPrefix(one)] as const] : [])),
  );
  for (const one of logged) if ('eval_loss' in one) selection?.add(one);
  const lastLogged = logged.findLast((one) => 'loss' in one);
  let lastStep = lastLogged && stepMetrics(lastLogged);
  return {
    folder,
    checkpoint,
    continued: ({ owesEvaluation = false, ...progress }) => ({
      ...progress,
      owesEvaluation: owesEvaluation && !logged.some((one) => one.step === progress.step && 'eval_loss' in one),
    }),
    firstEvaluation: () => [...evaluations.values()][0],
    lastEvaluation: () => [...evaluations.values()].at(-1),
    evaluationAt: (step) => evaluations.get(step),
    lastStep: () => lastStep,
    events: (saved, options) =>
      eventsOf({ output, metrics, tensorboard, context, selection }, saved, {
        ...options,
        onStepMetrics: (one) => (lastStep = one),
        onEvaluationMetrics: (step, one) => void evaluations.set(step, one),
      }),
    report: (parts) =>
      writeReport(
        { output, folder, record, versions: context.versions, evaluations: [...evaluations.values()] },
        parts,
      ),
    dispose: () => {
      metrics.dispose();
      tensorboard.dispose();
      folder.dispose();
    },
  };
}

/** For a run of an earlier version whose chat template prints the time: its tokenizer's identity held the day, and nothing else said it. */
function undatedRun(output: string, { specification }: RunRecord): Pick<ResumeOptions, 'unrecorded'> {
  const { templateTime } = specification;
  if (typeof templateTime !== 'string' || templateTimeOfRun(output).isRecorded) return {};
  const message =
    `--template-time must be the day on which the run began, which its version of preftune did not record, got ${templateTime.slice(0, 10)}; ` +
    'its chat template prints the time into every row, so give the day that these had';
  return {
    unrecorded: {
      paths: ['templateTime', 'model.tokenizer'],
      problem: { file: output, path: 'templateTime', message },
    },
  };
}

/** What a run of an earlier version does not say; its rows of texts stood as they are, which the fingerprint of its rows holds. */
function unsaidByRun(output: string): string[] {
  return readRunFile(output).specification['textRows'] === undefined ? ['textRows'] : [];
}

interface OpenFiles {
  readonly output: string;
  readonly metrics: MetricsFile;
  readonly tensorboard: TensorboardEvents;
  readonly context: RecipeContext;
  readonly selection: Selection | undefined;
}

/** Writes what the loop tells, then passes it on. */
function eventsOf(
  { output, metrics, tensorboard, selection, context: { listener } }: OpenFiles,
  saved: SavedTensors,
  options: EventOptions & {
    readonly onStepMetrics: (metrics: Metrics) => void;
    readonly onEvaluationMetrics: (step: number, metrics: Metrics) => void;
  },
): LoopEvents {
  const { keep, watch, stepsPerEpoch } = options;
  const append = (one: MetricRecord): void => {
    metrics.append(one);
    tensorboard.append(one);
  };
  // The new best is whole on the disk before the old one goes.
  const prune = (): void => {
    const best = keep.best ? selection?.best() : undefined;
    pruneCheckpoints(output, keep.newest, best === undefined ? [] : [best.step]);
  };
  // A run that was killed between the two may have one checkpoint more, and none may follow.
  prune();
  return {
    onStep: (step, isLogged) => {
      options.onStepMetrics(step.metrics);
      const one = { step: step.step, epoch: step.epoch, ...step.metrics };
      if (isLogged) append(one);
      listener.onStep?.(step);
      if (isLogged) watch.add(one);
    },
    onEvaluation: (step, values): EvaluationDecision | undefined => {
      options.onEvaluationMetrics(step, values);
      const named = Object.entries(values).map(([name, value]) => [`eval_${name}`, value]);
      const one = { step, epoch: step / stepsPerEpoch, ...Object.fromEntries(named) } as MetricRecord;
      append(one);
      const standing = selection?.add(one);
      listener.onEvaluation?.(step, values, standing);
      watch.add(one);
      return standing && { isKept: keep.best && standing.isBest, endsRun: standing.endsRun };
    },
    onCheckpoint: async (progress: LoopProgress) => {
      metrics.flush();
      await saveCheckpoint(output, saved, progress);
      prune();
      listener.onCheckpoint?.(progress.step);
    },
  };
}

function withoutPrefix(record: MetricRecord): Metrics {
  return Object.fromEntries(
    Object.entries(record).flatMap(([name, value]) =>
      name.startsWith('eval_') && value !== null ? [[name.slice(5), value]] : [],
    ),
  );
}

function stepMetrics({ step: _step, epoch: _epoch, ...values }: MetricRecord): Metrics {
  return Object.fromEntries(Object.entries(values).flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
}
