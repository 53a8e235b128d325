import { badInput, internal, messageOf } from '../core/index.ts';
import { JsonLines, readLines, type ScannedLine } from '../files/index.ts';
import { runDiskError } from './run-error.ts';

/** The file's name in a run's folder. */
export const METRICS_FILE = 'metrics.jsonl';

/** One logged step: `step` and named numbers ("loss", "rewards/chosen", "eval_rewards/margins", ...). Non-finite numbers are null. */
export interface MetricRecord {
  /** 0 before the first step, then the number of finished optimizer steps. */
  readonly step: number;
  readonly [name: string]: number | null;
}

/** A longer line is not ours. */
const LIMITS = { what: 'a metrics file', mostLineBytes: 2 ** 20 };

/**
 * RUN/metrics.jsonl, appended to. `flush` (before each checkpoint) and `dispose` bring records to the disk, so that a power cut loses nothing that a
 * checkpoint knows of.
 */
export class MetricsFile {
  readonly path: string;
  readonly #lines: JsonLines;
  #lastStep = -Infinity;

  /**
   * Opens or creates the file. Lines after `resumeStep` are cut off, and so is a line that a kill tore; the file is then what an uninterrupted run had written
   * up to that step. The caller must have logged everything of a step before it wrote that step's checkpoint. Throws bad-input naming the line when
   * an earlier line is not one of ours.
   */
  constructor(path: string, { resumeStep = Infinity }: { readonly resumeStep?: number } = {}) {
    this.path = path;
    this.#lines = new JsonLines(path, {
      ...LIMITS,
      errorOf: runDiskError,
      onLine: (line) => {
        const { step } = parseRecord(line, { path, lastStep: this.#lastStep });
        if (step > resumeStep) return false;
        this.#lastStep = step;
        return true;
      },
    });
  }

  /** Appends one line. Throws run-failed on a full disk, after removing what of the line had been written; internal: when steps go backwards. */
  append(record: MetricRecord): void {
    const { step } = record;
    if (!Number.isSafeInteger(step) || step < 0 || step < this.#lastStep)
      throw internal(`metrics of step ${step} appended after step ${this.#lastStep}`);
    this.#lines.append(record);
    this.#lastStep = step;
  }

  flush(): void {
    this.#lines.flush();
  }

  dispose(): void {
    this.#lines.dispose();
  }
}

/**
 * All records of a metrics file, in order; a torn last line is left out. Throws bad-input naming the first line that is not one of ours.
 *
 * @example
 * ```ts
 * import { readMetrics } from 'preftune';
 *
 * for (const record of readMetrics('run/metrics.jsonl')) {
 *   console.log(record.step, record['loss'], record['rewards/margins']);
 * }
 * ```
 */
export function readMetrics(path: string): MetricRecord[] {
  const records: MetricRecord[] = [];
  readLines({
    ...LIMITS,
    path,
    onLine: (line) => void records.push(parseRecord(line, { path, lastStep: records.at(-1)?.step ?? -Infinity })),
  });
  return records;
}

function parseRecord(
  { text, line }: ScannedLine,
  { path, lastStep }: { readonly path: string; readonly lastStep: number },
): MetricRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badInput({
      file: path,
      line,
      message: `must be JSON, got ${messageOf(error)}; restore the file or start a new run`,
    });
  }
  const record = value as MetricRecord;
  if (typeof record !== 'object' || record === null || !Number.isSafeInteger(record.step) || record.step < lastStep) {
    throw badInput({
      file: path,
      line,
      message: `must be an object with a step that is at least the previous line's, got ${text.slice(0, 80)}; restore the file or start a new run`,
    });
  }
  return record;
}
