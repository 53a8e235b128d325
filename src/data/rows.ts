import { foreignRecord, foreignText } from './reading/foreign-files.ts';
import { notRows, headText, readRecordBatches } from './records.ts';
import { createDecoder, type Decoded } from './reading/written-out.ts';
import { createSourceHead, type SourceHead } from './reading/source-head.ts';
import { withoutPadding } from './reading/null-padding.ts';
import { clashesOf, clashText, renamed, usedColumns } from './reading/columns.ts';
import { inOwnNames, respelled, type Respelled } from './reading/spellings.ts';
import type { ParsedRecord, DataFormat } from './format.ts';
import { lostContent } from './reading/lost-content.ts';
import { badInput, isNumber, isObject, type JsonRecord } from '../core/index.ts';
import { DETECTION_RECORDS, detectFormat, formatNamed, otherFormat } from './format-registry.ts';
import { DATA_LIMITS, type DataLimits } from './limits.ts';
import {
  createProblemLog,
  shown,
  type FieldProblem,
  type ProblemLog,
  type ProblemReason,
  type RecordProblem,
} from './problems.ts';
import type { RecordEvent, TextPlace } from './records/record-parser.ts';
import type { DataRow, RowOrigin } from './row.ts';
import type { ColumnNames, DataSource } from './sources/source.ts';
import { validateRow } from './validate.ts';

export interface ReadRowsOptions {
  /** The name of a format; default: detected, per source, from the first DETECTION_RECORDS records. */
  readonly format?: string;
  /** Whether transcripts may become conversations; default true. */
  readonly conversational?: boolean;
  readonly limits?: DataLimits;
  /** Called with the number of nulls of a record that a table had padded it with. */
  readonly onRemovedNulls?: (count: number) => void;
}

/** What a source yields, in file order: first its format, then for every record a row or its problems. */
export type RowEvent =
  | { readonly kind: 'format'; readonly format: DetectedFormat }
  | ({ readonly place: TextPlace } & DataRow)
  | { readonly kind: 'problems'; readonly problems: readonly RecordProblem[] };

export interface DetectedFormat {
  readonly file: string;
  readonly name: string;
  readonly kind: DataFormat['kind'];
  /** How many records decided it; 0 when the caller named the format. */
  readonly fromRecords: number;
  /** What the bytes were, where they were not JSON: `Parquet`, `CSV separated by ;`. */
  readonly container?: string;
  /** Fields of the first records that have another name than the format's own: `{ chosen: 'chosen_response' }`. */
  readonly names?: Respelled['names'];
}

/** What a record became: its rows or its problems. */
export interface RecordRows {
  readonly kind: 'record';
  readonly record: RecordEvent;
  readonly rows: readonly RowEvent[];
}

/** A format as a report says it, with what it was told by: `format: trl-text (text: a plain text, ...), from the first 100 rows`. */
export function formatLine(format: DetectedFormat): string {
  const { name, fromRecords, container, names = {} } = format;
  const rows = fromRecords === 1 ? 'row' : `${fromRecords} rows`;
  const bytes = container === undefined ? '' : ` (${container})`;
  const others = Object.entries(names).map(([known, own]) => `${own} as ${known}`);
  const read = others.length === 0 ? '' : `; reads ${others.join(', ')}`;
  return `format: ${name} (${formatNamed(name).description}), ${fromRecords === 0 ? 'as named' : `from the first ${rows}`}${bytes}${read}`;
}

/**
 * Reads and validates the rows of a source, streaming. Throws bad-input when the format is unknown, and when a record has
 * another known format than the source: the first such record is named, because half a file read wrongly is worse than none.
 */
export async function* readRows(source: DataSource, options: ReadRowsOptions = {}): AsyncGenerator<RowEvent> {
  for await (const batch of readRowBatches(source, options)) for (const event of batch) yield event;
}

/** As readRows, as many at a time as came together. */
export async function* readRowBatches(
  source: DataSource,
  options: ReadRowsOptions = {},
): AsyncGenerator<readonly RowEvent[]> {
  for await (const batch of readRecordRows(source, options))
    yield batch.flatMap((event): readonly RowEvent[] => (event.kind === 'format' ? [event] : event.rows));
}

