import {
  closeSync,
  constants,
  existsSync,
  fdatasync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import {
  badInput,
  canonicalJson,
  internal,
  parseExactJson,
  writeExactJson,
  type PreftuneError,
} from '../core/index.ts';
import { diskError, syncFolder } from './disk.ts';
import { scanLines, type LinePlace, type ScanOptions } from './line-scan.ts';

export interface JsonLinesOptions extends Omit<ScanOptions, 'path' | 'onLine'> {
  /** The first line: what decides the others. Undefined where there is none. */
  readonly header?: {
    readonly value: unknown;
    /** What to say of a file that has another. */
    readonly otherwise: string;
  };
  /** Takes every whole line behind the header on opening; false cuts that one and all behind it off. */
  readonly onLine?: ScanOptions['onLine'];
  /**
   * Other processes append to the file too: nothing is cut off, and a line that a kill tore is closed before the next. Default false: the
   * file is this process's alone, and a torn line goes.
   */
  readonly isShared?: boolean;
  /** The error for a failed read or write; default diskError. */
  readonly errorOf?: (path: string, error: unknown) => PreftuneError;
}

const syncLater = promisify(fdatasync);

/**
 * A file of JSON values, one a line, that only grows. A value reaches the operating system in one write before `append` returns, so that a killed process loses
 * nothing; `flush` and `flushed` bring it to the disk, so that a power cut loses nothing either. Killed at any byte, the file opens again with every whole line, and
 * goes on behind them.
 */
export class JsonLines {
  readonly path: string;
  /** On opening the file ended in the middle of a line. */
  readonly wasTorn: boolean;
  readonly #file: number;
  readonly #options: JsonLinesOptions;
  /** Of the whole lines. */
  #sizeBytes = 0;
  /** The last line has no end, and is not ours to cut. */
  #mustEndLine = false;
  #isOpen = true;
  #lastSync: Promise<void> = Promise.resolve();
  #nextSync: Promise<void> | undefined;

  /** Opens or creates the file. Throws bad-input for the header of something else, and what `onLine` and `errorOf` throw. */
  constructor(path: string, options: JsonLinesOptions) {
    this.path = path;
    this.#options = options;
    try {
      const isNew = !existsSync(path);
      this.#file = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND, 0o666);
      if (isNew) syncFolder(dirname(path));
    } catch (error) {
      throw this.#error(error);
    }
    try {
      this.wasTorn = this.#takeUp();
    } catch (error) {
      closeSync(this.#file);
      throw this.#error(error);
    }
  }

  /** Appends values, a line each. Gives where they stand. Where that fails, what of them had been written is removed. */
  append(...values: readonly unknown[]): LinePlace[] {
    if (!this.#isOpen) throw internal(`${this.path} was appended to after dispose`);
    const lines = values.map((value) => Buffer.from(`${writeExactJson(value)}\n`));
    const bytes = Buffer.concat(this.#mustEndLine ? [Buffer.from('\n'), ...lines] : lines);
    try {
      for (let written = 0; written < bytes.length;) written += writeSync(this.#file, bytes, written);
    } catch (error) {
      this.#undo();
      throw this.#error(error);
    }
    this.#mustEndLine = false;
    this.#sizeBytes += bytes.length;
    return this.#placesOf(lines);
  }

  /** Brings everything to the disk now. */
  flush(): void {
    try {
      fsyncSync(this.#file);
    } catch (error) {
      throw this.#error(error);
    }
  }

  /** Resolves when everything that was appended so far is on the disk. Who asks at the same time shares one flush. */
  flushed(): Promise<void> {
    if (this.#nextSync === undefined) {
      const sync = async (): Promise<void> => {
        this.#nextSync = undefined;
        await syncLater(this.#file).catch((error: unknown) => {
          throw this.#error(error);
        });
      };
      this.#nextSync = this.#lastSync.then(sync, sync);
      this.#lastSync = this.#nextSync;
    }
    return this.#nextSync;
  }

  /** The text at a place that `append` or a scan gave; another one where another process appended meanwhile. */
  textAt({ offset, length }: LinePlace): string {
    const bytes = Buffer.alloc(length);
    const count = readSync(this.#file, bytes, 0, length, offset);
    return bytes.toString('utf8', 0, count);
  }

  /** Goes through all whole lines anew, as they are now. */
  scan(onLine: ScanOptions['onLine']): void {
    scanLines(this.#file, { ...this.#options, path: this.path, onLine });
  }

  /** Flushes and closes; does nothing the second time. */
  dispose(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      fsyncSync(this.#file);
    } finally {
      closeSync(this.#file);
    }
  }

  /** Whether the file was torn. */
  #takeUp(): boolean {
    const { path } = this;
    const { header, onLine = () => undefined, isShared = false } = this.#options;
    const head = header && canonicalJson(header.value);
    let hasHeader = false;
    const { sizeBytes, isTorn } = scanLines(this.#file, {
      ...this.#options,
      path,
      onLine: (line) => {
        if (header === undefined || hasHeader) return onLine(line);
        if (canonicalJson(valueOf(line.text)) !== head) throw badInput({ file: path, message: header.otherwise });
        hasHeader = true;
        return true;
      },
    });
    this.#sizeBytes = sizeBytes;
    this.#mustEndLine = isShared && isTorn;
    if (!isShared && sizeBytes < fstatSync(this.#file).size) {
      // One truncation, which happens wholly or not at all.
      ftruncateSync(this.#file, sizeBytes);
      fsyncSync(this.#file);
    }
    if (header !== undefined && !hasHeader) {
      this.append(header.value);
      this.flush();
    }
    return isTorn;
  }

  #placesOf(lines: readonly Buffer[]): LinePlace[] {
    // Other processes may have appended before: where ours end follows from where the file ends now.
    const end = this.#options.isShared === true ? fstatSync(this.#file).size : this.#sizeBytes;
    let offset = end - lines.reduce((sum, { length }) => sum + length, 0);
    return lines.map(({ length }) => {
      const place = { offset, length: length - 1 };
      offset += length;
      return place;
    });
  }

  #undo(): void {
    if (this.#options.isShared === true) {
      this.#mustEndLine = true;
      return;
    }
    try {
      ftruncateSync(this.#file, this.#sizeBytes);
    } catch {
      // The next opening cuts it.
    }
  }

  #error(error: unknown): PreftuneError {
    return (this.#options.errorOf ?? diskError)(this.path, error);
  }
}

/** The value of a header's line; a line that is no JSON is no header. */
function valueOf(text: string): unknown {
  try {
    return parseExactJson(text);
  } catch {
    return undefined;
  }
}
