import { useEffect, useRef } from 'react';

/** Longer than this without a key, a move or a scroll is a pause, and is not counted. */
const IDLE_MS = 60_000;

/** Seconds of work since `reset`: pauses and hidden pages do not count. */
export function useActiveTime(): { seconds(): number; reset(from?: number): void } {
  const state = useRef({ active: 0, last: performance.now() });
  const beat = (): void => {
    const now = performance.now();
    const passed = now - state.current.last;
    if (passed < IDLE_MS && !document.hidden) state.current.active += passed;
    state.current.last = now;
  };
  useEffect(() => {
    const names = ['keydown', 'pointermove', 'pointerdown', 'scroll', 'visibilitychange'] as const;
    for (const name of names) addEventListener(name, beat, { passive: true, capture: true });
    return () => {
      for (const name of names) removeEventListener(name, beat, { capture: true });
    };
  });
  return {
    seconds: () => {
      beat();
      return Math.round(state.current.active / 100) / 10;
    },
    reset: (from = 0) => {
      state.current = { active: from * 1000, last: performance.now() };
    },
  };
}
