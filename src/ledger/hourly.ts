const HOUR_MS = 3_600_000;

/** Does the work at once and every hour, one after the other, until `stop`, which waits for what is under way. The work tells itself what goes wrong. */
export function hourly(work: () => Promise<void>, everyMs: number = HOUR_MS): { stop(): Promise<void> } {
  let working = Promise.resolve();
  const begin = (): void => void (working = working.then(work));
  begin();
  const timer = setInterval(begin, everyMs);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await working;
    },
  };
}