/** As readRowBatches, record by record, with what stood in the file. */
export async function* readRecordRows(
  source: DataSource,
  options: ReadRowsOptions = {},
): AsyncGenerator<readonly (RecordRows | Extract<RowEvent, { kind: 'format' }>)[]> {
  let container = '';
  const batches = readRecordBatches(source, options.limits ?? DATA_LIMITS, (found) => {
    container = found;
  });
  try {
    const head: RecordEvent[] = [];
    while (head.length < DETECTION_RECORDS) {
      const next = await batches.next();
      if (next.done) break;
      head.push(...next.value);
    }
    const first = head.slice(0, DETECTION_RECORDS);
    const objects = first.flatMap((event) => (event.kind === 'record' && isObject(event.value) ? [event.value] : []));
    await refuseForeign(source, { head, objects });
    if (options.format === undefined && objects.length === 0) {
      yield* reportUnread(source, head, batches);
      return;
    }
    const columns = usedColumns(source, objects);
    const spelled = objects.map((record) => spelledOf(record, columns));
    const decode = createDecoder(spelled.map(({ record }) => record));
    const decoded = spelled.map(({ record }) => decode(record).record);
    const known = createSourceHead(decoded);
    const isNamed = options.format !== undefined;
    const format = isNamed
      ? formatNamed(options.format!)
      : detectFormat(decoded.map(known.filled), source.name, objects);
    const { name, kind } = format;
    const isJson = container === '' || container.includes('JSON');
    const names: Respelled['names'] = Object.assign({}, ...spelled.map((record) => record.names));
    const isRespelled = Object.keys(names).length > 0;
    const fromRecords = isNamed ? 0 : objects.length;
    const detected = { file: source.name, name, kind, fromRecords, ...(isRespelled && { names }) };
    const read = createRowReader({ format, columns, decode, head: known }, options);
    const rowsOf = (record: RecordEvent): RecordRows => ({ kind: 'record', record, rows: read(record) });
    yield [{ kind: 'format', format: isJson ? detected : { ...detected, container } }];
    yield head.map(rowsOf);
    for await (const batch of batches) yield batch.map(rowsOf);
  } finally {
    await batches.return();
  }
}

/** Throws bad-input where the first records say that the file as a whole is none of rows: one message instead of one a line. */
async function refuseForeign(
  source: DataSource,
  { head, objects }: { readonly head: readonly RecordEvent[]; readonly objects: readonly JsonRecord[] },
): Promise<void> {
  const [only] = objects;
  if (only !== undefined && head.length === 1) {
    const foreign = foreignRecord(only);
    if (foreign !== undefined) throw notRows(source.name, foreign);
  }
  // A source of bytes from a stream is not read twice: its lines are told as they are.
  if (objects.length > 0 || head.length === 0) return;
  const foreign = foreignText(await headText(source));
  if (foreign !== undefined) throw notRows(source.name, foreign);
}

/** A source whose first records are all broken: their problems, or that there is no record at all. */
async function* reportUnread(
  source: DataSource,
  head: readonly RecordEvent[],
  rest: AsyncIterable<readonly RecordEvent[]>,
): AsyncGenerator<readonly RecordRows[]> {
  if (head.length === 0)
    throw badInput({ file: source.name, message: 'data must hold at least one record, got an empty file' });
  yield head.map(unread);
  for await (const batch of rest) yield batch.map(unread);
}

function unread(record: RecordEvent): RecordRows {
  return { kind: 'record', record, rows: [problemsOf(record)] };
}

function problemsOf(event: RecordEvent): RowEvent {
  if (event.kind === 'problem') return { kind: 'problems', problems: [event.problem] };
  const message = `a record must be an object with named fields, got ${shown(event.value)}`;
  return { kind: 'problems', problems: [locate(event, { reason: 'not-an-object', message })] };
}

interface SourceReading {
  readonly format: DataFormat;
  readonly columns: ColumnNames | undefined;
  readonly decode: (record: JsonRecord) => Decoded;
  readonly head: SourceHead;
}

