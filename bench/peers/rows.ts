import { writeFileSync } from 'node:fs';
import { badInput, internal } from '../../src/core/index.ts';
import { loadPairs, readRows, sourcesOfPath, type PairRow } from '../../src/data/index.ts';
import type { Tokenizer } from '../../src/tokenizer/index.ts';

export interface ChosenRows {
  /** A file or folder of preference rows. */
  readonly data: string;
  readonly tokenizer: Tokenizer;
  readonly maxLength: number;
  readonly count: number;
}

/** A pair as TRL reads it, and as our own `trl` format does. */
function lineOf({ prompt, chosen, rejected }: PairRow): string {
  return `${JSON.stringify({ prompt, chosen, rejected })}\n`;
}

/** Reads so many rows for each one that is kept at first; twice as many where that was not enough. */
const READ_PER_KEPT = 2;

/**
 * Writes the first `count` pairs of the data that fit (bad rows and prompts that fill maxLength are left out) to `path`, so that both sides
 * read the same pairs in the same order. Throws bad-input when there are fewer.
 */
export async function writeRows(path: string, { data, tokenizer, maxLength, count }: ChosenRows): Promise<void> {
  const sources = await sourcesOfPath(data);
  let kept: string[] = [];
  for (let maxRows = READ_PER_KEPT * count; ; maxRows *= 2) {
    const { rows, tokenisation } = await loadPairs(sources, {
      tokenizer,
      maxLength,
      mode: 'lenient',
      maxRows,
    });
    kept = Array.from({ length: rows.count }, (_, row) => rows.row(row).id);
    if (kept.length >= count) break;
    if (tokenisation.rows < maxRows) {
      throw badInput({
        file: data,
        message: `must hold ${count} pairs that fit into ${maxLength} tokens, got ${kept.length}; ask for fewer --steps`,
      });
    }
  }
  const wanted = new Set(kept.slice(0, count));
  const lines: string[] = [];
  for (const source of sources) {
    for await (const event of readRows(source)) {
      if (event.kind !== 'pair' || !wanted.delete(event.row.id)) continue;
      lines.push(lineOf(event.row));
      if (lines.length === count) {
        writeFileSync(path, lines.join(''));
        return;
      }
    }
  }
  throw internal(`${count - lines.length} rows of ${data} were kept and not found again`);
}
