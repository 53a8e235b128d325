import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { badInput, type JsonObject, type Problem } from '../core/index.ts';
import { parseRows, requiredSql, sql, type SqlRow, type SqlStatement } from '../database/index.ts';
import type { LedgerRoom } from '../ledger/index.ts';
import type { Candidate, CandidateMove, Promotion } from './candidate.ts';
import { CANDIDATE_STATES, mayMove, MOVES, type CandidateState } from './states.ts';

/** The name that an application asks. */
export const PRODUCTION = 'prod';

/** Who moves something, and why. */
export interface Act {
  readonly actor: string;
  readonly reason: string;
}

/** Candidates and what answers now, over the tables of a store. */
export interface Loop {
  add(candidate: {
    readonly model: string;
    readonly parent: string;
    readonly origin?: string;
    readonly snapshotId?: string;
    readonly jobId?: string;
    readonly state?: 'training' | 'trained';
  }): Promise<Candidate>;
  get(id: string): Promise<Candidate | undefined>;
  /** By the name that it answers by. */
  find(model: string): Promise<Candidate | undefined>;
  /** Newest first. */
  list(): Promise<readonly Candidate[]>;
  /** Oldest first. */
  moves(id: string): Promise<readonly CandidateMove[]>;
  /** Throws bad-input where the state may not follow, and where somebody else moved it meanwhile. Promotion has a method of its own. */
  move(
    id: string,
    to: Exclude<CandidateState, 'promoted'>,
    act: Act & { readonly evidence?: JsonObject },
  ): Promise<Candidate>;
  /**
   * Points `prod` to a candidate and retires the one before, in one transaction. `expected`: the model that `prod` stands for as the caller saw it; where it is another by now
   * (two people at once), nothing changes and bad-input says so.
   */
  promote(
    id: string,
    act: Act & { readonly expected?: string | undefined; readonly evidence?: JsonObject },
  ): Promise<Promotion>;
  /** Points `prod` back to what it stood for before, in one transaction. Throws bad-input where there is nothing to go back to. */
  rollback(act: Act & { readonly expected?: string | undefined; readonly evidence?: JsonObject }): Promise<Promotion>;
  /** Newest first. */
  promotions(): Promise<readonly Promotion[]>;
  /** The model that `prod` stands for. */
  production(): Promise<string | undefined>;
}

const STATE = z.enum(CANDIDATE_STATES);
const optional = z
  .string()
  .nullable()
  .transform((value) => value ?? undefined);
const CANDIDATE_ROW = z.object({
  id: z.string(),
  created_at: z.int(),
  model: z.string(),
  parent: z.string(),
  origin: z.string(),
  snapshot_id: optional,
  job_id: optional,
  state: STATE,
  moved_at: z.int(),
});
const MOVE_ROW = z.object({
  at: z.int(),
  from_state: STATE,
  to_state: STATE,
  actor: z.string(),
  reason: z.string(),
  evidence: optional,
});
const PROMOTION_ROW = z.object({
  at: z.int(),
  alias: z.string(),
  before: optional,
  after: z.string(),
  kind: z.enum(['promotion', 'rollback']),
  actor: z.string(),
  reason: z.string(),
});

function parseCandidates(rows: readonly SqlRow[]): Candidate[] {
  return parseRows(CANDIDATE_ROW, rows).map((row) => ({
    id: row.id,
    createdAt: row.created_at,
    model: row.model,
    parent: row.parent,
    origin: row.origin,
    snapshotId: row.snapshot_id,
    jobId: row.job_id,
    state: row.state,
    movedAt: row.moved_at,
  }));
}

/**
 * @example
 * ```ts run
 * import { openLedger } from 'preftune/ledger';
 * import { openLoop } from 'preftune/loop';
 *
 * const ledger = await openLedger('store');
 * const loop = openLoop(ledger);
 * const { id } = await loop.add({ model: 'friendly', parent: 'base', state: 'trained' });
 * await loop.move(id, 'passed', { actor: 'ann', reason: 'it wins 64 % of 240 prompts' });
 * const { after } = await loop.promote(id, { actor: 'ann', reason: 'the team agreed' });
 * console.log(after, await loop.production()); // friendly friendly
 * await ledger.close();
 * ```
 */
