import { internal, type JsonRecord } from '../core/index.ts';
import type { FieldProblem } from './problems.ts';
import type { DataRow, RowOrigin } from './row.ts';

/** A shape of records that preftune reads and writes. A new one is an entry in FORMATS. */
export interface DataFormat {
  readonly name: string;
  /** What its rows are; a reader yields this kind only. */
  readonly kind: DataRow['kind'];
  /** What a record has, in a few words, for help and errors; what detection looks at. */
  readonly description: string;
  /** What its rows' prompts and answers are. */
  readonly content: 'texts' | 'turns';
  /** The file opens with a byte order mark. */
  readonly byteOrderMark?: boolean;
  /**
   * How well a record fits: 1 (nothing else looks like it), 0.5 (fits), at most 0.1 (a mistyped record of it), 0. Looks at
   * shape only. A format that is another's with stricter rules detects nothing and is read by name.
   */
  detect(record: JsonRecord): number;
  /** The row of a record, or everything that is wrong with its fields. Row rules (validate.ts) are checked by the caller. */
  parse(record: JsonRecord, context: ParseContext): ParsedRecord;
  /**
   * The record of a row of the format's kind and content. What the format has no place for is left out; convert finds out by
   * reading the record again. Refused when the conversation itself has no place in it.
   */
  write(row: DataRow): WrittenRecord;
}

export interface ParseContext {
  readonly origin: RowOrigin;
  readonly id: string;
  /** Whether rows may be conversations; false where the tokenizer has no chat template. */
  readonly conversational: boolean;
}

export type ParsedRecord =
  | DataRow
  /** A record of several rows, or none: a tree of answers. */
  | { readonly kind: 'rows'; readonly rows: readonly DataRow[] }
  | { readonly kind: 'problems'; readonly problems: readonly FieldProblem[] };

export type WrittenRecord =
  | { readonly kind: 'record'; readonly record: JsonRecord }
  /** `why` completes "<format> ...": "has no place for tool calls". */
  | { readonly kind: 'refused'; readonly why: string };

/** `row` unless problems were found. */
export function rowUnless(problems: readonly FieldProblem[], row: DataRow): ParsedRecord {
  return problems.length > 0 ? { kind: 'problems', problems } : row;
}

/** A record, without the fields that are undefined. */
export function written(fields: JsonRecord): WrittenRecord {
  // Mostly there are none, and there are millions of records.
  if (!Object.values(fields).includes(undefined)) return { kind: 'record', record: fields };
  const present = Object.entries(fields).filter(([, value]) => value !== undefined);
  return { kind: 'record', record: Object.fromEntries(present) };
}

export function refused(why: string): WrittenRecord {
  return { kind: 'refused', why };
}

type RowOf<K extends DataRow['kind']> = Extract<DataRow, { readonly kind: K }>['row'];

/** The row of that kind; convert makes it so before it asks a format to write. Throws `internal:` otherwise. */
export function rowOfKind<K extends DataRow['kind']>(row: DataRow, kind: K): RowOf<K> {
  if (row.kind === kind) return row.row as unknown as RowOf<K>;
  throw internal(`a writer of ${kind} rows got a ${row.kind}`);
}
