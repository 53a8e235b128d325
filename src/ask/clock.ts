import { PreftuneError } from '../core/index.ts';

/** Time, as far as waiting needs it. Tests bring their own. */
export interface Clock {
  nowMs(): number;
  /** Resolves after `ms`; rejects with cancelled as soon as `signal` is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const SYSTEM_CLOCK: Clock = {
  nowMs: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return void reject(stopped());
      const end = (): void => {
        clearTimeout(timer);
        reject(stopped());
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', end);
        resolve();
      }, ms);
      signal?.addEventListener('abort', end, { once: true });
    }),
};

/** What a caller gets who asked to stop. */
export function stopped(): PreftuneError {
  return new PreftuneError(
    'cancelled',
    'judge: stopped before every question was answered; the same command continues, answers are kept',
  );
}
