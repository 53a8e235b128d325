import type { JsonObject } from '../../core/index.ts';
import { experimentObject, type ExperimentObject, type Experiments } from '../../experiments/index.ts';
import type { Ledger } from '../../ledger/index.ts';
import { mayMove, openLoop, type Candidate, type CandidateState, type Loop } from '../../loop/index.ts';

export interface WatchContext {
  readonly ledger: Ledger;
  readonly experiments: Experiments;
  readonly isLoaded: (model: string) => boolean;
  readonly onNote: (note: string) => void;
}

type Result = ExperimentObject['candidates'][number];

/**
 * What experiments mean for candidates, looked at whenever units were closed: one that is tried is in `experiment`; a broken guardrail ends the experiment and the
 * candidate's way; where an experiment has ended, its verdict says where the candidate stands. Nothing is promoted here: a person does that.
 */
export async function followExperiments({ ledger, experiments, isLoaded, onNote }: WatchContext): Promise<void> {
  const loop = openLoop(ledger);
  /** The newest experiment of a model speaks for it. */
  const spoken = new Set<string>();
  for (const experiment of experiments.list()) {
    const shown = experimentObject(experiment, {
      now: ledger.room.now(),
      problem: experiments.problemOf(experiment),
      isLoaded,
    });
    if (shown.is_aa) continue;
    const broken = shown.candidates.filter(({ verdict }) => verdict.word === 'stopped by a guardrail');
    // The others of several would go on against a control that shares the units: the experiment ends for all.
    const hasEnded = broken.length > 0 && shown.status === 'running';
    if (hasEnded) {
      await experiments.stop(shown.id, `a guardrail was broken: ${broken[0]!.verdict.text}`, 'loop');
      onNote(`the experiment ${shown.key} was stopped: ${broken[0]!.verdict.text}`);
    }
    for (const result of shown.candidates) {
      if (spoken.has(result.model)) continue;
      spoken.add(result.model);
      const candidate = await loop.find(result.model);
      if (candidate !== undefined)
        await follow(loop, candidate, { shown, result, isOver: hasEnded || shown.status === 'stopped' });
    }
  }
}

interface Seen {
  readonly shown: ExperimentObject;
  readonly result: Result;
  readonly isOver: boolean;
}

async function follow(loop: Loop, candidate: Candidate, { shown, result, isOver }: Seen): Promise<void> {
  const to = isOver ? endOf(candidate, result) : beginningOf(candidate);
  if (to === undefined || !mayMove(candidate.state, to)) return;
  const { verdict, effect, guardrails } = result;
  const evidence = { experiment: shown.id, verdict, effect, guardrails } as unknown as JsonObject;
  const reason =
    to === 'experiment' ? `the experiment ${shown.key} began` : `the experiment ${shown.key}: ${verdict.text}`;
  await loop.move(candidate.id, to, { actor: 'loop', reason: reason.slice(0, 1000), evidence });
}

type Moved = Exclude<CandidateState, 'promoted'>;

function beginningOf({ state }: Candidate): Moved | undefined {
  return state === 'passed' || state === 'canary' ? 'experiment' : undefined;
}

/** Only what is still in the experiment: a person may have decided otherwise meanwhile. */
function endOf({ state }: Candidate, { verdict: { word } }: Result): Moved | undefined {
  if (state !== 'experiment') return undefined;
  if (word === 'better') return 'passed';
  return word === 'worse' || word === 'stopped by a guardrail' ? 'failed' : 'held';
}
