import {
  createRunFolder,
  MetricsFile,
  newestCheckpoint,
  pruneCheckpoints,
  readMetrics,
  removeCheckpointsAfter,
  resumeRunFolder,
  TensorboardEvents,
  type MetricRecord,
  type RunFolder,
  type RunRecord,
  type StoredCheckpoint,
} from '../store/index.ts';
import { renderReport, type ReportSample, type ReportSection } from '../report/index.ts';
import type { TokenisationReport } from '../data/index.ts';
import { saveCheckpoint } from './checkpoint-files.ts';
import { MAY_DIFFER } from '../specification/index.ts';
import type { LoopEvents, LoopProgress } from './loop/loop.ts';
import type { Metrics } from './loop/metrics.ts';
import type { RecipeContext } from './context.ts';
import {
  factsOf,
  type RunFinding,
  type RunVerdict,
  createMonitor,
  monitoredVerdict,
  verdictSections,
} from '../monitor/index.ts';
import type { Trainable } from './loop/trainable.ts';

/** A run's folder while it is written: metrics, TensorBoard events, checkpoints, report. */
export interface RunWriter {
  readonly folder: RunFolder;
  /** The checkpoint to continue from, when resuming. */
  readonly checkpoint: StoredCheckpoint | undefined;
  /** The checkpoint's progress: an evaluation that was written after it is not owed. */
  continued(progress: LoopProgress): LoopProgress;
  readonly firstEvaluation: () => Metrics | undefined;
  readonly lastEvaluation: () => Metrics | undefined;
  readonly lastStep: () => Metrics | undefined;
  /** `saved` is what checkpoints hold. */
  events(
    saved: Pick<Trainable, 'tensors'>,
    options: { readonly perEpoch: number; readonly keep: number; readonly watch: Watch },
  ): LoopEvents;
  report(extra: {
    readonly data: readonly ReportSection[];
    readonly samples?: readonly ReportSample[];
    readonly samplesNote?: string | undefined;
    readonly verdict: RunVerdict;
  }): void;
  dispose(): void;
}

/** The monitor of a run that is being written. */
export interface Watch {
  readonly add: (record: MetricRecord) => void;
  /** No record follows. */
  readonly finish: () => void;
  readonly verdict: () => RunVerdict;
  /** Aborted by the context's signal, and by a finding that shall end the run. */
  readonly signal: AbortSignal;
  readonly stoppedBy: () => RunFinding | undefined;
}

/**
 * Watches a run from its first record: those that a resumed run has already are looked at again, without telling, and what was found in them does not end
 * the run a second time.
 */
export function watchRun(
  { folder }: Pick<RunWriter, 'folder'>,
  context: RecipeContext,
  { specification, totalSteps }: { readonly specification: RunRecord['specification']; readonly totalSteps: number },
): Watch {
  const monitor = createMonitor(factsOf(specification, totalSteps), context.monitor?.thresholds);
  if (context.isResuming) for (const record of readMetrics(folder.file('metrics.jsonl'))) monitor.add(record);
  const stop = new AbortController();
  let stoppedBy: RunFinding | undefined;
  const tell = (findings: readonly RunFinding[]): void => {
    for (const finding of findings) {
      context.listener.onFinding?.(finding);
      if (stoppedBy !== undefined || context.monitor?.stopOn?.includes(finding.name) !== true) continue;
      stoppedBy = finding;
      stop.abort();
    }
  };
  return {
    // Numbers that are not finite are null in the file, from which the same must follow.
    add: (record) => tell(monitor.add(record)),
    finish: () => tell(monitor.finish()),
    verdict: monitor.verdict,
    signal: context.signal === undefined ? stop.signal : AbortSignal.any([context.signal, stop.signal]),
    stoppedBy: () => stoppedBy,
  };
}

