import { underFields } from './reading/columns.ts';
import { badInput, PreftuneError, writeExactJson } from '../core/index.ts';
import type { DataLimits } from './limits.ts';
import { createProblemLog, type ProblemLog } from './problems.ts';
import type { RecordEvent } from './records/record-parser.ts';
import { readRecordRows, type DetectedFormat, type RowEvent } from './rows.ts';
import type { DataRow } from './row.ts';
import type { DataSource } from './sources/source.ts';
import { createPlaceRange, hashOfPrompt, placeOfUnit, requireFraction, splitUnit, type PromptSplit } from './split.ts';

export interface SplitRecordsOptions {
  /** The share of prompts to hold out, in [0, 1). */
  readonly fraction: number;
  readonly seed: number;
  readonly format?: string;
  /** Transcripts become conversations, as training does with a tokenizer that has a chat template; default true. */
  readonly conversational?: boolean;
  readonly limits?: DataLimits;
  readonly onProgress?: (records: number) => void;
  readonly signal?: AbortSignal;
}

/** What a pass over the records found. */
export interface SplitSummary {
  readonly formats: readonly DetectedFormat[];
  /** Records on each side. */
  readonly counts: Readonly<Record<keyof PromptSplit, number>>;
  /** Records by source, in the order of the sources. */
  readonly sources: readonly { readonly name: string; readonly records: number }[];
  readonly skipped: number;
  readonly problems: Pick<ProblemLog, 'kept' | 'counts' | 'total' | 'error'>;
  /** The threshold at which this pass split, and the one at which it should have: they differ for tiny sets only. */
  readonly used: number;
  readonly right: number;
}

/**
 * Hands every valid record to `write` with its side and its JSON on one line: as it stood in the file where that was JSON, so that
 * no digit is lost. The side is splitByPrompt's; a record of several rows (a tree of answers) goes where its first row goes. Memory
 * does not grow with the records. Where `right` differs from `used` the caller runs it again with `threshold: right`.
 *
 * Throws bad-input for a fraction outside [0, 1), unknown formats and unreadable sources; problems of rows are in the summary.
 */
export async function splitRecords(
  sources: readonly DataSource[],
  options: SplitRecordsOptions & { readonly threshold?: number },
  write: (side: keyof PromptSplit, line: string) => void,
): Promise<SplitSummary> {
  const { fraction, seed, threshold = fraction } = options;
  requireFraction(fraction);
  const range = createPlaceRange();
  const problems = createProblemLog();
  const formats: DetectedFormat[] = [];
  const counts = { train: 0, heldOut: 0 };
  const perSource: { name: string; records: number }[] = [];
  let skipped = 0;
  let seen = 0;
  for (const source of sources) {
    const tally = { name: source.name, records: 0 };
    perSource.push(tally);
    for await (const batch of readRecordRows(source, options)) {
      if (options.signal?.aborted) throw new PreftuneError('cancelled', `data split: stopped after ${seen} records`);
      for (const event of batch) {
        if (event.kind === 'format') {
          formats.push(event.format);
          continue;
        }
        if (++seen % 1000 === 0) options.onProgress?.(seen);
        tally.records++;
        const first = event.rows.find(isRow);
        const bad = event.rows.flatMap((row) => (row.kind === 'problems' ? row.problems : []));
        for (const problem of bad) problems.add(problem);
        if (bad.length > 0 || first === undefined || event.record.kind === 'problem') {
          skipped++;
          continue;
        }
        const place = placeOfUnit(splitUnit(first), seed);
        range.add(place);
        const side = place < threshold ? 'heldOut' : 'train';
        counts[side]++;
        write(side, lineOf(event.record));
      }
    }
  }
  if (seen === 0 || counts.train + counts.heldOut === 0) {
    if (problems.total > 0) throw problems.error();
    throw badInput(`data split: data must hold a usable record, got ${seen} records, none of them usable`);
  }
  return { formats, counts, sources: perSource, skipped, problems, used: threshold, right: range.threshold(fraction) };
}

/**
 * The records whose prompt is one of `prompts` (hashes, as RowSet.promptHashes has them), each as JSON on one line, in the order of the sources; a record of
 * several rows by its first. `conversational` as the rows were read.
 */
export async function* recordsOfPrompts(
  sources: readonly DataSource[],
  { prompts, conversational }: { readonly prompts: ReadonlySet<number>; readonly conversational: boolean },
): AsyncGenerator<string> {
  for (const source of sources)
    for await (const batch of readRecordRows(source, { conversational }))
      for (const event of batch) {
        if (event.kind === 'format' || event.record.kind === 'problem') continue;
        const first = event.rows.find(isRow);
        if (first === undefined || !prompts.has(hashOfPrompt(splitUnit(first)))) continue;
        // Under the names that formats know it is read without --columns.
        const named = underFields(source, event.record.value);
        yield named === undefined ? lineOf(event.record) : writeExactJson(named);
      }
}

function isRow(event: RowEvent): event is Exclude<RowEvent, { kind: 'format' | 'problems' }> & DataRow {
  return event.kind !== 'problems' && event.kind !== 'format';
}

function lineOf(record: RecordEvent & { kind: 'record' }): string {
  // Line ends of JSON stand between its tokens only: inside texts they are escaped.
  const { text } = record;
  if (text === undefined) return writeExactJson(record.value);
  return (/[\r\n]/.test(text) ? text.replaceAll(/[\r\n]+/g, ' ') : text).trim();
}
