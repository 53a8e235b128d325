import { z } from 'zod';
import type { Route } from './route.ts';

const MAX_BYTES = 4 * 2 ** 20;

const REASON = z.string().min(1).max(1000);
const MOVED_BY_HAND = ['passed', 'held', 'failed', 'canary', 'experiment', 'retired'] as const;

const ADD_BODY = z
  .strictObject({ model: z.string().min(1).max(256), parent: z.string().min(1).max(256).optional() })
  .meta({ id: 'AddCandidate' });
const MOVE_BODY = z.strictObject({ to: z.enum(MOVED_BY_HAND), reason: REASON }).meta({ id: 'MoveCandidate' });
const PROMOTE_BODY = z
  .strictObject({ reason: REASON, expected: z.string().max(256).optional() })
  .meta({ id: 'Promote' });
const GATE_BODY = z
  .strictObject({
    comparison: z.record(z.string(), z.unknown()).meta({ description: 'comparison.json of preftune compare' }),
    candidate_name: z.string().optional().meta({ description: 'Its name there. Default: the candidate’s model' }),
    baseline_name: z.string().optional().meta({ description: 'Default: what prod stands for' }),
  })
  .meta({ id: 'JudgeGate' });

const STATES = [
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

const MOVE_OBJECT = z.object({
  at: z.number(),
  from: z.string(),
  to: z.string(),
  actor: z.string(),
  reason: z.string(),
  evidence: z.record(z.string(), z.unknown()).nullable(),
});
const CANDIDATE_OBJECT = z
  .object({
    id: z.string(),
    object: z.literal('preftune.candidate'),
    created_at: z.number(),
    model: z.string(),
    parent: z.string(),
    origin: z.string(),
    snapshot_id: z.string().nullable(),
    job_id: z.string().nullable(),
    state: z.enum(STATES),
    moved_at: z.number(),
    is_loaded: z.boolean(),
    moves: z.array(MOVE_OBJECT),
  })
  .meta({ id: 'Candidate' });
const PROMOTION_OBJECT = z
  .object({
    at: z.number(),
    before: z.string().nullable(),
    after: z.string(),
    kind: z.enum(['promotion', 'rollback']),
    actor: z.string(),
    reason: z.string(),
  })
  .meta({ id: 'Promotion' });
const TRAIN_BODY = z
  .strictObject({
    start: z.string().min(1).max(256).optional(),
    suffix: z.string().max(64).optional(),
    hyperparameters: z
      .strictObject({
        n_epochs: z.int().min(1).max(50).optional(),
        beta: z.number().positive().max(10).optional(),
        batch_size: z.int().min(1).max(256).optional(),
        learning_rate_multiplier: z.number().positive().max(1000).optional(),
      })
      .optional(),
  })
  .meta({ id: 'TrainCandidate' });
const TRAIN_OBJECT = z
  .object({
    object: z.literal('preftune.training'),
    candidate: CANDIDATE_OBJECT,
    job_id: z.string(),
    snapshot: z.object({
      id: z.string(),
      digest: z.string(),
      rows: z.int(),
      added: z.int(),
      removed: z.int(),
      dropped: z.record(z.string(), z.int()),
      waiting: z.int(),
    }),
  })
  .meta({ id: 'TrainingBegun' });
const LOOP_OBJECT = z
  .object({
    object: z.literal('preftune.loop'),
    production: z.string().nullable(),
    previous: z.string().nullable(),
    candidates: z.array(CANDIDATE_OBJECT),
    promotions: z.array(PROMOTION_OBJECT),
  })
  .meta({ id: 'Loop' });

/** Candidates, their gates, promotion and the way back. Who may train sees and adds; who may all decides. */
export const LOOP_ROUTES = {
  state: {
    method: 'get',
    path: '/v1/preftune/loop',
    policy: ['read', 'train'],
    summary: 'Where the loop stands: what answers, what it replaced, what may come next',
    answer: LOOP_OBJECT,
  },
  add: {
    method: 'post',
    path: '/v1/preftune/candidates',
    policy: ['train'],
    summary: 'Makes a model that answers here a candidate',
    body: ADD_BODY,
    answer: CANDIDATE_OBJECT,
  },
  train: {
    method: 'post',
    path: '/v1/preftune/loop/train',
    policy: ['train'],
    summary: 'Makes rows of the feedback that stands, and begins a training on them whose result is a candidate',
    body: TRAIN_BODY,
    answer: TRAIN_OBJECT,
  },
  get: {
    method: 'get',
    path: '/v1/preftune/candidates/{id}',
    policy: ['read', 'train'],
    summary: 'A candidate, with every move and why',
    answer: CANDIDATE_OBJECT,
  },
  gate: {
    method: 'post',
    path: '/v1/preftune/candidates/{id}/gate',
    policy: ['train'],
    summary: 'Judges it by a comparison, and moves it to passed, held or failed',
    body: GATE_BODY,
    maxBodyBytes: MAX_BYTES,
    answer: CANDIDATE_OBJECT,
  },
  move: {
    method: 'post',
    path: '/v1/preftune/candidates/{id}/move',
    policy: ['admin'],
    summary: 'Moves a candidate to another state, by a person, with a reason',
    body: MOVE_BODY,
    answer: CANDIDATE_OBJECT,
  },
  promote: {
    method: 'post',
    path: '/v1/preftune/candidates/{id}/promote',
    policy: ['admin'],
    summary: 'Points prod to it, from the next request on; answers under way end where they began',
    body: PROMOTE_BODY,
    answer: PROMOTION_OBJECT,
  },
  rollback: {
    method: 'post',
    path: '/v1/preftune/loop/rollback',
    policy: ['admin'],
    summary: 'Points prod back to what it stood for before',
    body: PROMOTE_BODY,
    answer: PROMOTION_OBJECT,
  },
} as const satisfies Record<string, Route>;
