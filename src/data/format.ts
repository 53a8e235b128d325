import type { JsonObject } from './fields.ts';
import type { FieldProblem } from './problems.ts';
import type { DataRow, RowOrigin } from './row.ts';

/** A shape of records that preftune reads. A new one is an entry in FORMATS. */
export interface DataFormat {
  readonly name: string;
  readonly kind: DataRow['kind'];
  /** What a record has, in a few words, for help and errors. */
  readonly description: string;
  /** How well a record fits, from 0 (not this format) to 1 (nothing else looks like it). Looks at shape only. */
  detect(record: JsonObject): number;
  /** The row of a record, or everything that is wrong with its fields. Row rules (validate.ts) are checked by the caller. */
  parse(record: JsonObject, context: ParseContext): ParsedRecord;
}

export interface ParseContext {
  readonly origin: RowOrigin;
  readonly id: string;
  /** Whether rows may be conversations; false where the tokenizer has no chat template. */
  readonly conversational: boolean;
}

export type ParsedRecord = DataRow | { readonly kind: 'problems'; readonly problems: readonly FieldProblem[] };

/** `row` unless problems were found. */
export function rowUnless(problems: readonly FieldProblem[], row: DataRow): ParsedRecord {
  return problems.length > 0 ? { kind: 'problems', problems } : row;
}
