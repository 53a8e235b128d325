import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { maskedCrc32c } from './crc32c.ts';
import type { MetricRecord } from './metrics.ts';
import { errnoOf } from '../files/index.ts';
import { runDiskError } from './run-error.ts';

export interface EventsOptions {
  /** Where event files go, such as RUN/tensorboard; made when missing. */
  readonly folder: string;
  /** On resume: the step that the run continues after. TensorBoard then hides what an earlier file says of later steps. */
  readonly resumeStep?: number;
  /** Seconds since 1970; the system's clock unless a test gives one. */
  readonly wallTimeSeconds?: () => number;
}

/** SessionLog.SessionStatus START. */
const SESSION_START = 1;
const MAX_FILES_A_SECOND = 1000;

/**
 * A TensorBoard events file: every number of a metrics record as a scalar, named as Transformers' integration does (`eval_loss` is
 * eval/loss, `loss` is train/loss), so that runs of preftune and TRL stand in the same charts. A resumed run writes a new file beside the old ones.
 *
 * Source: TensorFlow's event.proto (Event: wall_time 1, step 2, file_version 3, summary 5, session_log 7) and summary.proto (Summary.Value: tag 1,
 * simple_value 2), framed as TFRecords.
 */
export class TensorboardEvents {
  readonly path: string;
  readonly #file: number;
  readonly #now: () => number;
  #isOpen = true;

  /** Throws bad-input where the folder cannot be written, run-failed on a full disk. */
  constructor({ folder, resumeStep, wallTimeSeconds = () => Date.now() / 1000 }: EventsOptions) {
    this.#now = wallTimeSeconds;
    try {
      mkdirSync(folder, { recursive: true });
      ({ path: this.path, file: this.#file } = createEventsFile(folder, wallTimeSeconds()));
    } catch (error) {
      throw runDiskError(folder, error);
    }
    this.#write((event) => event.tag(3, WireType.LengthDelimited).string('brain.Event:2'));
    if (resumeStep !== undefined) {
      this.#write((event) => {
        event.tag(2, WireType.Varint).int64(resumeStep + 1);
        event.tag(7, WireType.LengthDelimited).fork().tag(1, WireType.Varint).int32(SESSION_START).join();
      });
    }
  }

  /** Appends one event with all numbers of the record; null and non-finite ones are left out. */
  append(record: MetricRecord): void {
    const scalars = Object.entries(record).filter(
      (entry): entry is [string, number] => entry[0] !== 'step' && Number.isFinite(entry[1]),
    );
    if (scalars.length === 0) return;
    this.#write((event) => {
      event.tag(2, WireType.Varint).int64(record.step);
      const summary = event.tag(5, WireType.LengthDelimited).fork();
      for (const [name, value] of scalars) {
        summary.tag(1, WireType.LengthDelimited).fork();
        summary.tag(1, WireType.LengthDelimited).string(tensorboardTag(name));
        summary.tag(2, WireType.Bit32).float(toFloat32Range(value));
        summary.join();
      }
      summary.join();
    });
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
    closeSync(this.#file);
  }

  #write(fill: (event: BinaryWriter) => void): void {
    const event = new BinaryWriter();
    event.tag(1, WireType.Bit64).double(this.#now());
    fill(event);
    const bytes = frameRecord(event.finish());
    try {
      for (let written = 0; written < bytes.length;) written += writeSync(this.#file, bytes, written);
    } catch (error) {
      throw runDiskError(this.path, error);
    }
  }
}

/** The scalar's name in TensorBoard: eval_x is eval/x, anything else train/x. Source: Transformers, TensorBoardCallback. */
export function tensorboardTag(name: string): string {
  return name.startsWith('eval_') ? `eval/${name.slice('eval_'.length)}` : `train/${name}`;
}

/** A TFRecord: length as uint64, its masked CRC, the data, their masked CRC; little endian. */
export function frameRecord(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const record = new Uint8Array(12 + data.length + 4);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc32c(data), true);
  return record;
}

/** TensorBoard reads files in the order of their names, so the seconds come first and a number tells files of one second apart. */
function createEventsFile(folder: string, seconds: number): { path: string; file: number } {
  const stamp = String(Math.floor(seconds)).padStart(10, '0');
  const host = hostname().replaceAll(/[^A-Za-z0-9.-]/g, '-');
  for (let number = 0; ; number++) {
    const path = join(folder, `events.out.tfevents.${stamp}.${String(number).padStart(3, '0')}.${host}`);
    try {
      return { path, file: openSync(path, 'ax') };
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST' || number >= MAX_FILES_A_SECOND) throw error;
    }
  }
}

/** The writer refuses finite numbers outside float32 (a gradient norm of 1e39); the chart's largest number stands for them. */
function toFloat32Range(value: number): number {
  const largest = 3.4028234663852886e38;
  return Math.min(Math.max(value, -largest), largest);
}
