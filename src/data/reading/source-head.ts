import type { JsonRecord } from '../../core/index.ts';

/** What the first records of a source say about a record that lacks something. */
export interface SourceHead {
  /**
   * The record as it would be without its gaps, to see whose format it is: a field that is null has a value of another record, and so has a field that is missing
   * where most records have it. A record that shares less than half of what is common, or has a
   * field that no first record has, keeps its missing fields: it may be of another format.
   */
  filled(record: JsonRecord): JsonRecord;
}

export function createSourceHead(records: readonly JsonRecord[]): SourceHead {
  const samples = new Map<string, unknown>();
  const counts = new Map<string, number>();
  for (const record of records)
    for (const [name, value] of Object.entries(record)) {
      if (value === null) continue;
      if (!samples.has(name)) samples.set(name, value);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  const common = [...samples.keys()].filter((name) => 2 * counts.get(name)! > records.length);
  const isKnown = (name: string): boolean => samples.has(name);
  return {
    filled(record) {
      const names = Object.keys(record);
      const hasNull = names.some((name) => record[name] === null && isKnown(name));
      const missing = common.filter((name) => !Object.hasOwn(record, name));
      const isOwn =
        names.every((name) => record[name] === null || isKnown(name)) && 2 * missing.length <= common.length;
      if (!hasNull && (missing.length === 0 || !isOwn)) return record;
      const filled: Record<string, unknown> = { ...record };
      for (const name of names) if (record[name] === null && isKnown(name)) filled[name] = samples.get(name);
      if (isOwn) for (const name of missing) filled[name] = samples.get(name);
      return filled;
    },
  };
}
