import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { JsonObject } from '../../core/index.ts';
import type { Ledger } from '../../ledger/index.ts';
import {
  evidenceOfComparison,
  GATE_LIMITS,
  judgeGate,
  openLoop,
  PRODUCTION,
  readSnapshot,
  type Candidate,
  type CandidateMove,
  type Loop,
  type Promotion,
} from '../../loop/index.ts';
import type { RouteDefinition } from '../http/app.ts';
import { checkBody, readBody } from '../http/json-body.ts';
import { followJobs, isLoaded } from './loop-requests.ts';
import { trainCandidate } from './train-candidate.ts';
import { ServeError } from '../serve-error.ts';
import type { ServeServices } from '../services.ts';

const MAX_BYTES = 4 * 2 ** 20;

const REASON = z.string().min(1).max(1000);
const MOVED_BY_HAND = ['passed', 'held', 'failed', 'canary', 'experiment', 'retired'] as const;

const ADD_BODY = z
  .strictObject({ model: z.string().min(1).max(256), parent: z.string().min(1).max(256).optional() })
  .openapi('AddCandidate');
const MOVE_BODY = z.strictObject({ to: z.enum(MOVED_BY_HAND), reason: REASON }).openapi('MoveCandidate');
const PROMOTE_BODY = z.strictObject({ reason: REASON, expected: z.string().max(256).optional() }).openapi('Promote');
const GATE_BODY = z
  .strictObject({
    comparison: z.record(z.string(), z.unknown()).openapi({ description: 'comparison.json of preftune compare' }),
    candidate_name: z.string().optional().openapi({ description: 'Its name there. Default: the candidate’s model' }),
    baseline_name: z.string().optional().openapi({ description: 'Default: what prod stands for' }),
  })
  .openapi('JudgeGate');

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
    state: z.string(),
    moved_at: z.number(),
    is_loaded: z.boolean(),
    moves: z.array(MOVE_OBJECT),
  })
  .openapi('Candidate');
const PROMOTION_OBJECT = z
  .object({
    at: z.number(),
    before: z.string().nullable(),
    after: z.string(),
    kind: z.enum(['promotion', 'rollback']),
    actor: z.string(),
    reason: z.string(),
  })
  .openapi('Promotion');
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
  .openapi('TrainCandidate');
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
  .openapi('TrainingBegun');
const LOOP_OBJECT = z
  .object({
    object: z.literal('preftune.loop'),
    production: z.string().nullable(),
    previous: z.string().nullable(),
    candidates: z.array(CANDIDATE_OBJECT),
    promotions: z.array(PROMOTION_OBJECT),
  })
  .openapi('Loop');

