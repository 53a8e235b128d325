export { accuracyClaim, accuracyInterval, accuracyText } from './accuracy.ts';
export {
  cohenKappaInterval,
  fleissKappaInterval,
  krippendorffAlphaInterval,
  type AgreementOptions,
} from './agreement.ts';
export {
  bcaInterval,
  bootstrap,
  percentileInterval,
  type BcaInputs,
  type BootstrapOptions,
  type BootstrapResult,
  type Statistic,
} from './bootstrap.ts';
export {
  ELO_BASE,
  ELO_SCALE,
  bradleyTerry,
  bradleyTerryIntervals,
  expectedScore,
  type Game,
  type ModelRating,
  type RatingIntervalOptions,
  type RatingOptions,
} from './bradley-terry.ts';
export { holm } from './holm.ts';
export { cohenKappa, fleissKappa, type KappaOptions, type KappaWeights } from './kappa.ts';
export { createAlpha, krippendorffAlpha, type MeasurementLevel } from './krippendorff.ts';
export {
  lengthControlledWinRate,
  type GamedRows,
  type LengthControlOptions,
  type LengthControlled,
  type LengthRows,
} from './length-control.ts';
export {
  createDisjointSets,
  similarAcross,
  similarClusters,
  type ClusterOptions,
  type DisjointSets,
  type Signatures,
} from './lsh.ts';
export { createMinHasher, jaccard, shingleHashes, similarity, type MinHasher } from './minhash.ts';
export { normalCdf, normalQuantile } from './normal.ts';
export { kishDesignEffect, minimumDetectableEffect, powerOf, sampleSize, type PowerOptions } from './power.ts';
export { requireLevel, signTest, wilsonInterval, type Interval } from './proportion.ts';
export {
  asymptoticInterval,
  fixedInterval,
  meanDifference,
  relativeLift,
  sequentialHalfWidth,
  sequentialPValue,
  sequentialRho,
  type ArmMoments,
  type AsymptoticOptions,
  type Contrast,
} from './sequential/asymptotic.ts';
export {
  bettingSequence,
  predictableBet,
  type BettingOptions,
  type BettingSequence,
  type BettingState,
  type SequenceSides,
} from './sequential/betting.ts';
export {
  effectSequence,
  type ArmSums,
  type EffectOptions,
  type EffectSequence,
  type EffectState,
  type EffectUnit,
} from './sequential/effect.ts';
export { logCoinEvidence, logGamma, logShareEvidence, sampleRatio, type SampleRatio } from './sequential/mixtures.ts';
export { studentCdf, studentQuantile } from './student.ts';
export { meanOf, quantile, quantileOfSorted, tieAsHalf, variance } from './summary.ts';
export {
  anyOfK,
  bestOfK,
  coinTossAnyOfK,
  expectedBest,
  type ScoredSamples,
  type WinRateAtK,
  type WinRateAtKOptions,
} from './win-rate-at-k.ts';
export { winRate, type WinRate, type WinRateOptions } from './win-rate.ts';
