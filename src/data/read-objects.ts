import { badInput, isObject, type JsonRecord } from '../core/index.ts';
import { createFieldReader, type FieldReader } from './fields.ts';
import { createProblemLog } from './problems.ts';
import { readNamedRecords } from './reading/named-records.ts';
import { readLineRecords, readRecords } from './records.ts';
import type { DataSource } from './sources/source.ts';

/** One record that is an object. */
export interface ObjectRecord {
  readonly value: JsonRecord;
  /** Reads its fields; what is added to its problems is told with the record's place. */
  readonly fields: FieldReader;
  /** 1-based, of the record. */
  readonly line: number;
}

export interface ReadObjectsOptions<T> {
  /** What a record must be: `an object with prompt and instruction_id_list`. */
  readonly expected: string;
  /** What a record is, for a source that has none: `prompt`. */
  readonly noun: string;
  /** Plain text (.txt) is read too: each line, as the record {"text"}. `onContainer` hears what the source was. */
  readonly takesLines?: boolean;
  readonly onContainer?: ((container: string) => void) | undefined;
  /** What a record says; undefined, with a problem among its fields', where it says nothing. */
  readonly read: (record: ObjectRecord) => T | undefined;
}

/** What every record of a source says. Throws bad-input with the problems of all of them at once, and for a source without records. */
export async function readObjects<T>(
  source: DataSource,
  { expected, noun, read, takesLines = false, onContainer }: ReadObjectsOptions<T>,
): Promise<T[]> {
  const found: T[] = [];
  const log = createProblemLog();
  const readAll = (named: DataSource) =>
    takesLines ? readLineRecords(named, onContainer) : readRecords(named, undefined, onContainer);
  for await (const event of readNamedRecords(source, readAll)) {
    if (event.kind === 'problem') {
      log.add(event.problem);
      continue;
    }
    const { value, origin, place } = event;
    const at = { file: origin.file, line: place.line };
    if (!isObject(value)) {
      log.add({ reason: 'not-an-object', message: `a record must be ${expected}`, ...at });
      continue;
    }
    const fields = createFieldReader(value);
    const said = read({ value, fields, line: origin.line });
    for (const problem of fields.problems) log.add({ ...problem, ...at });
    if (said !== undefined) found.push(said);
  }
  if (log.total > 0) throw log.error();
  if (found.length === 0)
    throw badInput({ file: source.name, message: `data must hold at least one ${noun}, got an empty file` });
  return found;
}
