import type { CampaignSettings } from './settings.ts';

/** Votes for the first answer, for the second, and for neither (tie or both bad). */
export type Counts = readonly [number, number, number];

export interface Outcome {
  /** Whether no more votes are asked for. */
  readonly isComplete: boolean;
  /** Votes that the item should have before it is looked at again. */
  readonly wanted: number;
  /** Complete, and the votes do not agree enough. */
  readonly isDisputed: boolean;
  /** Posterior probability of the most likely of the three. */
  readonly probability: number;
}

/** How sure and how right people are taken to be where a campaign's overlap does not say. */
const CONFIDENCE = 0.9;
const ACCURACY = 0.8;

/**
 * The posterior of the most likely of three truths (first, second, neither), all equally likely before, where a person names the truth with probability q and each other
 * with (1 - q) / 2, independently: P(s) = r^n(s) / sum over t of r^n(t), r = 2 q / (1 - q). With q = 0.8, r = 8: two votes that agree give 64 / 66 = 0.97, two against
 * one 64 / 73 = 0.88. This is the sequential probability ratio test for three hypotheses (Wald 1947), and one annotator's row of Dawid and Skene (1979) with its
 * accuracy given.
 */
export function posteriorOf(counts: Counts, accuracy = ACCURACY): number {
  const most = Math.max(...counts);
  const ratio = (2 * accuracy) / (1 - accuracy);
  // Against the largest, so that many votes do not overflow.
  return 1 / counts.reduce((sum, count) => sum + ratio ** (count - most), 0);
}

/** Whether an item has votes enough, and whether they agree. */
export function outcomeOf(counts: Counts, { overlap }: Pick<CampaignSettings, 'overlap'>): Outcome {
  const votes = counts.reduce((sum, count) => sum + count, 0);
  const { confidence, accuracy } =
    overlap.kind === 'adaptive' ? overlap : { confidence: CONFIDENCE, accuracy: ACCURACY };
  const probability = posteriorOf(counts, accuracy);
  const isDecided = probability >= confidence;
  const disagree = counts.filter((count) => count > 0).length > 1;
  if (overlap.kind === 'fixed') {
    const isComplete = votes >= overlap.votes;
    return { isComplete, wanted: overlap.votes, isDisputed: isComplete && disagree && !isDecided, probability };
  }
  const isComplete = (votes > 0 && isDecided) || votes >= overlap.most;
  return {
    isComplete,
    wanted: isComplete ? votes : Math.min(overlap.most, votes + fewestToDecide(counts, overlap)),
    isDisputed: isComplete && disagree && !isDecided,
    probability,
  };
}

/** Further votes after which the item could be decided at the earliest: only so many are asked for at once. */
function fewestToDecide(
  counts: Counts,
  { confidence, accuracy, most }: { readonly confidence: number; readonly accuracy: number; readonly most: number },
): number {
  const leading = counts.indexOf(Math.max(...counts));
  for (let more = 1; more < most; more++) {
    const then = counts.map((count, place) => count + (place === leading ? more : 0)) as unknown as Counts;
    if (posteriorOf(then, accuracy) >= confidence) return more;
  }
  return most;
}
