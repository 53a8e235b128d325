import { existsSync, readFileSync, rmSync } from 'node:fs';
import { badInput, isObject, type JsonObject } from '../core/index.ts';
import { JsonLines, writeFileAtomic } from '../files/index.ts';

/** Rows that are on disk as they come, beside their place; the file stands there when all of them are. */
export interface AnswerFile {
  /** Rows that an earlier command wrote. */
  readonly count: number;
  append(row: JsonObject): void;
  close(): void;
  /** Puts the whole file in its place. */
  finish(): void;
}

/** The time that chat templates were told when the file at `path` was begun; undefined where it was not, or they were told none. */
export function startedTime(path: string): string | undefined {
  const part = `${path}.part`;
  if (!existsSync(part)) return undefined;
  const text = readFileSync(part, 'utf8');
  try {
    const header: unknown = JSON.parse(text.slice(0, text.indexOf('\n')));
    const time = isObject(header) ? header['templateTime'] : undefined;
    return typeof time === 'string' ? time : undefined;
  } catch {
    // Whoever opens it says what is wrong with it.
    return undefined;
  }
}

/** An answer with its prompt is far below. */
const MAX_LINE_BYTES = 64 * 2 ** 20;

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
  let count = 0;
  const lines = new JsonLines(part, {
    what: 'a file of answers',
    mostLineBytes: MAX_LINE_BYTES,
    header: {
      value: settings,
      otherwise:
        'holds answers of other settings, from a command that was stopped; remove it, or name another --output',
    },
    onLine: () => void count++,
  });
  return {
    count,
    append(row) {
      lines.append(row);
      lines.flush();
    },
    close: () => lines.dispose(),
    finish() {
      const body = readFileSync(part, 'utf8');
      writeFileAtomic(path, body.slice(body.indexOf('\n') + 1));
      rmSync(part);
    },
  };
}
