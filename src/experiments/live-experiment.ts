import { z } from 'zod';
import { createAnalysis, type Analysis, type AnalysisState } from './analysis.ts';
import type { ExperimentDefinition } from './definition.ts';

export const EXPERIMENT_ROW = z.object({
  id: z.string(),
  created_at: z.int(),
  definition: z.string(),
  traffic: z.number(),
  status: z.enum(['running', 'stopped']),
  stopped_at: z.int().nullable(),
  reason: z.string().nullable(),
  state: z.string(),
});

/** What is known of an experiment now. */
export interface LiveExperiment {
  readonly id: string;
  readonly createdAt: number;
  readonly definition: ExperimentDefinition;
  readonly traffic: number;
  readonly status: 'running' | 'stopped';
  readonly stoppedAt: number | null;
  readonly reason: string | null;
  readonly analysis: Analysis;
  /** Units whose window has not ended. */
  readonly open: number;
  readonly closed: number;
  /** Units that were seen in two arms, and are left out. */
  readonly crossed: number;
  readonly lateSignals: number;
  /** Units that were exposed, by arm. */
  readonly exposed: readonly number[];
  /** Of the sample-ratio check, the least so far. */
  readonly ratioP: number;
  /** Signals up to this one were looked at. */
  readonly lastSignal: number;
  /** What the steady clock read at the last look. */
  readonly steadyAt: number;
}

/** What stays in the store of it. */
const KEPT = ['open', 'closed', 'crossed', 'lateSignals', 'exposed', 'ratioP', 'lastSignal', 'steadyAt'] as const;
type Kept = Pick<LiveExperiment, (typeof KEPT)[number]>;

export function liveOf(row: z.output<typeof EXPERIMENT_ROW>): LiveExperiment {
  const definition = JSON.parse(row.definition) as ExperimentDefinition;
  const { analysis, ...kept } = JSON.parse(row.state) as Partial<Kept> & { readonly analysis?: AnalysisState };
  return {
    id: row.id,
    createdAt: row.created_at,
    definition,
    traffic: row.traffic,
    status: row.status,
    stoppedAt: row.stopped_at,
    reason: row.reason,
    analysis: createAnalysis(definition, analysis),
    open: 0,
    closed: 0,
    crossed: 0,
    lateSignals: 0,
    exposed: definition.arms.map(() => 0),
    ratioP: 1,
    lastSignal: 0,
    steadyAt: 0,
    ...kept,
  };
}

export function stateText(experiment: Kept & Pick<LiveExperiment, 'analysis'>): string {
  const kept = Object.fromEntries(KEPT.map((name) => [name, experiment[name]]));
  return JSON.stringify({ ...kept, analysis: experiment.analysis.state() });
}
