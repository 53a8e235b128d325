import { badInput, PreftuneError, type JsonRecord } from '../../core/index.ts';
import { createFieldReader } from '../fields.ts';
import { respelled } from '../reading/spellings.ts';
import { detectFormat, DETECTION_RECORDS, formatNamed } from '../format-registry.ts';
import type { DataFormat } from '../format.ts';
import type { DataLimits } from '../limits.ts';
import { createProblemLog, type ProblemLog, type RecordProblem } from '../problems.ts';
import type { DataRow } from '../row.ts';
import { readRowBatches, type DetectedFormat, type RowEvent } from '../rows.ts';
import type { DataSource } from '../sources/source.ts';
import { validateRow } from '../validate.ts';
import { adaptRow, type RowChange } from './adapt-row.ts';
import { compareRows } from './compare-rows.ts';

export interface ConvertOptions {
  /** Name of the format to write. */
  readonly to: string;
  /** Name of the format to read; detected when left out. */
  readonly format?: string;
  /** strict (default): any problem is one bad-input error at the end. lenient: such rows are skipped and counted. */
  readonly mode?: 'strict' | 'lenient';
  /** Keep only the chosen answer of pairs where the format has completions. */
  readonly chosenOfPairs?: boolean;
  readonly limits?: DataLimits;
  readonly onProgress?: (rowsRead: number) => void;
  readonly signal?: AbortSignal;
}

/** What conversion did. JSON-safe. */
export interface ConversionReport {
  readonly formats: readonly DetectedFormat[];
  readonly to: string;
  readonly rows: number;
  readonly records: number;
  readonly skipped: number;
  /** Rows that had to become another kind or shape of row. */
  readonly changes: Readonly<Partial<Record<RowChange, number>>>;
  /** What the format has no place for, by field, with the number of rows. */
  readonly lost: Readonly<Record<string, number>>;
  readonly problems: Pick<ProblemLog, 'kept' | 'counts' | 'total'>;
  /** What detection says of the result, where that is not what was written: a format, or that it is ambiguous. */
  readonly detectedAs?: string;
}

export interface Conversion {
  /** The records, streamed; memory does not grow with their number. To be read to the end once. */
  records(): AsyncGenerator<JsonRecord>;
  /** As records(), as many at a time as came together: a million promises cost seconds. */
  batches(): AsyncGenerator<readonly JsonRecord[]>;
  /** Complete when records() has ended. */
  report(): ConversionReport;
}

/**
 * Rows of any known format as records of another. Every record is read back with the format's own reader before it is handed
 * out: a row whose prompt, answers or verdict came back otherwise is refused, and every other difference is counted as lost.
 *
 * Throws bad-usage for unknown names at once; while reading, bad-input with all problems at the end in strict mode, and
 * when no row is left.
 */
export function convertRows(sources: readonly DataSource[], options: ConvertOptions): Conversion {
  const target = formatNamed(options.to);
  if (options.format !== undefined) formatNamed(options.format);
  const problems = createProblemLog();
  const formats: DetectedFormat[] = [];
  const counts = { rows: 0, records: 0, skipped: 0 };
  const changes: Partial<Record<RowChange, number>> = {};
  const lost: Record<string, number> = {};
  const head: JsonRecord[] = [];
  const convert = createRowConverter(target, options);
  const refuse = (found: readonly RecordProblem[]): void => {
    counts.skipped++;
    for (const problem of found) problems.add(problem);
  };
  /** Adds what became of a row to the counts; its records. */
  const take = (event: RowEvent): readonly JsonRecord[] => {
    if (event.kind === 'format') {
      formats.push(event.format);
      return [];
    }
    if (++counts.rows % 1000 === 0) options.onProgress?.(counts.rows);
    if (event.kind === 'problems') {
      refuse(event.problems);
      return [];
    }
    const result = convert(event);
    if (result.kind === 'refused') {
      const message = `${target.name} ${result.why}`;
      refuse([{ reason: 'cannot-hold', file: event.row.origin.file, line: event.place.line, message }]);
      return [];
    }
    for (const change of result.changes) changes[change] = (changes[change] ?? 0) + 1;
    for (const field of result.lost) lost[field] = (lost[field] ?? 0) + 1;
    counts.records += result.records.length;
    if (head.length < DETECTION_RECORDS) head.push(...result.records.slice(0, DETECTION_RECORDS - head.length));
    return result.records;
  };
  async function* batches(): AsyncGenerator<readonly JsonRecord[]> {
    for (const source of sources) {
      for await (const batch of readRowBatches(source, options)) {
        if (options.signal?.aborted)
          throw new PreftuneError('cancelled', `data: conversion was stopped after ${counts.rows} rows`);
        yield batch.flatMap(take);
      }
    }
    if (problems.total > 0 && options.mode !== 'lenient') throw problems.error();
    if (counts.records === 0) {
      const file = sources.map(({ name }) => name).join(', ');
      throw badInput({ file, message: `data must leave at least one row to write, got none of ${counts.rows}` });
    }
  }
  return {
    batches,
    async *records() {
      for await (const batch of batches()) yield* batch;
    },
    report() {
      const detectedAs = head.length > 0 ? detectionOf(head, target) : undefined;
      const log = { kept: problems.kept, counts: problems.counts, total: problems.total };
      return {
        ...counts,
        formats,
        to: target.name,
        changes,
        lost,
        problems: log,
        ...(detectedAs !== undefined && { detectedAs }),
      };
    },
  };
}

type ConvertedRow =
  | {
      readonly kind: 'records';
      readonly records: readonly JsonRecord[];
      readonly changes: readonly RowChange[];
      readonly lost: readonly string[];
    }
  | { readonly kind: 'refused'; readonly why: string };

function createRowConverter(target: DataFormat, options: ConvertOptions): (row: DataRow) => ConvertedRow {
  const chosenOfPairs = options.chosenOfPairs ?? false;
  return (row) => {
    const adapted = adaptRow(row, target, { chosenOfPairs });
    if (adapted.kind === 'refused') return adapted;
    const records: JsonRecord[] = [];
    const lost = new Set(adapted.lost);
    for (const each of adapted.rows) {
      const result = target.write(each);
      if (result.kind === 'refused') return result;
      const comparison = compareWithRead(each, result.record, target);
      if (comparison === undefined)
        return {
          kind: 'refused',
          why: 'would not give this conversation back as it is; its text looks like markup of the format, or has no place in it',
        };
      for (const field of comparison) lost.add(field);
      records.push(result.record);
    }
    return { kind: 'records', records, changes: adapted.changes, lost: [...lost] };
  };
}

/** What the format lost of the row; undefined when the record does not give the row back. */
function compareWithRead(row: DataRow, record: JsonRecord, format: DataFormat): readonly string[] | undefined {
  const { origin } = row.row;
  const id = createFieldReader(record).id('id') ?? String(origin.line);
  const parsed = format.parse(respelled(record).record, { origin, id, conversational: true });
  const back = parsed.kind === 'rows' ? parsed.rows[0] : parsed.kind === 'problems' ? undefined : parsed;
  if (back === undefined || validateRow(back).length > 0) return undefined;
  const { isSame, lost } = compareRows(row, back);
  return isSame ? lost : undefined;
}

/** What detection makes of the records, when that is not their format, nor one that reads them alike. */
function detectionOf(records: readonly JsonRecord[], target: DataFormat): string | undefined {
  try {
    const found = detectFormat(
      records.map((record) => respelled(record).record),
      '',
    );
    return found.name === target.name || found.parse === target.parse ? undefined : found.name;
  } catch {
    return 'more than one format';
  }
}
