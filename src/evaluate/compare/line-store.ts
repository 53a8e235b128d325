import { closeSync, existsSync, fsyncSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import { badInput } from '../../core/index.ts';

/** Lines of JSON that are on disk when `append` returns; a crash loses the last one at most. */
export interface LineStore<T> {
  readonly rows: readonly T[];
  append(rows: readonly T[]): void;
  close(): void;
}

/**
 * Opens a file of JSON lines, the first of which says what the others belong to. A last line that was cut by a crash is dropped. Throws bad-input where
 * the file belongs to something else, or holds a line that is no JSON.
 */
export function openLineStore<T>(path: string, identity: unknown, what: string): LineStore<T> {
  const head = JSON.stringify(identity);
  const rows: T[] = existsSync(path) ? readRows<T>(path, { head, what }) : [];
  const isNew = !existsSync(path);
  const file = openSync(path, 'a');
  const write = (lines: readonly string[]): void => {
    writeSync(file, lines.map((line) => `${line}\n`).join(''));
    fsyncSync(file);
  };
  if (isNew) write([head]);
  return {
    rows,
    append(more) {
      if (more.length === 0) return;
      write(more.map((row) => JSON.stringify(row)));
      rows.push(...more);
    },
    close: () => closeSync(file),
  };
}

function readRows<T>(path: string, { head, what }: { readonly head: string; readonly what: string }): T[] {
  const text = readFileSync(path, 'utf8');
  const end = text.lastIndexOf('\n') + 1;
  if (end < text.length) truncateSync(path, Buffer.byteLength(text.slice(0, end)));
  const [first, ...lines] = text.slice(0, end).split('\n').slice(0, -1);
  if (first !== undefined && first !== head)
    throw badInput({
      file: path,
      message: `must hold ${what}, it holds those of other settings; choose another --output`,
    });
  return lines.map((line, i) => {
    try {
      return JSON.parse(line) as T;
    } catch {
      throw badInput({ file: path, line: i + 2, message: 'must be JSON; remove the line, and it is made again' });
    }
  });
}
