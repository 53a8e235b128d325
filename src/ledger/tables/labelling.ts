import { sql } from '../../database/index.ts';
import type { TableSet } from './table-set.ts';

/**
 * Answers are named by ids that say nothing of where they come from; `first_id` and `second_id` stand in an order that is a coin's. What a vote found better, what it
 * edited and what stood on the left are ids of answers. A vote that was taken back stays, with the time; `is_counted` is 0 for one that came when the item had enough.
 */
const SCRIPT = `
CREATE TABLE label_campaigns (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  is_open INTEGER NOT NULL,
  seed INTEGER NOT NULL,
  settings TEXT NOT NULL,
  guideline_version INTEGER NOT NULL
) STRICT;

CREATE TABLE label_guidelines (
  campaign_id TEXT NOT NULL REFERENCES label_campaigns (id) ON DELETE CASCADE,
  version INTEGER NOT NULL,
  text TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (campaign_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE label_items (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  campaign_id TEXT NOT NULL REFERENCES label_campaigns (id) ON DELETE CASCADE,
  position REAL NOT NULL,
  content_key TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  status TEXT NOT NULL,
  votes INTEGER NOT NULL,
  wanted INTEGER NOT NULL,
  prompt TEXT NOT NULL,
  first_id TEXT NOT NULL,
  first TEXT,
  first_model TEXT,
  first_length INTEGER NOT NULL,
  second_id TEXT NOT NULL,
  second TEXT,
  second_model TEXT,
  second_length INTEGER NOT NULL,
  gold TEXT,
  source TEXT NOT NULL,
  extra TEXT,
  user_hash TEXT,
  reviewed_at INTEGER,
  UNIQUE (campaign_id, content_key)
) STRICT;
CREATE INDEX label_items_queue ON label_items (campaign_id, status, votes DESC, position);
CREATE INDEX label_items_list ON label_items (campaign_id, seq);
CREATE INDEX label_items_by_user ON label_items (user_hash) WHERE user_hash IS NOT NULL;
CREATE INDEX label_items_by_time ON label_items (created_at);

CREATE TABLE label_reservations (
  id TEXT PRIMARY KEY,
  item_id TEXT NOT NULL REFERENCES label_items (id) ON DELETE CASCADE,
  campaign_id TEXT NOT NULL,
  annotator TEXT NOT NULL,
  left_id TEXT NOT NULL,
  is_repeat INTEGER NOT NULL,
  place INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  seconds REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX label_reservations_by_item ON label_reservations (item_id, expires_at);
CREATE INDEX label_reservations_by_annotator ON label_reservations (annotator, campaign_id);
CREATE INDEX label_reservations_by_time ON label_reservations (created_at);

CREATE TABLE label_votes (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  reservation_id TEXT UNIQUE,
  campaign_id TEXT NOT NULL,
  item_id TEXT NOT NULL REFERENCES label_items (id) ON DELETE CASCADE,
  annotator TEXT NOT NULL,
  source TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  undone_at INTEGER,
  is_counted INTEGER NOT NULL,
  is_repeat INTEGER NOT NULL,
  verdict TEXT NOT NULL,
  better_id TEXT,
  strength INTEGER,
  left_id TEXT,
  confidence REAL,
  edited_id TEXT,
  edited_text TEXT,
  note TEXT,
  tags TEXT NOT NULL,
  flags TEXT NOT NULL,
  skip_reason TEXT,
  seconds REAL,
  guideline_version INTEGER
) STRICT;
CREATE INDEX label_votes_of_person ON label_votes (annotator, seq);
CREATE INDEX label_votes_by_item ON label_votes (item_id, annotator);
CREATE INDEX label_votes_by_annotator ON label_votes (annotator, campaign_id, seq);
CREATE INDEX label_votes_by_campaign ON label_votes (campaign_id, seq);
CREATE INDEX label_votes_by_time ON label_votes (created_at);
`;

export const LABELLING_TABLES: TableSet = {
  script: SCRIPT,
  erase: (userHash) => [
    // What somebody's votes had decided is open again.
    sql(
      `UPDATE label_items SET status = CASE WHEN status IN ('settled', 'disputed') THEN 'open' ELSE status END, votes = (SELECT count(*) FROM label_votes AS v
       WHERE v.item_id = label_items.id AND v.annotator <> ?1 AND v.is_counted = 1 AND v.undone_at IS NULL AND v.verdict <> 'skip' AND v.source = 'person')
       WHERE id IN (SELECT item_id FROM label_votes WHERE annotator = ?1 AND is_counted = 1 AND undone_at IS NULL)`,
      userHash,
    ),
    sql('DELETE FROM label_votes WHERE annotator = ?', userHash),
    sql('DELETE FROM label_reservations WHERE annotator = ?', userHash),
    sql('DELETE FROM label_items WHERE user_hash = ?', userHash),
  ],
  exports: [
    {
      read: (userHash) =>
        sql(
          'SELECT item_id, created_at, undone_at, verdict, better_id, strength, edited_text, note, tags, flags, skip_reason, seconds FROM label_votes WHERE annotator = ? ORDER BY seq',
          userHash,
        ),
      toObject: (row) => ({ kind: 'vote', ...(row as Record<string, string | number | null>) }),
    },
    {
      read: (userHash) =>
        sql('SELECT id, created_at, prompt, first, second FROM label_items WHERE user_hash = ? ORDER BY seq', userHash),
      toObject: (row) => ({ kind: 'labelling-item', ...(row as Record<string, string | number | null>) }),
    },
  ],
  sweeps: [
    'DELETE FROM label_reservations WHERE id IN (SELECT id FROM label_reservations WHERE created_at < ? LIMIT ?)',
    'DELETE FROM label_votes WHERE seq IN (SELECT seq FROM label_votes WHERE created_at < ? LIMIT ?)',
    'DELETE FROM label_items WHERE seq IN (SELECT seq FROM label_items WHERE created_at < ? LIMIT ?)',
  ],
};
