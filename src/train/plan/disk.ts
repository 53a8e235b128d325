import { existsSync, statfsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Problem } from '../../core/index.ts';
import type { PlannedDisk } from './run-plan.ts';

const FLOAT_BYTES = 4;
/** A line of metrics.jsonl with its event for TensorBoard, and report.html, by measurement. */
const LINE_BYTES = 1500;
const REPORT_BYTES = 400_000;

export interface DiskNeeds {
  readonly output: string;
  readonly referenceCache: string;
  /** Numbers of what is trained, and of what a checkpoint holds with it. */
  readonly trained: number;
  readonly perCheckpoint: number;
  readonly keptCheckpoints: number;
  /** Numbers of the artefact: an adapter, or the whole model. */
  readonly artefact: number;
  readonly metricLines: number;
  /** Log-probabilities that must be computed and stored. */
  readonly reference: number;
}

/** What a run writes, and what is free where it writes. A checkpoint is there before an older one goes. */
export function planDisk(needs: DiskNeeds): PlannedDisk {
  const parts = {
    checkpoints: (needs.keptCheckpoints + 1) * FLOAT_BYTES * needs.perCheckpoint,
    artefact: FLOAT_BYTES * needs.artefact,
    'metrics and report': LINE_BYTES * needs.metricLines + REPORT_BYTES,
  };
  const [free, cacheFree] = [freeAt(needs.output), freeAt(needs.referenceCache)];
  return {
    parts,
    totalBytes: Object.values(parts).reduce((sum, bytes) => sum + bytes, 0),
    ...(free === undefined ? {} : { freeBytes: free }),
    cacheBytes: FLOAT_BYTES * needs.reference,
    ...(cacheFree === undefined ? {} : { cacheFreeBytes: cacheFree }),
  };
}

/** Free bytes of the file system on which a path stands, or would. */
function freeAt(path: string): number | undefined {
  let existing = resolve(path);
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  try {
    const { bavail, bsize } = statfsSync(existing);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

/** What does not fit, with what to do. */
export function diskProblems(
  { totalBytes, freeBytes, cacheBytes, cacheFreeBytes }: PlannedDisk,
  output: string,
): Problem[] {
  const problems: Problem[] = [];
  if (freeBytes !== undefined && totalBytes > freeBytes)
    problems.push({
      file: output,
      message: `disk: the run writes about ${megabytes(totalBytes)}, got ${megabytes(freeBytes)} free; lower --keep-checkpoints or --rank, or choose an --output on another disk`,
    });
  if (cacheFreeBytes !== undefined && cacheBytes > cacheFreeBytes)
    problems.push({
      path: 'referenceCache',
      message: `disk: the stored reference takes about ${megabytes(cacheBytes)}, got ${megabytes(cacheFreeBytes)} free; name a folder on another disk with --reference-cache`,
    });
  return problems;
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6).toLocaleString('en-US')} MB`;
}
