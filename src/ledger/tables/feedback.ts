import type { JsonObject } from '../../core/index.ts';
import { sql, type SqlRow } from '../../database/index.ts';
import type { TableSet } from './table-set.ts';

/**
 * Signals are what came, each once; of those of one slot (one person, one kind, one answer) the last one stands and the others stay. Rows are what was made of them, by the hash
 * of what they hold, with all that they came from. `user_hash` is who the sender says to be, `person_hash` who it was for all that the server knows.
 *
 * What is removed by its id takes along what was said of it, and the rows that it went into; what only became too old does not.
 */
const SCRIPT = `
CREATE TABLE signals (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  said_at INTEGER,
  kind TEXT NOT NULL,
  name TEXT,
  inference_id TEXT,
  choice INTEGER,
  other_id TEXT,
  other_choice INTEGER,
  episode_id TEXT,
  value REAL,
  word TEXT,
  text TEXT,
  detail TEXT,
  user_hash TEXT,
  person_hash TEXT,
  key_id TEXT,
  is_page INTEGER NOT NULL,
  model TEXT NOT NULL,
  version_id TEXT NOT NULL,
  slot TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  key_hash TEXT,
  is_current INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX signals_by_kind ON signals (kind, seq);
CREATE INDEX signals_by_model ON signals (model, seq);
CREATE INDEX signals_by_user ON signals (user_hash, seq) WHERE user_hash IS NOT NULL;
CREATE INDEX signals_by_person ON signals (person_hash, seq) WHERE person_hash IS NOT NULL;
CREATE INDEX signals_by_inference ON signals (inference_id, seq) WHERE inference_id IS NOT NULL;
CREATE INDEX signals_by_other ON signals (other_id, seq) WHERE other_id IS NOT NULL;
CREATE INDEX signals_by_episode ON signals (episode_id, seq) WHERE episode_id IS NOT NULL;
CREATE INDEX signals_by_time ON signals (created_at);
CREATE INDEX signals_standing ON signals (slot) WHERE is_current = 1;
CREATE UNIQUE INDEX signals_by_key ON signals (key_hash) WHERE key_hash IS NOT NULL;

CREATE TRIGGER signals_last_stands AFTER INSERT ON signals BEGIN
  UPDATE signals SET is_current = 0 WHERE slot = NEW.slot AND is_current = 1 AND seq <> NEW.seq;
END;

CREATE INDEX inferences_by_episode ON inferences (episode_id, seq) WHERE episode_id IS NOT NULL;

CREATE TABLE feedback_rows (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  source TEXT NOT NULL,
  prompt_hash TEXT NOT NULL,
  content TEXT NOT NULL,
  state TEXT NOT NULL,
  reasons TEXT NOT NULL,
  is_current INTEGER NOT NULL,
  build_id TEXT NOT NULL,
  reviewed_at INTEGER,
  reviewer TEXT,
  note TEXT
) STRICT;
CREATE INDEX feedback_rows_by_state ON feedback_rows (state, seq);
CREATE INDEX feedback_rows_by_kind ON feedback_rows (kind, seq);
CREATE INDEX feedback_rows_by_time ON feedback_rows (created_at);
CREATE INDEX feedback_rows_current ON feedback_rows (seq) WHERE is_current = 1;

CREATE TABLE row_lineage (
  kind TEXT NOT NULL,
  ref TEXT NOT NULL,
  row_id TEXT NOT NULL REFERENCES feedback_rows (id) ON DELETE CASCADE,
  PRIMARY KEY (kind, ref, row_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX row_lineage_by_row ON row_lineage (row_id);

CREATE TABLE held_out_prompts (
  prompt_hash TEXT PRIMARY KEY,
  added_at INTEGER NOT NULL,
  reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER removed_with_feedback AFTER INSERT ON removed WHEN NEW.kind = 'inferences' BEGIN
  INSERT OR IGNORE INTO removed (kind, id, seq, removed_at)
    SELECT 'signals', id, seq, NEW.removed_at FROM signals WHERE inference_id = NEW.id OR other_id = NEW.id;
  DELETE FROM signals WHERE inference_id = NEW.id OR other_id = NEW.id;
  UPDATE snapshot_rows SET row_id = 'erased-' || seq
    WHERE row_id IN (SELECT row_id FROM row_lineage WHERE kind = 'inference' AND ref = NEW.id);
  DELETE FROM feedback_rows WHERE id IN (SELECT row_id FROM row_lineage WHERE kind = 'inference' AND ref = NEW.id);
END;
`;

const ROWS_OF = "SELECT row_id FROM row_lineage WHERE kind = 'user' AND ref = ?";

export const FEEDBACK_TABLES: TableSet = {
  script: SCRIPT,
  trained: (hash) =>
    sql(
      `SELECT name FROM snapshot_uses AS uses WHERE EXISTS (
         SELECT 1 FROM row_lineage AS lineage CROSS JOIN snapshot_rows AS held ON held.row_id = lineage.row_id
         WHERE lineage.kind = 'user' AND lineage.ref = ? AND held.snapshot_id = uses.snapshot_id)`,
      hash,
    ),
  erase: (hash, at) => [
    // Which rows a snapshot had is a hash of what they held.
    sql(`UPDATE snapshot_rows SET row_id = 'erased-' || seq WHERE row_id IN (${ROWS_OF})`, hash),
    sql(`DELETE FROM feedback_rows WHERE id IN (${ROWS_OF})`, hash),
    ...(['user_hash', 'person_hash'] as const).flatMap((column) => [
      sql(
        `INSERT OR IGNORE INTO removed (kind, id, seq, removed_at) SELECT 'signals', id, seq, ? FROM signals WHERE ${column} = ?`,
        at,
        hash,
      ),
      sql(`DELETE FROM signals WHERE ${column} = ?`, hash),
    ]),
  ],
  exports: [
    {
      read: (hash) =>
        sql(
          'SELECT * FROM signals WHERE user_hash = ? UNION ALL SELECT * FROM signals WHERE person_hash = ? AND user_hash IS NOT person_hash',
          hash,
          hash,
        ),
      toObject: (row) => ({ ...told(row, SAID), kind: 'feedback', signal: String(row.kind) }),
    },
    {
      read: (hash) =>
        sql(
          "SELECT feedback_rows.* FROM row_lineage AS lineage CROSS JOIN feedback_rows ON feedback_rows.id = lineage.row_id WHERE lineage.kind = 'user' AND lineage.ref = ?",
          hash,
        ),
      toObject: (row) => ({ ...told(row, ['id', 'created_at', 'source', 'state', 'content']), kind: 'feedback_row' }),
    },
  ],
  sweeps: [
    'DELETE FROM signals WHERE seq IN (SELECT seq FROM signals WHERE created_at < ? LIMIT ?)',
    'DELETE FROM feedback_rows WHERE seq IN (SELECT seq FROM feedback_rows WHERE created_at < ? LIMIT ?)',
  ],
};

const SAID = [
  'id',
  'created_at',
  'said_at',
  'name',
  'inference_id',
  'choice',
  'other_id',
  'other_choice',
  'episode_id',
  'value',
  'word',
  'text',
  'detail',
  'model',
  'version_id',
  'is_current',
] as const;

function told(row: SqlRow, names: readonly string[]): JsonObject {
  return Object.fromEntries(
    names.filter((name) => row[name] !== null && row[name] !== undefined).map((name) => [name, row[name]!]),
  );
}
