import { createMonitor, factsOf, type RunFinding, type RunVerdict } from '../monitor/index.ts';
import { readMetrics, type MetricRecord, type RunFolder, type RunRecord } from '../store/index.ts';
import type { RecipeContext } from './context.ts';

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
  folder: Pick<RunFolder, 'file'>,
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
