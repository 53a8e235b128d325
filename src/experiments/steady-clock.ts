/** Milliseconds since 1970 by a clock that does not jump. */
export interface SteadyClock {
  read(): number;
}

export interface SteadyOptions {
  /** What the wall shows. */
  readonly now: () => number;
  /** Milliseconds that pass whatever the wall shows. */
  readonly elapsed: () => number;
  /** What it read last before this process began; undefined: it begins now. */
  readonly last?: number | undefined;
}

/** Drift that a clock may have between two looks, as when it is set a little by the network. */
const MOST_DRIFT_MS = 60_000;

/**
 * A wall clock that is set, forwards or back, moves this one by what has really passed. Between two processes nothing has told what passed: then the wall is believed,
 * unless it stands before what was read last.
 */
export function createSteadyClock({ now, elapsed, last }: SteadyOptions): SteadyClock {
  let [wall, passed] = [now(), elapsed()];
  let offset = last === undefined ? 0 : Math.max(0, last - wall);
  let greatest = wall + offset;
  return {
    read: () => {
      const [nextWall, nextPassed] = [now(), elapsed()];
      const jump = nextWall - wall - (nextPassed - passed);
      if (Math.abs(jump) > MOST_DRIFT_MS) offset -= jump;
      [wall, passed] = [nextWall, nextPassed];
      greatest = Math.max(greatest, wall + offset);
      return Math.round(greatest);
    },
  };
}