/** Candidates, their gates, promotion and the way back. Who may train sees and adds; who may all decides. */
export function loopRoutes({ ledger, book, jobs }: ServeServices): RouteDefinition[] {
  const kept = (): Ledger => {
    if (ledger !== undefined) return ledger;
    throw new ServeError(404, 'This server has no store (--store none)', { code: 'no_store' });
  };
  const loop = (): Loop => openLoop(kept());
  const need = async (context: Context): Promise<Candidate> => {
    const id = context.req.param('id')!;
    const found = await loop().get(id);
    if (found !== undefined) return found;
    throw new ServeError(404, `There is no candidate ${JSON.stringify(id.slice(0, 100))} here`, {
      code: 'not_found',
      param: 'id',
    });
  };
  const requireHere = (name: string): void => {
    if (!isLoaded(book, name))
      throw new ServeError(409, `${name} is not loaded here; load it, then promote it`, {
        code: 'not_loaded',
        shouldRetry: false,
      });
  };
  const whole = async (candidate: Candidate): Promise<z.output<typeof CANDIDATE_OBJECT>> =>
    candidateObject(candidate, await loop().moves(candidate.id), isLoaded(book, candidate.model));
  return [
    {
      method: 'get',
      path: '/v1/preftune/loop',
      policy: ['read', 'train'],
      summary: 'Where the loop stands: what answers, what it replaced, what may come next',
      answer: LOOP_OBJECT,
      handle: async (context) => {
        await followJobs(loop(), kept());
        const [candidates, promotions, production] = await Promise.all([
          loop().list(),
          loop().promotions(),
          loop().production(),
        ]);
        const latest = promotions.find(({ kind, after }) => kind === 'promotion' && after === production);
        return context.json({
          object: 'preftune.loop',
          production: production ?? null,
          previous: latest?.before ?? null,
          candidates: await Promise.all(candidates.map(whole)),
          promotions: promotions.map(promotionObject),
        } satisfies z.output<typeof LOOP_OBJECT>);
      },
    },
    {
      method: 'post',
      path: '/v1/preftune/candidates',
      policy: ['train'],
      summary: 'Makes a model that answers here a candidate',
      body: ADD_BODY,
      answer: CANDIDATE_OBJECT,
      handle: async (context) => {
        const { model, parent } = checkBody(ADD_BODY, await readBody(context, MAX_BYTES));
        const version = book.find(model);
        if (version === undefined || !isLoaded(book, model))
          throw new ServeError(404, `The model ${JSON.stringify(model)} does not exist here`, {
            code: 'model_not_found',
            param: 'model',
          });
        const under = parent ?? (await loop().production()) ?? version.parent;
        if (under === undefined)
          throw new ServeError(400, `What ${model} began from is not known; name it as parent`, { param: 'parent' });
        return context.json(await whole(await loop().add({ model, parent: under })));
      },
    },
    {
      method: 'post',
      path: '/v1/preftune/loop/train',
      policy: ['train'],
      summary: 'Makes rows of the feedback that stands, and begins a training on them whose result is a candidate',
      body: TRAIN_BODY,
      answer: TRAIN_OBJECT,
      handle: async (context) => {
        const body = checkBody(TRAIN_BODY, await readBody(context, MAX_BYTES));
        const { candidate, snapshot, job } = await trainCandidate(
          { ledger: kept(), jobs: jobs!, book },
          { start: body.start, suffix: body.suffix, hyperparameters: body.hyperparameters },
        );
        const { rows, added, removed, build } = snapshot;
        return context.json({
          object: 'preftune.training',
          candidate: await whole(candidate),
          job_id: job.id,
          snapshot: {
            id: snapshot.id,
            digest: snapshot.digest,
            rows,
            added,
            removed,
            dropped: { ...build.dropped },
            waiting: build.waiting,
          },
        } satisfies z.output<typeof TRAIN_OBJECT>);
      },
    },
    {
      method: 'get',
      path: '/v1/preftune/candidates/{id}',
      policy: ['read', 'train'],
      summary: 'A candidate, with every move and why',
      answer: CANDIDATE_OBJECT,
      handle: async (context) => context.json(await whole(await need(context))),
    },
    {
      method: 'post',
      path: '/v1/preftune/candidates/{id}/gate',
      policy: ['train'],
      summary: 'Judges it by a comparison, and moves it to passed, held or failed',
      body: GATE_BODY,
      answer: CANDIDATE_OBJECT,
      handle: async (context) => {
        const candidate = await need(context);
        const body = checkBody(GATE_BODY, await readBody(context, MAX_BYTES));
        const baseline = (await loop().production()) ?? candidate.parent;
        const evidence = evidenceOfComparison(body.comparison, {
          file: 'comparison',
          candidate: body.candidate_name ?? candidate.model,
          baseline: body.baseline_name ?? baseline,
          // Undefined: what it must beat is the first of its line, by whatever name.
          origin: baseline === candidate.origin ? undefined : candidate.origin,
        });
        const snapshot =
          candidate.snapshotId === undefined ? undefined : await readSnapshot(kept(), candidate.snapshotId);
        const verdict = judgeGate({ ...evidence, largestPersonShare: snapshot?.largestPersonShare }, GATE_LIMITS);
        const moved = await loop().move(candidate.id, verdict.outcome, {
          actor: actorOf(context),
          reason: verdict.text,
          evidence: { gate: verdict, limits: GATE_LIMITS } as unknown as JsonObject,
        });
        return context.json(await whole(moved));
      },
    },
    {
      method: 'post',
      path: '/v1/preftune/candidates/{id}/move',
      policy: ['admin'],
      summary: 'Moves a candidate to another state, by a person, with a reason',
      body: MOVE_BODY,
      answer: CANDIDATE_OBJECT,
      handle: async (context) => {
        const candidate = await need(context);
        const { to, reason } = checkBody(MOVE_BODY, await readBody(context, MAX_BYTES));
        const moved = await loop().move(candidate.id, to, { actor: actorOf(context), reason });
        return context.json(await whole(moved));
      },
    },
    {
      method: 'post',
      path: '/v1/preftune/candidates/{id}/promote',
      policy: ['admin'],
      summary: 'Points prod to it, from the next request on; answers under way end where they began',
      body: PROMOTE_BODY,
      answer: PROMOTION_OBJECT,
      handle: async (context) => {
        const candidate = await need(context);
        const { reason, expected } = checkBody(PROMOTE_BODY, await readBody(context, MAX_BYTES));
        requireHere(candidate.model);
        const promotion = await loop().promote(candidate.id, { actor: actorOf(context), reason, expected });
        book.setAlias(PRODUCTION, promotion.after);
        return context.json(promotionObject(promotion));
      },
    },
    {
      method: 'post',
      path: '/v1/preftune/loop/rollback',
      policy: ['admin'],
      summary: 'Points prod back to what it stood for before',
      body: PROMOTE_BODY,
      answer: PROMOTION_OBJECT,
      handle: async (context) => {
        const { reason, expected } = checkBody(PROMOTE_BODY, await readBody(context, MAX_BYTES));
        const production = await loop().production();
        const previous = (await loop().promotions()).find(
          ({ kind, after }) => kind === 'promotion' && after === production,
        )?.before;
        if (previous !== undefined) requireHere(previous);
        const promotion = await loop().rollback({ actor: actorOf(context), reason, expected });
        book.setAlias(PRODUCTION, promotion.after);
        return context.json(promotionObject(promotion));
      },
    },
  ];
}

function actorOf(context: Context): string {
  return context.get('caller').keyId ?? 'local';
}

function candidateObject(
  candidate: Candidate,
  moves: readonly CandidateMove[],
  isHere: boolean,
): z.output<typeof CANDIDATE_OBJECT> {
  return {
    id: candidate.id,
    object: 'preftune.candidate',
    created_at: candidate.createdAt / 1000,
    model: candidate.model,
    parent: candidate.parent,
    origin: candidate.origin,
    snapshot_id: candidate.snapshotId ?? null,
    job_id: candidate.jobId ?? null,
    state: candidate.state,
    moved_at: candidate.movedAt / 1000,
    is_loaded: isHere,
    moves: moves.map(({ at, evidence, ...move }) => ({ ...move, at: at / 1000, evidence: evidence ?? null })),
  };
}

function promotionObject({ at, before, after, kind, actor, reason }: Promotion): z.output<typeof PROMOTION_OBJECT> {
  return { at: at / 1000, before: before ?? null, after, kind, actor, reason };
}
