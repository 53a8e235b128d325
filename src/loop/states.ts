/** Where a candidate stands. */
export const CANDIDATE_STATES = [
  'training',
  'trained',
  'passed',
  'held',
  'failed',
  'canary',
  'experiment',
  'promoted',
  'retired',
] as const;
export type CandidateState = (typeof CANDIDATE_STATES)[number];

/**
 * What may follow what. A gate passes, fails or holds for a person; a person may let pass what was held. A canary takes a small share of the traffic, an experiment a
 * half; what was promoted is retired by the next one and may come back (that is a rollback).
 */
export const MOVES: Readonly<Record<CandidateState, readonly CandidateState[]>> = {
  training: ['trained', 'failed', 'retired'],
  trained: ['passed', 'held', 'failed', 'retired'],
  passed: ['canary', 'experiment', 'promoted', 'held', 'failed', 'retired'],
  held: ['passed', 'failed', 'retired'],
  // What failed may be looked at again: on other prompts, by other judges.
  failed: ['passed', 'held', 'retired'],
  canary: ['experiment', 'promoted', 'passed', 'held', 'failed', 'retired'],
  experiment: ['promoted', 'passed', 'held', 'failed', 'retired'],
  promoted: ['retired', 'failed'],
  retired: ['promoted'],
};

export function mayMove(from: CandidateState, to: CandidateState): boolean {
  return MOVES[from].includes(to);
}
