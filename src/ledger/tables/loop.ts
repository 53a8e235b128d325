import type { TableSet } from './table-set.ts';

/**
 * A snapshot is the rows that a training began from: their hashes, in order. What was trained on it (a job, a version) is named by it, so that an erasure can say which
 * models have learned from whom.
 */
const SCRIPT = `
CREATE TABLE snapshots (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  digest TEXT NOT NULL,
  detail TEXT
) STRICT;

CREATE TABLE snapshot_rows (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  snapshot_id TEXT NOT NULL REFERENCES snapshots (id) ON DELETE CASCADE,
  row_id TEXT NOT NULL
) STRICT;
CREATE INDEX snapshot_rows_by_snapshot ON snapshot_rows (snapshot_id, seq);
CREATE INDEX snapshot_rows_by_row ON snapshot_rows (row_id);

CREATE TABLE snapshot_uses (
  snapshot_id TEXT NOT NULL REFERENCES snapshots (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (snapshot_id, name)
) STRICT, WITHOUT ROWID;
`;

export const LOOP_TABLES: TableSet = { script: SCRIPT, erase: () => [], exports: [], sweeps: [] };
