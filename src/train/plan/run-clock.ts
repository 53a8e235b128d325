import type { RunCosts } from './make-plan.ts';
import type { PlannedTime, RunPlan } from './run-plan.ts';

export interface RunClock {
  /** The first step begins. */
  start(): void;
  evaluated(): void;
  /** A step is done; after the first one the estimate is there. */
  stepped(): PlannedTime | undefined;
}

/** A first step reserves memory, so what follows is mostly faster; what it leaves out (checkpoints, answers) makes runs slower. Guessed; the runs of docs/log.md lie within. */
const RANGE = { from: 0.7, to: 1.4 } as const;

/** Estimates a run from its first step, which costs nothing: `began` is when the command did, by performance.now(). */
export function createRunClock(costs: RunCosts, { steps, tokens }: RunPlan, began: number): RunClock {
  let mark = began;
  let preparing = 0;
  let evaluation = 0;
  let isTold = false;
  const lap = (): number => {
    const now = performance.now();
    const seconds = (now - mark) / 1000;
    mark = now;
    return seconds;
  };
  return {
    start: () => void (preparing = lap()),
    evaluated: () => {
      const seconds = lap();
      if (!isTold) evaluation = seconds;
    },
    stepped() {
      const seconds = lap();
      if (isTold) return undefined;
      isTold = true;
      const training = (costs.training * seconds) / Math.max(1, costs.step);
      const parts = {
        preparing,
        reference: 0,
        training: Math.max(training, seconds),
        evaluation: costs.evaluations * evaluation,
        answers: 0,
      };
      const left = parts.training - seconds + Math.max(0, parts.evaluation - evaluation);
      const gone = preparing + evaluation + seconds;
      return {
        seconds: gone + left,
        from: gone + RANGE.from * left,
        to: gone + RANGE.to * left,
        parts,
        basis: 'first-step',
        measured: {
          tokens: Math.round(tokens.total / steps.microBatches),
          trainSeconds: (seconds * steps.total) / steps.microBatches,
        },
      };
    },
  };
}
