import type { TinyPair } from './tiny-model.ts';

/** Pairs that contradict each other here and there: who learns some of them by heart gets worse on others. */
export function contraryPairs(from: number, count: number, isFlipped: (i: number) => boolean): TinyPair[] {
  return Array.from({ length: count }, (_, i) => {
    const [yes, no] = [` yes, number ${i % 7}`, ` no, ${(i * 31) % 11}`];
    const [chosen, rejected] = isFlipped(i) ? [no, yes] : [yes, no];
    return { prompt: `What about ${((from + i) * 7919) % 1000}?`, chosen, rejected };
  });
}
