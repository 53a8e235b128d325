import { PreftuneError } from '../core/index.ts';
import { readRows, type DataRow, type DataSource, type ProblemReason } from '../data/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import type { DetectLanguage } from '../answers/index.ts';
import type { Ratings } from './ratings.ts';
import { createColumn, placeOf, type RowTable } from './row-table.ts';
import { createTableBuilder } from './table-builder.ts';

export interface ScanOptions {
  /** The name of a format; default: detected. */
  readonly format?: string;
  /** Left out: languages stay unknown. */
  readonly detectLanguage?: DetectLanguage;
  /** Counts the tokens of answers. */
  readonly tokenizer?: Tokenizer;
  /** Whether transcripts become conversations; default true. */
  readonly conversational?: boolean;
  /** Which rows are remembered; default: all. */
  readonly keeps?: (row: DataRow) => boolean;
  readonly onProgress?: (rows: number) => void;
  readonly signal?: AbortSignal;
}

/** What one pass over data remembers. */
export interface Scan {
  readonly table: RowTable;
  readonly ratings: Ratings;
  /** Places of records that could not be used, by reason. */
  readonly refused: ReadonlyMap<ProblemReason, Float64Array>;
}

/**
 * Reads data once and remembers of each row what the checks need, without its texts. Throws as readRows does (missing file, unknown
 * or mixed format), cancelled when the signal fires.
 */
export async function scanData(sources: readonly DataSource[], options: ScanOptions = {}): Promise<Scan> {
  const builder = createTableBuilder(options);
  const refused = new Map<ProblemReason, ReturnType<typeof createColumn<Float64Array>>>();
  let records = 0;
  for (const [file, source] of sources.entries()) {
    builder.beginFile(source.name);
    const { format: named, conversational } = options;
    const format = {
      ...(named === undefined ? {} : { format: named }),
      ...(conversational === undefined ? {} : { conversational }),
    };
    for await (const event of readRows(source, format)) {
      if (options.signal?.aborted)
        throw new PreftuneError('cancelled', `data: checking was stopped after ${records} records`);
      if (event.kind === 'format') continue;
      if (++records % 1000 === 0) options.onProgress?.(records);
      if (event.kind === 'problems') {
        for (const { reason, line } of event.problems.slice(0, 1)) {
          let places = refused.get(reason);
          if (places === undefined) refused.set(reason, (places = createColumn((n) => new Float64Array(n))));
          places.push(placeOf(file, line ?? 0));
        }
        continue;
      }
      if (options.keeps?.(event) !== false) builder.add(event);
    }
  }
  return {
    ...builder.finish(),
    refused: new Map([...refused].map(([reason, places]) => [reason, places.finish()])),
  };
}
