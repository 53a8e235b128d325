import type { LossKind, RewardForm } from '../objectives/index.ts';
import type { History } from './history.ts';
import type { SampleVerdict } from './sample-verdict.ts';

export const DETECTOR_NAMES = [
  'chosen-falling',
  'rejected-alone',
  'overfitting',
  'length',
  'kl',
  'gradient-spikes',
  'dead-adapter',
  'wrong-reference',
  'learning-rate-too-high',
  'learning-rate-too-low',
  'entropy-collapse',
] as const;

export type DetectorName = (typeof DETECTOR_NAMES)[number];

/** What is known of an objective. */
export interface ObjectiveFacts {
  /** Names of its losses. */
  readonly losses: readonly string[];
  readonly kind: LossKind;
  readonly needsReference: boolean;
  readonly reward: RewardForm;
  /** Where policy and reference are one, rewards are 0. */
  readonly startsAtReference: boolean;
  /** The likelihood of chosen answers is trained too. */
  readonly imitates: boolean;
  readonly lowersChosen: boolean;
  readonly risesAtStart: boolean;
  readonly dividesByLength: boolean;
  /** Tokens beyond the shorter answer count less. */
  readonly takesOutLength: boolean;
  /** Label smoothing is possible and 0. */
  readonly canSmooth: boolean;
}

/** Settings that advice speaks of. */
export interface RunSettings {
  readonly method: 'lora' | 'full' | undefined;
  readonly epochs: number | undefined;
  readonly warmupRatio: number | undefined;
  /** 0 never clips. */
  readonly maxGradientNorm: number | undefined;
}

/** What is known of a run besides its metrics; undefined where it is not. */
export interface RunFacts {
  /** Of an SFT run the checks of pairs are not asked. */
  readonly recipe?: 'dpo' | 'sft' | undefined;
  readonly beta?: number | undefined;
  /** The loss where policy and reference are the same: ln 2 of the sigmoid loss. */
  readonly firstLoss?: number | undefined;
  readonly totalSteps?: number | undefined;
  readonly objective?: ObjectiveFacts | undefined;
  readonly settings?: RunSettings | undefined;
}

/** What a detector saw. */
export interface Evidence {
  /** Numbers with their steps. */
  readonly text: string;
  readonly values: Readonly<Record<string, number>>;
}

export interface DetectorContext {
  readonly facts: RunFacts;
  readonly thresholds: Readonly<Record<string, number>>;
  /** No record follows. */
  readonly isEnd: boolean;
}

/** A known pattern of runs that go wrong. */
export interface Detector {
  /** A few words, as a heading. */
  readonly title: string;
  /** What it means, in one plain sentence. */
  readonly sentence: string;
  /** What to change, by what the run is: nothing that it has already. */
  readonly advice: (facts: RunFacts) => string;
  /** Paper or document. */
  readonly source: string;
  readonly thresholds: Readonly<Record<string, number>>;
  /** The thresholds in words, with their numbers. */
  readonly rule: (thresholds: Readonly<Record<string, number>>) => string;
  /** Why it cannot be judged by these records, however many there were; undefined where it can. */
  readonly lacks: (history: History, facts: RunFacts) => string | undefined;
  /** What a judgement takes that there is not enough of yet: `30 steps, it has 4`; undefined where there is. */
  readonly tooShort: (history: History, facts: RunFacts) => string | undefined;
  readonly detect: (history: History, context: DetectorContext) => Evidence | undefined;
}

/** A detector that fired. */
export interface RunFinding {
  readonly name: DetectorName;
  readonly title: string;
  /** The logged step after which it fired. */
  readonly step: number;
  readonly sentence: string;
  readonly evidence: string;
  readonly values: Readonly<Record<string, number>>;
  readonly rule: string;
  readonly source: string;
  readonly advice: string;
}

/** The state of every detector. */
export interface RunVerdict {
  /** The last logged step. */
  readonly step: number;
  readonly findings: readonly RunFinding[];
  /** Looked for and not found. */
  readonly quiet: readonly DetectorName[];
  /** What answers of the model before and after training look like; absent where none are known. */
  readonly samples?: SampleVerdict;
  /** Not judged, and what for. */
  readonly unjudged: readonly { readonly name: DetectorName; readonly reason: string }[];
  /** Not judged, as the run is too short, and what a judgement takes. */
  readonly tooShort: readonly { readonly name: DetectorName; readonly needs: string }[];
}

/** A number as evidence shows it. */
export function shown(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e6) return value.toExponential(1);
  return value.toFixed(size >= 100 ? 1 : size >= 1 ? 2 : 4);
}
