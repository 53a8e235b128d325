import { closeSync, constants, openSync, readSync } from 'node:fs';
import { badInput } from '../core/index.ts';
import { diskError } from './disk.ts';

/** Where a line stands in its file, without its end. */
export interface LinePlace {
  readonly offset: number;
  readonly length: number;
}

/** A whole line as it is met. */
export interface ScannedLine extends LinePlace {
  readonly text: string;
  /** 1-based. */
  readonly line: number;
}

export interface ScanOptions {
  readonly path: string;
  /** What the file is, for the message about one that is not: `a metrics file`. */
  readonly what: string;
  readonly mostLineBytes: number;
  /** Called with each whole line in order; false ends the scan before that line. */
  readonly onLine: (line: ScannedLine) => boolean | void;
}

export interface Scanned {
  /** Bytes up to the end of the last line that was taken. */
  readonly sizeBytes: number;
  /** The file ends without a line end: a kill tore the last line. */
  readonly isTorn: boolean;
}

const CHUNK_BYTES = 1 << 20;
const NEWLINE = 10;

/** Goes through the whole lines of an open file. Holds one line and one chunk in memory. Throws bad-input for a line that is too long. */
export function scanLines(file: number, { path, what, mostLineBytes, onLine }: ScanOptions): Scanned {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let pending = Buffer.alloc(0);
  let sizeBytes = 0;
  let position = 0;
  let line = 1;
  const requireShort = (bytes: number): void => {
    if (bytes > mostLineBytes)
      throw badInput({
        file: path,
        line,
        message: `a line must be at most ${mostLineBytes} bytes; this is not ${what}`,
      });
  };
  for (;;) {
    const count = readSync(file, chunk, 0, chunk.length, position);
    if (count === 0) return { sizeBytes, isTorn: pending.length > 0 };
    position += count;
    pending = Buffer.concat([pending, chunk.subarray(0, count)]);
    let start = 0;
    for (let end = pending.indexOf(NEWLINE); end >= 0; end = pending.indexOf(NEWLINE, start)) {
      requireShort(end - start);
      const text = pending.toString('utf8', start, end);
      if (onLine({ text, line, offset: sizeBytes, length: end - start }) === false) return { sizeBytes, isTorn: false };
      sizeBytes += end + 1 - start;
      start = end + 1;
      line += 1;
    }
    pending = pending.subarray(start);
    requireShort(pending.length);
  }
}

/** The same for a file that is only read. Throws as diskError says where it cannot be opened. */
export function readLines(options: ScanOptions): void {
  let file: number;
  try {
    file = openSync(options.path, constants.O_RDONLY);
  } catch (error) {
    throw diskError(options.path, error);
  }
  try {
    scanLines(file, options);
  } finally {
    closeSync(file);
  }
}
