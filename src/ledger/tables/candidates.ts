import type { TableSet } from './table-set.ts';

/**
 * A candidate is a version that may become the one that answers. Its state is that of its last move; moves are only ever added, each with who, why and on what evidence.
 * `gate_prompts` and the like are in the evidence: what was seen then, whatever changes later.
 */
const SCRIPT = `
CREATE TABLE candidates (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  model TEXT NOT NULL UNIQUE,
  parent TEXT NOT NULL,
  origin TEXT NOT NULL,
  snapshot_id TEXT,
  job_id TEXT,
  state TEXT NOT NULL,
  moved_at INTEGER NOT NULL
) STRICT;
CREATE INDEX candidates_by_state ON candidates (state, seq);

CREATE TABLE candidate_moves (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  candidate_id TEXT NOT NULL REFERENCES candidates (id) ON DELETE CASCADE,
  at INTEGER NOT NULL,
  from_state TEXT NOT NULL,
  to_state TEXT NOT NULL,
  actor TEXT NOT NULL,
  reason TEXT NOT NULL,
  evidence TEXT
) STRICT;
CREATE INDEX candidate_moves_by_candidate ON candidate_moves (candidate_id, seq);

CREATE TABLE promotions (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  alias TEXT NOT NULL,
  before TEXT,
  after TEXT NOT NULL,
  kind TEXT NOT NULL,
  actor TEXT NOT NULL,
  reason TEXT NOT NULL
) STRICT;
CREATE INDEX promotions_by_alias ON promotions (alias, seq);
`;

export const CANDIDATE_TABLES: TableSet = { script: SCRIPT, erase: () => [], exports: [], sweeps: [] };
