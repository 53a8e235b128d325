import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { badInput, type JsonObject } from '../core/index.ts';
import { diskError } from '../files/index.ts';

/** Rows that are on disk as they come, beside their place; the file stands there when all of them are. */
export interface AnswerFile {
  /** Rows that an earlier command wrote. */
  readonly count: number;
  append(row: JsonObject): void;
  close(): void;
  /** Puts the whole file in its place. */
  finish(): void;
}

/**
 * Opens `PATH.part`, or goes on with it. Its first line says what the rows belong to. Throws bad-input where the file is there already, or the
 * part belongs to other settings.
 */
export function openAnswerFile(path: string, settings: JsonObject): AnswerFile {
  if (existsSync(path))
    throw badInput({
      file: path,
      path: 'output',
      message: 'the output must not exist yet, got a file; name another --output',
    });
  const part = `${path}.part`;
  const head = JSON.stringify(settings);
  const rows = existsSync(part) ? wholeLines(part) : undefined;
  if (rows !== undefined && rows[0] !== head)
    throw badInput({
      file: part,
      message: 'holds answers of other settings, from a command that was stopped; remove it, or name another --output',
    });
  try {
    const file = openSync(part, 'w');
    const write = (text: string): void => {
      writeSync(file, text);
      fsyncSync(file);
    };
    write([head, ...(rows?.slice(1) ?? [])].map((line) => `${line}\n`).join(''));
    return {
      count: rows === undefined ? 0 : rows.length - 1,
      append: (row) => write(`${JSON.stringify(row)}\n`),
      close: () => closeSync(file),
      finish() {
        const body = readFileSync(part, 'utf8');
        const whole = openSync(`${part}2`, 'w');
        writeSync(whole, body.slice(body.indexOf('\n') + 1));
        fsyncSync(whole);
        closeSync(whole);
        renameSync(`${part}2`, path);
        rmSync(part);
      },
    };
  } catch (error) {
    throw diskError(path, error);
  }
}

/** A last line that a crash cut is left out. */
function wholeLines(path: string): string[] {
  return readFileSync(path, 'utf8').split('\n').slice(0, -1);
}
