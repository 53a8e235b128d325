import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { badInput, internal, messageOf } from '../core/index.ts';
import { syncFolder } from '../files/index.ts';
import { runDiskError } from './run-error.ts';

/** One logged step: `step` and named numbers ("loss", "rewards/chosen", "eval_rewards/margins", ...). Non-finite numbers are null. */
export interface MetricRecord {
  /** 0 before the first step, then the number of finished optimizer steps. */
  readonly step: number;
  readonly [name: string]: number | null;
}

/** A longer line of metrics.jsonl than this is not ours. */
const MAX_LINE_BYTES = 2 ** 20;
const CHUNK_BYTES = 2 ** 16;

/**
 * RUN/metrics.jsonl, appended to. Every record reaches the operating system in one write before `append` returns, so that a
 * killed process loses nothing; `flush` (before each checkpoint) and `dispose` bring it to the disk, so that a power cut loses nothing that a
 * checkpoint knows of.
 */
export class MetricsFile {
  readonly path: string;
  readonly #file: number;
  #sizeBytes: number;
  #lastStep = -Infinity;
  #isOpen = true;

  /**
   * Opens or creates the file. Lines after `resumeStep` are cut off, and so is a line that a kill tore: one truncation, which happens wholly or
   * not at all, after which the file is what an uninterrupted run had written up to that step. The caller must have logged everything of a step before
   * it wrote that step's checkpoint. Throws bad-input naming the line when an earlier line is not one of ours.
   */
  constructor(path: string, options: { readonly resumeStep?: number } = {}) {
    this.path = path;
    try {
      const isNew = !existsSync(path);
      this.#file = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND, 0o666);
      if (isNew) syncFolder(dirname(path));
    } catch (error) {
      throw runDiskError(path, error);
    }
    try {
      const kept = scan(this.#file, { path, limitStep: options.resumeStep ?? Infinity });
      if (kept.sizeBytes < fstatSync(this.#file).size) {
        ftruncateSync(this.#file, kept.sizeBytes);
        fsyncSync(this.#file);
      }
      this.#sizeBytes = kept.sizeBytes;
      this.#lastStep = kept.lastStep;
    } catch (error) {
      closeSync(this.#file);
      throw runDiskError(path, error);
    }
  }

  /** Appends one line. Throws run-failed on a full disk, after removing what of the line had been written; internal: when steps go backwards. */
  append(record: MetricRecord): void {
    if (!this.#isOpen) throw internal('metrics appended after dispose');
    if (!Number.isSafeInteger(record.step) || record.step < 0 || record.step < this.#lastStep) {
      throw internal(`metrics of step ${record.step} appended after step ${this.#lastStep}`);
    }
    const line = Buffer.from(`${JSON.stringify(record)}\n`);
    try {
      for (let written = 0; written < line.length;) written += writeSync(this.#file, line, written);
    } catch (error) {
      this.#cutTornLine();
      throw runDiskError(this.path, error);
    }
    this.#sizeBytes += line.length;
    this.#lastStep = record.step;
  }

  flush(): void {
    try {
      fsyncSync(this.#file);
    } catch (error) {
      throw runDiskError(this.path, error);
    }
  }

  dispose(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      fsyncSync(this.#file);
    } finally {
      closeSync(this.#file);
    }
  }

  #cutTornLine(): void {
    try {
      ftruncateSync(this.#file, this.#sizeBytes);
    } catch {
      // The next opening cuts it.
    }
  }
}

/** All records of a metrics file, in order; a torn last line is left out. Throws bad-input naming the first line that is not one of ours. */
export function readMetrics(path: string): MetricRecord[] {
  const records: MetricRecord[] = [];
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY);
  } catch (error) {
    throw runDiskError(path, error);
  }
  try {
    scan(file, { path, limitStep: Infinity, onRecord: (record) => records.push(record) });
  } finally {
    closeSync(file);
  }
  return records;
}

interface ScanOptions {
  readonly path: string;
  readonly limitStep: number;
  readonly onRecord?: (record: MetricRecord) => void;
}

/** Bytes and last step of the whole lines up to the first one after `limitStep`. Holds one line and one chunk in memory. */
function scan(file: number, { path, limitStep, onRecord }: ScanOptions): { sizeBytes: number; lastStep: number } {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let pending = Buffer.alloc(0);
  let kept = { sizeBytes: 0, lastStep: -Infinity };
  let position = 0;
  let line = 0;
  for (;;) {
    const count = readSync(file, chunk, 0, chunk.length, position);
    if (count === 0) return kept;
    position += count;
    pending = Buffer.concat([pending, chunk.subarray(0, count)]);
    let start = 0;
    for (let end = pending.indexOf(10); end >= 0; end = pending.indexOf(10, start)) {
      line += 1;
      const record = parseLine(pending.toString('utf8', start, end), { path, line, lastStep: kept.lastStep });
      if (record.step > limitStep) return kept;
      onRecord?.(record);
      kept = { sizeBytes: kept.sizeBytes + end + 1 - start, lastStep: record.step };
      start = end + 1;
    }
    pending = pending.subarray(start);
    if (pending.length > MAX_LINE_BYTES) {
      throw badInput({
        file: path,
        line: line + 1,
        message: `a line must be at most ${MAX_LINE_BYTES} bytes; this is not a metrics file`,
      });
    }
  }
}

function parseLine(
  text: string,
  { path, line, lastStep }: { path: string; line: number; lastStep: number },
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