export function openRun(output: string, record: RunRecord, context: RecipeContext): RunWriter {
  const folder = context.isResuming
    ? resumeRunFolder(output, record, { mayDiffer: MAY_DIFFER })
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
  const evaluations = logged.filter((one) => 'eval_loss' in one).map((one) => withoutPrefix(one));
  let lastStep = logged
    .filter((one) => 'loss' in one)
    .map(stepMetrics)
    .at(-1);
  const append = (one: MetricRecord): void => {
    metrics.append(one);
    tensorboard.append(one);
  };
  return {
    folder,
    checkpoint,
    continued: ({ owesEvaluation = false, ...progress }) => ({
      ...progress,
      owesEvaluation: owesEvaluation && !logged.some((one) => one.step === progress.step && 'eval_loss' in one),
    }),
    firstEvaluation: () => evaluations[0],
    lastEvaluation: () => evaluations.at(-1),
    lastStep: () => lastStep,
    events: (saved, { perEpoch, keep, watch }) => {
      // A run that was killed between the two may have one checkpoint more, and none may follow.
      pruneCheckpoints(output, keep);
      return {
        onStep: (step, isLogged) => {
          lastStep = step.metrics;
          const one = { step: step.step, epoch: step.epoch, ...step.metrics };
          if (isLogged) append(one);
          context.listener.onStep?.(step);
          if (isLogged) watch.add(one);
        },
        onEvaluation: (step, values) => {
          evaluations.push(values);
          const one = {
            step,
            epoch: step / perEpoch,
            ...Object.fromEntries(Object.entries(values).map(([name, value]) => [`eval_${name}`, value])),
          };
          append(one);
          context.listener.onEvaluation?.(step, values);
          watch.add(one);
        },
        onCheckpoint: async (progress: LoopProgress) => {
          metrics.flush();
          await saveCheckpoint(output, saved, progress);
          pruneCheckpoints(output, keep);
          context.listener.onCheckpoint?.(progress.step);
        },
      };
    },
    report: ({ data, samples, samplesNote, verdict: monitored }) => {
      const html = renderReport({
        title: `Run ${output}`,
        subtitle: `${String(record.specification['recipe'])} of ${String(record.specification['model'])}`,
        metrics: readMetrics(folder.file('metrics.jsonl')),
        configuration: record.specification,
        data,
        verdict: monitoredVerdict(monitored, verdict(evaluations)),
        checks: verdictSections(monitored),
        ...(samples === undefined ? {} : { samples }),
        ...(samplesNote === undefined ? {} : { samplesNote }),
        footer: Object.entries(context.versions)
          .map(([name, version]) => `${name} ${version}`)
          .join(', '),
      });
      folder.write('report.html', html);
    },
    dispose: () => {
      metrics.dispose();
      tensorboard.dispose();
      folder.dispose();
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

/** One sentence on the held-out rows: what was measured, not whether the model is better. */
function verdict(evaluations: readonly Metrics[]): { tone: 'good' | 'bad'; text: string } | undefined {
  const [first, last] = [evaluations[0], evaluations.at(-1)];
  if (first === undefined || last === undefined || evaluations.length < 2) return undefined;
  const accuracy = last['rewards/accuracies'];
  const fell = last['loss']! < first['loss']!;
  const text =
    accuracy === undefined
      ? `The held-out loss went from ${first['loss']!.toFixed(4)} to ${last['loss']!.toFixed(4)}.`
      : `On held-out pairs the model prefers the chosen answer in ${(100 * accuracy).toFixed(1)} % (a reward margin of ${last['rewards/margins']!.toFixed(3)}); the loss went from ${first['loss']!.toFixed(4)} to ${last['loss']!.toFixed(4)}.`;
  return { tone: fell ? 'good' : 'bad', text };
}

/** The tokenisation proof as cards of the report. */
export function tokenisationSections(reports: Readonly<Record<string, TokenisationReport>>): ReportSection[] {
  return Object.entries(reports).map(([name, report]) => ({
    title: `Tokens of ${name}`,
    rows: [
      ['rows', report.rows],
      ['kept', report.kept],
      [
        'dropped',
        Object.entries(report.dropped)
          .map(([reason, { count }]) => `${reason} ${count}`)
          .join(', ') || 'none',
      ],
      [
        'answers cut',
        Object.entries(report.truncated)
          .map(([side, { count }]) => `${side} ${count}`)
          .join(', ') || 'none',
      ],
      ['prompts that lost their start', report.promptCut.count],
      ['pairs whose prompt tokens differ', report.promptTokensDiffer.count],
      ['rows without a stop token', report.noStopToken.count],
      ['longest row, tokens', report.longest?.tokens ?? 0],
    ],
  }));
}
