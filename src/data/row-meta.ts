import { finiteNumber, has, isNumber, JsonNumber, type JsonRecord } from '../core/index.ts';
import type { RowMeta } from './row.ts';

type TypedMeta = Omit<RowMeta, 'fields' | 'spelled'>;

interface Column {
  readonly type: 'text' | 'number' | 'either';
  /** What formats call it, the name that is written first. */
  readonly names: readonly string[];
}

/** Where records without a rule of their own keep each part of RowMeta. */
const COLUMNS = {
  source: { type: 'text', names: ['source', 'subset', 'domain', 'dataset'] },
  annotator: { type: 'text', names: ['annotator', 'annotator_id', 'judge', 'user_id'] },
  createdAt: { type: 'either', names: ['created_at', 'timestamp', 'tstamp'] },
  language: { type: 'text', names: ['language', 'lang'] },
  margin: { type: 'number', names: ['margin'] },
  weight: { type: 'number', names: ['weight'] },
  chosenModel: { type: 'text', names: ['chosen_model', 'chosen-model'] },
  rejectedModel: { type: 'text', names: ['rejected_model', 'rejected-model'] },
  chosenScore: { type: 'number', names: ['score_chosen', 'chosen_score', 'chosen_rating', 'chosen-rating'] },
  rejectedScore: { type: 'number', names: ['score_rejected', 'rejected_score', 'rejected_rating', 'rejected-rating'] },
  model: { type: 'text', names: ['model'] },
  score: { type: 'number', names: ['score'] },
} satisfies Record<keyof TypedMeta, Column>;

/**
 * Everything of a record that `used` does not name: known columns typed, the others as they stand in `fields`. A known
 * column of another type stays in `fields` too. Undefined when nothing is left. `refuse` hears of numbers that no double holds in columns of numbers.
 */
export function readMeta(
  record: JsonRecord,
  used: readonly string[],
  refuse: (name: string, value: unknown) => void,
): RowMeta | undefined {
  // Most records have nothing else, and there are millions of them.
  if (Object.keys(record).every((name) => used.includes(name) || record[name] === null)) return undefined;
  const meta: Record<string, unknown> = {};
  const spelled: Record<string, JsonNumber> = {};
  const taken = new Set(used);
  for (const [key, { type, names }] of Object.entries(COLUMNS) as [string, Column][]) {
    for (const name of names) {
      const value = taken.has(name) || !has(record, name) ? undefined : typed(record[name], type);
      if (value === undefined) {
        if (type === 'number' && !taken.has(name) && isBeyondDoubles(record[name])) refuse(name, record[name]);
        continue;
      }
      meta[key] = value;
      const given = record[name];
      if (typeof value === 'number' && given instanceof JsonNumber) spelled[key] = given;
      taken.add(name);
      break;
    }
  }
  const rest = Object.entries(record).filter(([name, value]) => !taken.has(name) && value !== null);
  if (Object.keys(spelled).length > 0) meta['spelled'] = spelled;
  if (rest.length > 0) meta['fields'] = Object.fromEntries(rest);
  return Object.keys(meta).length > 0 ? meta : undefined;
}

/** The columns of `meta`, `fields` first, so that a typed part wins over a field of its name. */
export function writeMeta(meta: RowMeta | undefined): JsonRecord {
  if (meta === undefined) return {};
  const columns: Record<string, unknown> = { ...meta.fields };
  for (const [key, { names }] of Object.entries(COLUMNS) as [keyof TypedMeta, Column][]) {
    if (meta[key] !== undefined) columns[names[0]!] = spelledNumber(meta, key);
  }
  return columns;
}

/** `spelled` of a row whose typed parts were read from these values, besides what it has. */
export function spelledOf(values: Readonly<Record<string, unknown>>, meta?: RowMeta): Pick<RowMeta, 'spelled'> {
  const found = Object.entries(values).filter((entry): entry is [string, JsonNumber] => entry[1] instanceof JsonNumber);
  return found.length === 0 ? {} : { spelled: { ...meta?.spelled, ...Object.fromEntries(found) } };
}

/** The value of a typed part as the file spelled it; as it is where it was changed since. */
export function spelledNumber(meta: RowMeta, key: keyof TypedMeta): unknown {
  const spelled = meta.spelled?.[key];
  return spelled !== undefined && Object.is(Number(spelled.text), meta[key]) ? spelled : meta[key];
}

/** Texts of people may be numbers (an annotator's), and numbers texts (every cell of a CSV file). */
function typed(value: unknown, type: Column['type']): string | number | undefined {
  if (type === 'number') return numberOf(value);
  if (typeof value === 'string') return value;
  if (type === 'either') return finiteNumber(value);
  return isNumber(value) ? String(value) : undefined;
}

/** Of a value that numberOf makes nothing of: whether it is a number all the same, or a text of one. */
function isBeyondDoubles(value: unknown): boolean {
  return isNumber(value) || (typeof value === 'string' && /^\s*-?\d[\d.]*(?:[eE][+-]?\d+)?\s*$/.test(value));
}

/**
 * A number, or a text that is one; undefined otherwise. Fractions are rounded to a double, as every reader does; a whole number that no double is
 * (9007199254740993) and one beyond all doubles (1e400) is none to compute with.
 */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  const text = typeof value === 'string' ? value.trim() : value instanceof JsonNumber ? value.text : '';
  const number = text === '' ? NaN : Number(text);
  if (!Number.isFinite(number)) return undefined;
  return /^-?\d{16,}$/.test(text) && BigInt(text) !== BigInt(number) ? undefined : number;
}