/** The events of a record: its problems, or its row; a tree of answers may have several rows, or none. */
function createRowReader(
  { format, columns, decode, head }: SourceReading,
  options: ReadRowsOptions,
): (event: RecordEvent) => readonly RowEvent[] {
  const conversational = options.conversational ?? true;
  const earlier = createProblemLog();
  const readOne = (event: RecordEvent): readonly RowEvent[] => {
    if (event.kind === 'problem' || !isObject(event.value)) return [problemsOf(event)];
    const { origin, place } = event;
    const { record: known, names } = spelledOf(event.value, columns);
    const { record: whole, problems: undecoded } = decode(known);
    const clashes = columns === undefined ? NO_PROBLEMS : clashProblems(event.value, columns);
    const { record, removed } = withoutPadding(whole);
    const other =
      options.format === undefined && undecoded.length === 0 ? otherFormat(head.filled(record), format) : undefined;
    if (other !== undefined) throw mixedFormats(event, { format, other, earlier });
    const problems = undecoded.length > 0 ? undecoded : clashes.length > 0 ? clashes : undefined;
    const parsed: ParsedRecord =
      problems === undefined
        ? format.parse(record, { origin, id: idOf(record, origin), conversational })
        : { kind: 'problems', problems };
    const rows = parsed.kind === 'problems' ? [] : parsed.kind === 'rows' ? parsed.rows : [parsed];
    const found =
      parsed.kind === 'problems'
        ? parsed.problems
        : [...rows.flatMap(validateRow), ...lostContent(record, rows, format)];
    if (found.length > 0)
      return [{ kind: 'problems', problems: found.map((problem) => locate(event, inNamesOf(problem, names))) }];
    if (removed > 0) options.onRemovedNulls?.(removed);
    return rows.map((row) => ({ ...row, place }));
  };
  return (event) => {
    const events = readOne(event);
    for (const one of events) if (one.kind === 'problems') one.problems.forEach(earlier.add);
    return events;
  };
}

const NO_PROBLEMS: readonly FieldProblem[] = [];

function clashProblems(record: JsonRecord, columns: ColumnNames): readonly FieldProblem[] {
  return clashesOf(record, columns).map((path) => ({
    reason: 'wrong-type',
    path,
    message: clashText(path, columns),
  }));
}

/** The record under the names that formats know: the columns that a user named, then what other tools call fields. */
function spelledOf(record: JsonRecord, columns: ColumnNames | undefined): Respelled {
  if (columns === undefined) return respelled(record);
  const own = renamed(record, columns);
  const found = respelled(own.record);
  const names = Object.entries(found.names).map(([name, from]) => [name, own.names[from] ?? from] as const);
  return { record: found.record, names: { ...own.names, ...Object.fromEntries(names) } };
}

function inNamesOf({ path, message, ...problem }: FieldProblem, names: Respelled['names']): FieldProblem {
  const own = path === undefined ? {} : { path: inOwnNames(path, names) };
  return { ...problem, ...own, message: inOwnNames(message, names) };
}

interface MixedFormats {
  readonly format: DataFormat;
  readonly other: DataFormat;
  /** What was wrong with rows before it, which is told with it. */
  readonly earlier: ProblemLog;
}

function mixedFormats(event: RecordEvent & { kind: 'record' }, { format, other, earlier }: MixedFormats) {
  const message =
    `all rows of a file must have one format, got ${other.name} after rows of ${format.name}; ` +
    'split the file, or name the format';
  const before = earlier.total === 0 ? [] : earlier.error().problems;
  return badInput([...before, locate(event, { reason: 'wrong-type', message })]);
}

/** The row's own id, or its line; rows of several sources are told apart by the caller. */
function idOf(record: JsonRecord, origin: RowOrigin): string {
  const { id } = record;
  return typeof id === 'string' && id !== '' ? id : isNumber(id) ? String(id) : String(origin.line);
}

/** A problem with the file's line, and in a JSON list, where lines say little, the element's position. */
function locate(
  { origin, place }: { readonly origin: RowOrigin; readonly place: TextPlace },
  problem: FieldProblem,
): RecordProblem {
  const element = place.line === origin.line && place.column === 1 ? '' : `element ${origin.line}: `;
  const message = `${element}${problem.message}`;
  const path = problem.path === undefined ? {} : { path: problem.path };
  const reason: ProblemReason = problem.reason;
  return { reason, file: origin.file, line: place.line, ...path, message };
}