export function openLoop({ room }: { readonly room: LedgerRoom }): Loop {
  const { database, now } = room;
  const one = async (statement: SqlStatement): Promise<Candidate | undefined> =>
    parseCandidates(await database.read(statement))[0];
  const get = (id: string): Promise<Candidate | undefined> => one(sql('SELECT * FROM candidates WHERE id = ?', id));
  const find = (model: string): Promise<Candidate | undefined> =>
    one(sql('SELECT * FROM candidates WHERE model = ?', model));
  const need = async (id: string): Promise<Candidate> => {
    const found = await get(id);
    if (found !== undefined) return found;
    throw badInput({
      path: 'id',
      message: `must be a candidate, got ${id}, which is none; preftune loop status lists them`,
    });
  };
  const production = async (): Promise<string | undefined> => {
    const [row] = await database.read(sql('SELECT target FROM aliases WHERE alias = ?', PRODUCTION));
    return row === undefined ? undefined : String(row.target);
  };

  /** The statements of a move; the first changes nothing, and with it everything, where the candidate was moved meanwhile. */
  const moving = (
    { id, state }: Candidate,
    to: CandidateState,
    { actor, reason, evidence }: Act & { readonly evidence?: JsonObject | undefined },
  ): SqlStatement[] => {
    const at = now();
    return [
      requiredSql('UPDATE candidates SET state = ?, moved_at = ? WHERE id = ? AND state = ?', to, at, id, state),
      sql(
        'INSERT INTO candidate_moves (candidate_id, at, from_state, to_state, actor, reason, evidence) VALUES (?, ?, ?, ?, ?, ?, ?)',
        id,
        at,
        state,
        to,
        actor,
        room.cleanText(reason),
        evidence === undefined ? undefined : JSON.stringify(evidence),
      ),
    ];
  };

  /** Moves `prod`, where it still stands for `before`. */
  const pointing = (
    before: string | undefined,
    after: string,
    kind: Promotion['kind'],
    { actor, reason }: Act,
  ): { readonly statements: SqlStatement[]; readonly promotion: Promotion } => {
    const at = now();
    const promotion = { at, alias: PRODUCTION, before, after, kind, actor, reason: room.cleanText(reason) };
    return {
      promotion,
      statements: [
        before === undefined
          ? requiredSql('INSERT OR IGNORE INTO aliases (alias, target, since) VALUES (?, ?, ?)', PRODUCTION, after, at)
          : requiredSql(
              'UPDATE aliases SET target = ?, since = ? WHERE alias = ? AND target = ?',
              after,
              at,
              PRODUCTION,
              before,
            ),
        sql(
          'INSERT INTO promotions (at, alias, before, after, kind, actor, reason) VALUES (?, ?, ?, ?, ?, ?, ?)',
          at,
          PRODUCTION,
          before,
          after,
          kind,
          actor,
          promotion.reason,
        ),
      ],
    };
  };

  const promotions = async (): Promise<Promotion[]> =>
    parseRows(
      PROMOTION_ROW,
      await database.read(sql('SELECT * FROM promotions WHERE alias = ? ORDER BY seq DESC LIMIT 200', PRODUCTION)),
    );

  return {
    async add({ model, parent, origin, snapshotId, jobId, state = 'trained' }) {
      const before = await find(parent);
      const at = now();
      const id = `cand_${randomBytes(9).toString('hex')}`;
      const added = await room.audit(
        { actor: 'loop', action: 'candidate.add', subject: model, detail: { id, parent } },
        [
          requiredSql(
            'INSERT OR IGNORE INTO candidates (id, created_at, model, parent, origin, snapshot_id, job_id, state, moved_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
            id,
            at,
            model,
            parent,
            // A line keeps its first model, however often it is trained on.
            origin ?? before?.origin ?? parent,
            snapshotId,
            jobId,
            state,
            at,
          ),
        ],
      );
      if (added === undefined)
        throw badInput({ path: 'model', message: `${model} is a candidate already; give the new one another name` });
      return need(id);
    },
    get,
    find,
    list: async () => parseCandidates(await database.read(sql('SELECT * FROM candidates ORDER BY seq DESC LIMIT 500'))),
    moves: async (id) =>
      parseRows(
        MOVE_ROW,
        await database.read(sql('SELECT * FROM candidate_moves WHERE candidate_id = ? ORDER BY seq', id)),
      ).map(({ at, from_state, to_state, actor, reason, evidence }) => ({
        at,
        from: from_state,
        to: to_state,
        actor,
        reason,
        ...(evidence !== undefined && { evidence: JSON.parse(evidence) as JsonObject }),
      })),
    async move(id, to, act) {
      const candidate = await need(id);
      requireReason(act);
      if (!mayMove(candidate.state, to)) throw mayNotFollow(candidate, to);
      const moved = await room.audit(
        {
          actor: act.actor,
          action: `candidate.${to}`,
          subject: candidate.model,
          detail: { reason: room.cleanText(act.reason) },
        },
        moving(candidate, to, act),
      );
      if (moved === undefined) throw movedMeanwhile(candidate, await need(id));
      return need(id);
    },
    async promote(id, act) {
      const candidate = await need(id);
      requireReason(act);
      if (!mayMove(candidate.state, 'promoted')) throw mayNotFollow(candidate, 'promoted');
      const before = await production();
      requireExpected(before, act.expected);
      if (before === candidate.model) throw badInput(`${PRODUCTION} is ${candidate.model} already`);
      const { statements, promotion } = pointing(before, candidate.model, 'promotion', act);
      const last = before === undefined ? undefined : await find(before);
      const done = await room.audit(
        {
          actor: act.actor,
          action: 'promote',
          subject: candidate.model,
          detail: { before: before ?? null, reason: promotion.reason },
        },
        [
          ...statements,
          ...moving(candidate, 'promoted', act),
          ...(last?.state === 'promoted'
            ? moving(last, 'retired', { ...act, reason: `${candidate.model} took its place` })
            : []),
        ],
      );
      if (done === undefined) throw changedMeanwhile(await production());
      return promotion;
    },
    async rollback(act) {
      requireReason(act);
      const current = await production();
      requireExpected(current, act.expected);
      const last = (await promotions()).find(({ kind, after }) => kind === 'promotion' && after === current);
      if (current === undefined || last?.before === undefined)
        throw badInput(
          `there is no version to go back to: ${PRODUCTION} ${current === undefined ? 'stands for nothing yet' : `has been ${current} from the beginning`}`,
        );
      const { statements, promotion } = pointing(current, last.before, 'rollback', act);
      const [leaving, coming] = [await find(current), await find(last.before)];
      const done = await room.audit(
        {
          actor: act.actor,
          action: 'rollback',
          subject: current,
          detail: { after: last.before, reason: promotion.reason },
        },
        [
          ...statements,
          ...(leaving?.state === 'promoted' ? moving(leaving, 'failed', act) : []),
          ...(coming !== undefined && mayMove(coming.state, 'promoted')
            ? moving(coming, 'promoted', { ...act, reason: `back from ${current}: ${act.reason}` })
            : []),
        ],
      );
      if (done === undefined) throw changedMeanwhile(await production());
      return promotion;
    },
    promotions,
    production,
  };
}

function requireExpected(current: string | undefined, expected: string | undefined): void {
  if (expected !== undefined && expected !== current) throw changedMeanwhile(current);
}

function requireReason({ reason }: Act): void {
  const problem: Problem = { path: 'reason', message: 'must say why, for those who look later; got nothing' };
  if (reason.trim() === '') throw badInput(problem);
}

function mayNotFollow({ model, state }: Candidate, to: CandidateState): Error {
  return badInput({
    path: 'to',
    message: `${model} is ${state} and cannot be ${to} next; what may come is ${MOVES[state].join(', ')}`,
  });
}

function movedMeanwhile({ model, state }: Candidate, { state: now }: Candidate): Error {
  return badInput(`somebody moved ${model} meanwhile: it was ${state} and is ${now}; look again`);
}

function changedMeanwhile(current: string | undefined): Error {
  return badInput(`somebody changed ${PRODUCTION} meanwhile: it is ${current ?? 'nothing'} now; look again`);
}
