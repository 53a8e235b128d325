import { badInput } from '../../core/index.ts';
import { JsonLines } from '../../files/index.ts';

/** Lines of JSON that are on disk when `append` returns; a crash loses the last one at most. */
export interface LineStore<T> {
  readonly rows: readonly T[];
  append(rows: readonly T[]): void;
  close(): void;
}

/** An answer of a model and what belongs to it is far below. */
const MAX_LINE_BYTES = 64 * 2 ** 20;

/**
 * Opens a file of JSON lines, the first of which says what the others belong to. Throws bad-input where the file belongs to something else, or holds a line
 * that is no JSON.
 */
export function openLineStore<T>(path: string, identity: unknown, what: string): LineStore<T> {
  const rows: T[] = [];
  const lines = new JsonLines(path, {
    what: `a file of ${what}`,
    mostLineBytes: MAX_LINE_BYTES,
    header: {
      value: identity,
      otherwise: `must hold ${what}, it holds those of other settings; choose another --output`,
    },
    onLine: ({ text, line }) => {
      try {
        rows.push(JSON.parse(text) as T);
      } catch {
        throw badInput({ file: path, line, message: 'must be JSON; remove the line, and it is made again' });
      }
    },
  });
  return {
    rows,
    append(more) {
      if (more.length === 0) return;
      lines.append(...more);
      lines.flush();
      rows.push(...more);
    },
    close: () => lines.dispose(),
  };
}
