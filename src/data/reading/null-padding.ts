import { isObject, type JsonRecord } from '../../core/index.ts';

/** Keys of JSON schemas at which null says something: that the default is null, or the only value. */
const MEANT = new Set(['default', 'const']);

/** A record without the nulls that a table padded it with, and how many there were. */
export interface Unpadded {
  readonly record: JsonRecord;
  readonly removed: number;
}

/**
 * Removes the nulls that Arrow writes where the structs of a column have different fields, so that the same tool has the same text whatever stands
 * beside it in the table: in tools, in the arguments of tool calls, and in what else a turn has, at every depth. Nulls of `default` and `const`, and
 * nulls in lists (enum), mean something and stay. The record itself is given back where nothing was padded.
 */
export function withoutPadding(record: JsonRecord): Unpadded {
  let removed = 0;
  const strip = (value: unknown): unknown => {
    if (Array.isArray(value)) {
      const items = value.map(strip);
      return items.every((item, index) => item === value[index]) ? value : items;
    }
    if (!isObject(value)) return value;
    let isSame = true;
    const kept: [string, unknown][] = [];
    for (const [name, inner] of Object.entries(value)) {
      if (inner === null && !MEANT.has(name)) {
        removed++;
        isSame = false;
        continue;
      }
      const clean = strip(inner);
      if (clean !== inner) isSame = false;
      kept.push([name, clean]);
    }
    return isSame ? value : Object.fromEntries(kept);
  };
  const turnsOf = (value: unknown): unknown =>
    Array.isArray(value) ? value.map((turn) => (isObject(turn) ? stripTurn(turn, strip) : turn)) : value;
  /** A conversation with its tools in one object, as OpenAI's `input`. */
  const nested = (value: unknown): unknown => {
    if (!isObject(value) || !(Array.isArray(value['messages']) || Array.isArray(value['tools']))) return value;
    const inner = withoutPadding(value);
    removed += inner.removed;
    return inner.record;
  };
  const changed: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(record)) {
    const clean = name === 'tools' ? strip(value) : isTurnList(value) ? turnsOf(value) : nested(value);
    if (clean !== value) changed[name] = clean;
  }
  return Object.keys(changed).length === 0 ? { record, removed } : { record: { ...record, ...changed }, removed };
}

/** Only turns with more than a role and a text can be padded below their first level. */
function isTurnList(value: unknown): boolean {
  return Array.isArray(value) && value.some((turn) => isObject(turn) && Object.values(turn).some(isNested));
}

function isNested(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

/** A turn's own nulls are dropped where it is read; what stands below them is dropped here. */
function stripTurn(turn: JsonRecord, strip: (value: unknown) => unknown): JsonRecord {
  return Object.fromEntries(
    Object.entries(turn).map(([name, value]) => [name, name === 'content' ? value : strip(value)]),
  );
}
