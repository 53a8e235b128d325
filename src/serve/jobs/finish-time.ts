/** Says when a job will be done, from the steps that were measured. */
export interface FinishTime {
  /** A step is done, of so many. */
  stepped(step: number, totalSteps: number): void;
  /** Milliseconds since 1970, or undefined before enough is known. */
  readonly at: number | undefined;
}

/** Steps that are measured before anything is said. The first of a process also reserves memory, and is not measured. */
const LEAST_STEPS = 3;
/** As many seconds of the estimate as it may be off are not told: it is rounded up to one of these, at most a twentieth of what is left. */
const ROUNDED_TO = [1, 5, 10, 30, 60, 300, 600, 1800, 3600] as const;
const ROUNDED_SHARE = 1 / 20;

/** The mean of the steps so far, evaluations and checkpoints among them, times the steps that are left. */
export function createFinishTime(now: () => number = Date.now): FinishTime {
  let first: { readonly step: number; readonly time: number } | undefined;
  let at: number | undefined;
  return {
    stepped(step, totalSteps) {
      const time = now();
      first ??= { step, time };
      const measured = step - first.step;
      if (measured < LEAST_STEPS) return;
      const left = ((time - first.time) / measured) * (totalSteps - step);
      const grain = 1000 * (ROUNDED_TO.findLast((seconds) => 1000 * seconds <= left * ROUNDED_SHARE) ?? 1);
      at = Math.ceil((time + left) / grain) * grain;
    },
    get at() {
      return at;
    },
  };
}
