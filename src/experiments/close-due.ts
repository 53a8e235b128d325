import { z } from 'zod';
import { parseRows, requiredSql, sql } from '../database/index.ts';
import type { LedgerRoom } from '../ledger/index.ts';
import { sampleRatio } from '../statistics/index.ts';
import { createAnalysis } from './analysis.ts';
import { stateText, type LiveExperiment } from './live-experiment.ts';
import { closeUnits, factStatements } from './outcomes.ts';

/** So many units a commit. */
const BATCH = 200;

const UNIT_ROW = z.object({
  seq: z.int(),
  arm: z.int(),
  exposed_at: z.int(),
  steady_at: z.int(),
  is_crossed: z.int(),
});

interface CloseContext {
  readonly room: LedgerRoom;
  /** By the steady clock. */
  readonly now: number;
}

/**
 * Closes the units whose window has ended, in the order of their exposure and none before it: the order is one that no outcome can change. What was learned and the marks of the
 * units are written in one transaction, so a kill between two of them counts nobody twice.
 */
export async function closeDue(before: LiveExperiment, context: CloseContext): Promise<Partial<LiveExperiment>> {
  const { room, now } = context;
  const { id, definition } = before;
  let experiment = await look(before, context);
  for (;;) {
    const rows = parseRows(
      UNIT_ROW,
      await room.database.read(
        sql(
          'SELECT seq, arm, exposed_at, steady_at, is_crossed FROM experiment_units WHERE experiment_id = ? AND closed_at IS NULL ORDER BY seq LIMIT ?',
          id,
          BATCH,
        ),
      ),
    );
    const end = rows.findIndex(({ steady_at: at }) => at + definition.metric.windowMs > now);
    const due = end === -1 ? rows : rows.slice(0, end);
    if (due.length === 0) break;
    experiment = await closeBatch(experiment, due, context);
    if (due.length < rows.length || rows.length < BATCH) break;
  }
  if (experiment !== before)
    await room.database.write([sql('UPDATE experiments SET state = ? WHERE id = ?', stateText(experiment), id)]);
  const { status: _, traffic: _traffic, stoppedAt: _at, reason: _reason, ...change } = experiment;
  return change;
}

/** What has come since the last look: units, signals that are too late, the sample ratio. */
async function look(experiment: LiveExperiment, { room, now }: CloseContext): Promise<LiveExperiment> {
  const { id, definition, lastSignal } = experiment;
  const [counts, open, last, late] = await room.database.readAll([
    sql('SELECT arm, units FROM experiment_exposures WHERE experiment_id = ?', id),
    sql('SELECT count(*) AS units FROM experiment_units WHERE experiment_id = ? AND closed_at IS NULL', id),
    sql('SELECT coalesce(max(seq), 0) AS seq FROM signals'),
    sql(
      `SELECT count(*) AS signals FROM signals CROSS JOIN inferences ON inferences.id = signals.inference_id
       CROSS JOIN experiment_answers AS answer ON answer.inference_seq = inferences.seq
       CROSS JOIN experiment_units AS unit ON unit.seq = answer.unit_seq
       WHERE signals.seq > ? AND unit.experiment_id = ? AND unit.closed_at IS NOT NULL`,
      lastSignal,
      id,
    ),
  ]);
  const exposed = definition.arms.map((_, arm) => Number(counts!.find((row) => row.arm === arm)?.units ?? 0));
  const openNow = Number(open![0]!.units);
  const signal = Number(last![0]!.seq);
  const isSame =
    exposed.every((units, arm) => units === experiment.exposed[arm]) &&
    openNow === experiment.open &&
    signal === lastSignal;
  if (isSame) return experiment;
  return {
    ...experiment,
    exposed,
    open: openNow,
    lastSignal: signal,
    lateSignals: experiment.lateSignals + Number(late![0]!.signals),
    ratioP: sampleRatio(exposed, definition.shares, experiment.ratioP).p,
    steadyAt: now,
  };
}

async function closeBatch(
  experiment: LiveExperiment,
  due: readonly z.output<typeof UNIT_ROW>[],
  { room, now }: CloseContext,
): Promise<LiveExperiment> {
  const { id, definition } = experiment;
  const facts = await room.database.readAll(factStatements(id, [due[0]!.seq, due.at(-1)!.seq]));
  const counted = due.filter(({ is_crossed: crossed }) => crossed === 0);
  const units = counted.map(({ seq, arm, exposed_at: exposedAt }) => ({ seq, arm, exposedAt }));
  const closed = closeUnits(definition, units, facts);
  // Of its own: where the write fails, nothing was learned.
  const analysis = createAnalysis(definition, experiment.analysis.state());
  for (const unit of closed) analysis.add(unit);
  const at = room.now();
  analysis.look(at);
  const next: LiveExperiment = {
    ...experiment,
    analysis,
    open: experiment.open - due.length,
    closed: experiment.closed + closed.length,
    crossed: experiment.crossed + due.length - closed.length,
    steadyAt: now,
  };
  const outcomes = new Map(counted.map(({ seq }, place) => [seq, closed[place]!.outcome]));
  const results = await room.database.write([
    ...due.map(({ seq }) =>
      requiredSql(
        'UPDATE experiment_units SET closed_at = ?, outcome = ? WHERE seq = ? AND closed_at IS NULL',
        at,
        outcomes.get(seq),
        seq,
      ),
    ),
    sql('UPDATE experiments SET state = ? WHERE id = ?', stateText(next), id),
  ]);
  // A unit that went meanwhile (an experiment that was removed): the next look sees what is there.
  return results === undefined ? experiment : next;
}
