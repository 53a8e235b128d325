import type { DatabaseKind } from '../database/index.ts';
import { TABLE_SETS } from './tables/all.ts';

/**
 * `seq` is the order of writing: lists go by it, since clocks jump. Numbers that were given once are not given again (AUTOINCREMENT). Whatever hangs on a row goes
 * with it (CASCADE), and `removed` remembers the numbers of what is gone, so that a client can list on behind an item that it has deleted.
 */
const VERSION_1 = `
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE inferences (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  route TEXT NOT NULL,
  requested_model TEXT NOT NULL,
  version_id TEXT NOT NULL,
  backend TEXT NOT NULL,
  key_id TEXT,
  user_hash TEXT,
  episode_id TEXT,
  metadata TEXT,
  parameters TEXT NOT NULL,
  is_private INTEGER NOT NULL,
  status TEXT,
  finish_reasons TEXT,
  prompt_tokens INTEGER,
  completion_tokens INTEGER,
  cached_tokens INTEGER,
  first_token_ms REAL,
  total_ms REAL,
  error TEXT
) STRICT;
CREATE INDEX inferences_by_model ON inferences (requested_model, seq);
CREATE INDEX inferences_by_user ON inferences (user_hash, seq) WHERE user_hash IS NOT NULL;
CREATE INDEX inferences_by_time ON inferences (created_at);
CREATE INDEX inferences_unfinished ON inferences (seq) WHERE status IS NULL;
CREATE INDEX inferences_with_error ON inferences (created_at) WHERE error IS NOT NULL;

CREATE TABLE texts (
  seq INTEGER PRIMARY KEY REFERENCES inferences (seq) ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  request TEXT,
  response TEXT
) STRICT;
CREATE INDEX texts_by_time ON texts (created_at);

CREATE TABLE inference_labels (
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  seq INTEGER NOT NULL REFERENCES inferences (seq) ON DELETE CASCADE,
  PRIMARY KEY (name, value, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX inference_labels_by_seq ON inference_labels (seq);

CREATE TABLE removed (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  removed_at INTEGER NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX removed_by_time ON removed (removed_at);

CREATE TABLE erased_users (
  user_hash TEXT PRIMARY KEY,
  erased_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  hash TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  scopes TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER,
  last_used_at INTEGER,
  origins TEXT
) STRICT;

CREATE TABLE files (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  filename TEXT NOT NULL,
  purpose TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  status TEXT NOT NULL,
  status_details TEXT
) STRICT;
CREATE INDEX files_by_purpose ON files (purpose, seq);

CREATE TABLE jobs (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  finished_at INTEGER,
  status TEXT NOT NULL,
  is_paused INTEGER NOT NULL,
  model TEXT NOT NULL,
  training_file TEXT NOT NULL,
  validation_file TEXT,
  request TEXT NOT NULL,
  fine_tuned_model TEXT,
  result_files TEXT NOT NULL,
  trained_tokens INTEGER,
  error TEXT
) STRICT;

CREATE TABLE job_labels (
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  seq INTEGER NOT NULL REFERENCES jobs (seq) ON DELETE CASCADE,
  PRIMARY KEY (name, value, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_labels_by_seq ON job_labels (seq);

CREATE TABLE job_events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  level TEXT NOT NULL,
  type TEXT NOT NULL,
  message TEXT NOT NULL,
  data TEXT
) STRICT;
CREATE INDEX job_events_by_job ON job_events (job_id, seq);

CREATE TABLE job_checkpoints (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  step INTEGER NOT NULL,
  model TEXT NOT NULL,
  metrics TEXT NOT NULL
) STRICT;
CREATE INDEX job_checkpoints_by_job ON job_checkpoints (job_id, seq);

CREATE TABLE versions (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  kind TEXT NOT NULL,
  parent TEXT,
  job_id TEXT,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE aliases (
  alias TEXT PRIMARY KEY,
  target TEXT NOT NULL,
  since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT,
  previous TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;
`;

export const LEDGER_KIND: DatabaseKind = {
  name: 'store',
  // "ptld"
  applicationId: 0x70_74_6c_64,
  migrations: [
    { version: 1, script: VERSION_1 },
    { version: 2, script: TABLE_SETS.map(({ script }) => script).join('\n') },
  ],
};
