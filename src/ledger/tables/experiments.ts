import { sql } from '../../database/index.ts';
import type { TableSet } from './table-set.ts';

/**
 * A unit is a person (HMAC), else an episode, else a request; its row is its assignment, written with its first answer. What was learned of closed units is in `state`
 * (sums, no persons). Answers hang on inferences and go with them.
 *
 * Whoever is erased stays as a unit without a name: taking it out would make who is counted depend on what happened, and the exposures would no longer be in the shares
 * that were meant. So no number of an experiment changes, and nothing of the person is left in it. An open unit then closes with nothing.
 */
const SCRIPT = `
CREATE TABLE experiments (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  key TEXT NOT NULL UNIQUE,
  alias TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  definition TEXT NOT NULL,
  traffic REAL NOT NULL,
  status TEXT NOT NULL,
  stopped_at INTEGER,
  reason TEXT,
  state TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX experiments_running ON experiments (alias) WHERE status = 'running';

CREATE TABLE experiment_units (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  experiment_id TEXT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
  unit TEXT NOT NULL,
  arm INTEGER NOT NULL,
  propensity REAL NOT NULL,
  exposed_at INTEGER NOT NULL,
  steady_at INTEGER NOT NULL,
  is_crossed INTEGER NOT NULL DEFAULT 0,
  closed_at INTEGER,
  outcome REAL,
  UNIQUE (experiment_id, unit)
) STRICT;
CREATE INDEX experiment_units_open ON experiment_units (experiment_id, seq) WHERE closed_at IS NULL;
CREATE INDEX experiment_units_closed ON experiment_units (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX experiment_units_by_unit ON experiment_units (unit);

CREATE TABLE experiment_exposures (
  experiment_id TEXT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
  arm INTEGER NOT NULL,
  units INTEGER NOT NULL,
  PRIMARY KEY (experiment_id, arm)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER experiment_units_counted AFTER INSERT ON experiment_units BEGIN
  INSERT INTO experiment_exposures (experiment_id, arm, units) VALUES (NEW.experiment_id, NEW.arm, 1)
    ON CONFLICT (experiment_id, arm) DO UPDATE SET units = units + 1;
END;

CREATE TABLE experiment_answers (
  inference_seq INTEGER PRIMARY KEY REFERENCES inferences (seq) ON DELETE CASCADE,
  unit_seq INTEGER NOT NULL REFERENCES experiment_units (seq) ON DELETE CASCADE
) STRICT;
CREATE INDEX experiment_answers_by_unit ON experiment_answers (unit_seq, inference_seq);
`;

export const EXPERIMENTS_TABLES: TableSet = {
  script: SCRIPT,
  erase: (hash) => [sql("UPDATE experiment_units SET unit = 'erased-' || seq WHERE unit = ?", hash)],
  exports: [
    {
      read: (hash) =>
        sql(
          `SELECT experiments.key, unit.arm, unit.exposed_at, unit.closed_at, unit.outcome FROM experiment_units AS unit
           JOIN experiments ON experiments.id = unit.experiment_id WHERE unit.unit = ? ORDER BY unit.seq`,
          hash,
        ),
      toObject: ({ key, arm, exposed_at: exposedAt, closed_at: closedAt, outcome }) => ({
        kind: 'experiment_unit',
        experiment: key!,
        arm: arm!,
        exposedAt: exposedAt!,
        closedAt: closedAt!,
        outcome: outcome!,
      }),
    },
  ],
  sweeps: ['DELETE FROM experiment_units WHERE seq IN (SELECT seq FROM experiment_units WHERE closed_at < ? LIMIT ?)'],
};
