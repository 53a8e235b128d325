import { CANDIDATE_TABLES } from './candidates.ts';
import { EXPERIMENTS_TABLES } from './experiments.ts';
import { FEEDBACK_TABLES } from './feedback.ts';
import { LABELLING_TABLES } from './labelling.ts';
import { LOOP_TABLES } from './loop.ts';
import { SESSIONS_TABLES } from './sessions.ts';
import type { TableSet } from './table-set.ts';

/** In the order in which they are made: later ones may refer to earlier ones. */
export const TABLE_SETS: readonly TableSet[] = [
  SESSIONS_TABLES,
  FEEDBACK_TABLES,
  LABELLING_TABLES,
  EXPERIMENTS_TABLES,
  LOOP_TABLES,
  CANDIDATE_TABLES,
];
