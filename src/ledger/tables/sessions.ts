import { sql } from '../../database/index.ts';
import type { TableSet } from './table-set.ts';

/** Who is signed in to the page, and links that sign in once: by the hash of their token, never the token. */
export const SESSIONS_TABLES: TableSet = {
  script: `
CREATE TABLE sessions (
  hash TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  key_id TEXT NOT NULL,
  scopes TEXT NOT NULL,
  annotator_hash TEXT,
  annotator_name TEXT,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_annotator ON sessions (annotator_hash) WHERE annotator_hash IS NOT NULL;
CREATE INDEX sessions_by_end ON sessions (expires_at);
`,
  erase: (userHash) => [sql('DELETE FROM sessions WHERE annotator_hash = ?', userHash)],
  exports: [
    {
      read: (userHash) => sql('SELECT created_at, expires_at FROM sessions WHERE annotator_hash = ?', userHash),
      toObject: ({ created_at: createdAt, expires_at: expiresAt }) => ({
        kind: 'session',
        createdAt: createdAt!,
        expiresAt: expiresAt!,
      }),
    },
  ],
  sweeps: ['DELETE FROM sessions WHERE hash IN (SELECT hash FROM sessions WHERE expires_at < ? LIMIT ?)'],
};
