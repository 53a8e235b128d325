import { count } from '../core/index.ts';
import { writeMeta } from './row-meta.ts';
import type { DataRow } from './row.ts';

/** What reading left out of rows, in all. JSON-safe. */
export interface FieldUse {
  /** Fields that are kept beside rows and take no part in training, with the number of rows that have them. */
  readonly unused: Readonly<Record<string, number>>;
  /** Nulls that a table had padded tools and turns with. */
  readonly removedNulls: number;
}

/** Options that make a field count. */
const OPTIONS: Readonly<Record<string, string>> = { margin: 'used with --margins', weight: 'used with --weights' };

export interface FieldUseLog {
  add(row: DataRow): void;
  addNulls(count: number): void;
  result(): FieldUse;
}

export function createFieldUseLog(): FieldUseLog {
  const rowsWith = new Map<string, number>();
  let removedNulls = 0;
  return {
    add({ row }) {
      if (row.meta === undefined) return;
      for (const name of Object.keys(writeMeta(row.meta))) rowsWith.set(name, (rowsWith.get(name) ?? 0) + 1);
    },
    addNulls(more) {
      removedNulls += more;
    },
    result: () => ({ unused: Object.fromEntries(rowsWith), removedNulls }),
  };
}

/** The use of fields in sentences; none where everything was used. */
export function fieldUseLines({ unused, removedNulls }: FieldUse): string[] {
  const names = Object.keys(unused).map((name) => (OPTIONS[name] === undefined ? name : `${name} (${OPTIONS[name]})`));
  return [
    ...(names.length > 0 ? [`fields that are not used: ${names.join(', ')}`] : []),
    ...(removedNulls > 0
      ? [
          `${count(removedNulls)} ${removedNulls === 1 ? 'null' : 'nulls'} of tools and turns left out, with which a table pads what is absent`,
        ]
      : []),
  ];
}
