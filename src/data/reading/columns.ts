import { badInput, editDistance, has, isObject, nearestName, type JsonRecord, type Problem } from '../../core/index.ts';
import { FORMATS } from '../format-registry.ts';
import type { ColumnNames, DataSource } from '../sources/source.ts';
import type { Respelled } from './spellings.ts';

/** Fields that most columns become; a name near one of them is a slip. */
const COMMON_FIELDS = ['prompt', 'chosen', 'rejected', 'completion', 'label', 'messages', 'conversations', 'score'];

/** What is wrong with columns as a user names them; undefined where nothing is. */
export function columnsProblem(columns: ColumnNames): string | undefined {
  const fields = Object.keys(columns);
  if (fields.length === 0) return 'must name a column, such as prompt=question';
  for (const field of fields) {
    const near = isKnown(field) ? undefined : COMMON_FIELDS.find((known) => isSlip(field, known));
    if (near !== undefined) return `must begin with a field that formats know, got ${field}; did you mean ${near}?`;
  }
  return undefined;
}

/** The sources, whose columns have these names. */
export function withColumns(sources: readonly DataSource[], columns: ColumnNames | undefined): readonly DataSource[] {
  return columns === undefined ? sources : sources.map((source) => ({ ...source, columns }));
}

/**
 * The columns to rename in a source that begins with `records`: none where it has the fields already and none of the columns, as one of
 * several files may. Throws bad-input with every column that no record has, and every field that another column has already.
 */
export function usedColumns({ columns, name }: DataSource, records: readonly JsonRecord[]): ColumnNames | undefined {
  if (columns === undefined || records.length === 0) return undefined;
  const fields = Object.keys(columns);
  const missing = fields.filter((field) => records.every((record) => valueAt(record, columns[field]!) === undefined));
  const hasFields = fields.every((field) => records.some((record) => has(record, field)));
  if (missing.length === fields.length && hasFields) return undefined;
  const present = Array.from(new Set(records.flatMap((record) => Object.keys(record))));
  const problems = missing.map((field): Problem => {
    const near = nearestName(columns[field]!, present);
    const hint = near === undefined ? '' : `; did you mean ${near}?`;
    return {
      file: name,
      path: 'columns',
      message: `the column ${columns[field]!} (for ${field}) must be there, got ${present.join(', ')}${hint}`,
    };
  });
  for (const field of new Set(records.flatMap((record) => clashesOf(record, columns))))
    problems.push({ file: name, path: 'columns', message: clashText(field, columns) });
  if (problems.length > 0) throw badInput(problems);
  return columns;
}

/** The record with its columns under the names that formats know; a column whose part is taken stays as it is. */
export function renamed(record: JsonRecord, columns: ColumnNames): Respelled {
  const found = Object.entries(columns).flatMap(([field, column]) => {
    const value = valueAt(record, column);
    return value === undefined ? [] : [{ field, column, value }];
  });
  const moved = new Set(found.map(({ column }) => column));
  const kept = Object.entries(record).filter(([name]) => !moved.has(name));
  return {
    record: Object.fromEntries([...kept, ...found.map(({ field, value }) => [field, value] as const)]),
    names: columns,
  };
}

/** A record of a source whose columns a user named, under the names that formats know; undefined where it has them already. */
export function underFields({ columns }: DataSource, record: unknown): JsonRecord | undefined {
  if (columns === undefined || !isObject(record)) return undefined;
  const isNamed = Object.values(columns).some((column) => valueAt(record, column) !== undefined);
  return isNamed ? renamed(record, columns).record : undefined;
}

/** What is wrong with a record that has two columns for one field; a later record may, although the first ones have not. */
export function clashText(field: string, columns: ColumnNames): string {
  return `the column ${columns[field]!} becomes ${field}, and a column ${field} is there too; name that one as well, such as old_${field}=${field}`;
}

/** Fields that a column becomes although the record has them under their own name, and that one does not become another. */
export function clashesOf(record: JsonRecord, columns: ColumnNames): string[] {
  const moved = new Set(Object.values(columns));
  return Object.entries(columns).flatMap(([field, column]) =>
    has(record, field) && !moved.has(field) && valueAt(record, column) !== undefined ? [field] : [],
  );
}

/** Two letters of prompt or chosen, one of a shorter word: `source` is no slip of score. */
function isSlip(field: string, known: string): boolean {
  return editDistance(field.toLowerCase(), known) <= (known.length > 5 ? 2 : 1);
}

function isKnown(field: string): boolean {
  return COMMON_FIELDS.includes(field) || FORMATS.some(({ description }) => description.match(/\w+/g)?.includes(field));
}

/** The column of that name, else the place that its dots lead to: names of objects and numbers of lists. */
function valueAt(record: JsonRecord, column: string): unknown {
  if (has(record, column)) return record[column];
  if (!column.includes('.')) return undefined;
  let value: unknown = record;
  for (const part of column.split('.')) {
    if (Array.isArray(value)) value = /^-?\d+$/.test(part) ? value.at(Number(part)) : undefined;
    else if (isObject(value) && has(value, part)) value = value[part];
    else return undefined;
  }
  return value;
}
