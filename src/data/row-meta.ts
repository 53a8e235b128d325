import { has, type JsonRecord } from '../core/index.ts';
import type { RowMeta } from './row.ts';

type TypedMeta = Omit<RowMeta, 'fields'>;

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
 * column of another type stays in `fields` too. Undefined when nothing is left.
 */
export function readMeta(record: JsonRecord, used: readonly string[]): RowMeta | undefined {
  // Most records have nothing else, and there are millions of them.
  if (Object.keys(record).every((name) => used.includes(name) || record[name] === null)) return undefined;
  const meta: Record<string, unknown> = {};
  const taken = new Set(used);
  for (const [key, { type, names }] of Object.entries(COLUMNS) as [string, Column][]) {
    for (const name of names) {
      const value = taken.has(name) || !has(record, name) ? undefined : typed(record[name], type);
      if (value === undefined) continue;
      meta[key] = value;
      taken.add(name);
      break;
    }
  }
  const rest = Object.entries(record).filter(([name, value]) => !taken.has(name) && value !== null);
  if (rest.length > 0) meta['fields'] = Object.fromEntries(rest);
  return Object.keys(meta).length > 0 ? meta : undefined;
}

/** The columns of `meta`, `fields` first, so that a typed part wins over a field of its name. */
export function writeMeta(meta: RowMeta | undefined): JsonRecord {
  if (meta === undefined) return {};
  const columns: Record<string, unknown> = { ...meta.fields };
  for (const [key, { names }] of Object.entries(COLUMNS) as [keyof TypedMeta, Column][]) {
    if (meta[key] !== undefined) columns[names[0]!] = meta[key];
  }
  return columns;
}

/** Texts of people may be numbers (an annotator's), and numbers texts (every cell of a CSV file). */
function typed(value: unknown, type: Column['type']): string | number | undefined {
  if (type === 'either') return typeof value === 'string' || typeof value === 'number' ? value : undefined;
  if (type === 'text') return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined;
  return numberOf(value);
}

/** A number, or a text that is one; undefined otherwise. */
export function numberOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}
