import { isObject, type JsonRecord } from '../../core/index.ts';
import { readRecords } from '../records.ts';
import type { RecordEvent } from '../records/record-parser.ts';
import type { ColumnNames, DataSource } from '../sources/source.ts';
import { clashesOf, clashText, renamed, usedColumns } from './columns.ts';

/** As readRecords, or another reader of records, with columns under the names that a user gave them (withColumns). Throws bad-input as usedColumns does, of the first record. */
export async function* readNamedRecords(
  source: DataSource,
  read: (source: DataSource) => AsyncGenerator<RecordEvent, void> = readRecords,
): AsyncGenerator<RecordEvent, void> {
  if (source.columns === undefined) return yield* read(source);
  let used: { readonly columns: ColumnNames | undefined } | undefined;
  for await (const event of read(source)) {
    if (event.kind === 'problem' || !isObject(event.value)) {
      yield event;
      continue;
    }
    used ??= { columns: usedColumns(source, [event.value]) };
    yield used.columns === undefined ? event : namedEvent(event, event.value, used.columns);
  }
}

function namedEvent(
  event: Extract<RecordEvent, { kind: 'record' }>,
  value: JsonRecord,
  columns: ColumnNames,
): RecordEvent {
  const [clash] = clashesOf(value, columns);
  if (clash === undefined) return { ...event, value: renamed(value, columns).record };
  const { file } = event.origin;
  const message = clashText(clash, columns);
  return { kind: 'problem', problem: { reason: 'wrong-type', file, line: event.place.line, message } };
}
