import type { Context } from 'hono';
import { LOOP_ROUTES, type Answered } from '../../api/index.ts';
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
import { handled, type HandledRoute } from '../http/handled.ts';
import { followJobs, isLoaded } from './loop-requests.ts';
import { trainCandidate } from './train-candidate.ts';
import { ServeError } from '../serve-error.ts';
import type { ServeServices } from '../services.ts';

type CandidateObject = Answered<typeof LOOP_ROUTES.get>;
type PromotionObject = Answered<typeof LOOP_ROUTES.promote>;

export function loopRoutes({ ledger, book, jobs }: ServeServices): HandledRoute[] {
  const kept = (): Ledger => {
    if (ledger !== undefined) return ledger;
    throw new ServeError(404, 'This server has no store (--store none)', { code: 'no_store' });
  };
  const loop = (): Loop => openLoop(kept());
  const need = async (id: string): Promise<Candidate> => {
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
  const whole = async (candidate: Candidate): Promise<CandidateObject> =>
    candidateObject(candidate, await loop().moves(candidate.id), isLoaded(book, candidate.model));
  return [
    handled(LOOP_ROUTES.state, async () => {
      await followJobs(loop(), kept());
      const [candidates, promotions, production] = await Promise.all([
        loop().list(),
        loop().promotions(),
        loop().production(),
      ]);
      const latest = promotions.find(({ kind, after }) => kind === 'promotion' && after === production);
      return {
        object: 'preftune.loop',
        production: production ?? null,
        previous: latest?.before ?? null,
        candidates: await Promise.all(candidates.map(whole)),
        promotions: promotions.map(promotionObject),
      };
    }),
    handled(LOOP_ROUTES.add, async ({ body: { model, parent } }) => {
      const version = book.find(model);
      if (version === undefined || !isLoaded(book, model))
        throw new ServeError(404, `The model ${JSON.stringify(model)} does not exist here`, {
          code: 'model_not_found',
          param: 'model',
        });
      const under = parent ?? (await loop().production()) ?? version.parent;
      if (under === undefined)
        throw new ServeError(400, `What ${model} began from is not known; name it as parent`, { param: 'parent' });
      return whole(await loop().add({ model, parent: under }));
    }),
    handled(LOOP_ROUTES.train, async ({ body }) => {
      const { candidate, snapshot, job } = await trainCandidate(
        { ledger: kept(), jobs: jobs!, book },
        { start: body.start, suffix: body.suffix, hyperparameters: body.hyperparameters },
      );
      const { id, digest, rows, added, removed, build } = snapshot;
      return {
        object: 'preftune.training',
        candidate: await whole(candidate),
        job_id: job.id,
        snapshot: { id, digest, rows, added, removed, dropped: { ...build.dropped }, waiting: build.waiting },
      };
    }),
    handled(LOOP_ROUTES.get, async ({ params }) => whole(await need(params.id))),
    handled(LOOP_ROUTES.gate, async ({ context, params, body }) => {
      const candidate = await need(params.id);
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
      return whole(moved);
    }),
    handled(LOOP_ROUTES.move, async ({ context, params, body: { to, reason } }) => {
      const candidate = await need(params.id);
      return whole(await loop().move(candidate.id, to, { actor: actorOf(context), reason }));
    }),
    handled(LOOP_ROUTES.promote, async ({ context, params, body: { reason, expected } }) => {
      const candidate = await need(params.id);
      requireHere(candidate.model);
      const promotion = await loop().promote(candidate.id, { actor: actorOf(context), reason, expected });
      book.setAlias(PRODUCTION, promotion.after);
      return promotionObject(promotion);
    }),
    handled(LOOP_ROUTES.rollback, async ({ context, body: { reason, expected } }) => {
      const production = await loop().production();
      const previous = (await loop().promotions()).find(
        ({ kind, after }) => kind === 'promotion' && after === production,
      )?.before;
      if (previous !== undefined) requireHere(previous);
      const promotion = await loop().rollback({ actor: actorOf(context), reason, expected });
      book.setAlias(PRODUCTION, promotion.after);
      return promotionObject(promotion);
    }),
  ];
}

function actorOf(context: Context): string {
  return context.get('caller').keyId ?? 'local';
}

function candidateObject(candidate: Candidate, moves: readonly CandidateMove[], isHere: boolean): CandidateObject {
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

function promotionObject({ at, before, after, kind, actor, reason }: Promotion): PromotionObject {
  return { at: at / 1000, before: before ?? null, after, kind, actor, reason };
}
