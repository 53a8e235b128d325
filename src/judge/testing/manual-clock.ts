import { stopped, type Clock } from '../../ask/index.ts';

/** A clock that only waiting moves: everybody who sleeps is woken in order, as soon as nothing else is left to do. */
export function manualClock(): Clock & { readonly slept: readonly number[] } {
  let now = 0;
  const slept: number[] = [];
  const sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  let isScheduled = false;
  const wakeNext = (): void => {
    isScheduled = false;
    const next = sleepers.toSorted((a, b) => a.at - b.at)[0];
    if (next === undefined) return;
    sleepers.splice(sleepers.indexOf(next), 1);
    now = Math.max(now, next.at);
    next.wake();
    schedule();
  };
  const schedule = (): void => {
    if (isScheduled || sleepers.length === 0) return;
    isScheduled = true;
    setImmediate(wakeNext);
  };
  return {
    slept,
    nowMs: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return void reject(stopped());
        slept.push(ms);
        signal?.addEventListener('abort', () => reject(stopped()), { once: true });
        sleepers.push({ at: now + ms, wake: resolve });
        schedule();
      }),
  };
}
