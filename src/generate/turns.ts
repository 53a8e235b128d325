/** Work that must not overlap, in the order in which it was asked for. */
export interface Turns {
  /** Does the work when what was asked for before has ended; gives what it gives, and throws what it throws. */
  take<T>(work: () => Promise<T>): Promise<T>;
}

export function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return {
    take: (work) => {
      const done = last.then(work);
      last = done.catch(() => undefined);
      return done;
    },
  };
}
