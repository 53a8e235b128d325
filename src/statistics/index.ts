export * from './agreement.ts';
export * from './bootstrap.ts';
export {
  bradleyTerry,
  bradleyTerryIntervals,
  ELO_BASE,
  ELO_SCALE,
  expectedScore,
  type Game,
  type ModelRating,
  type RatingIntervalOptions,
  type RatingOptions,
} from './bradley-terry.ts';
export * from './holm.ts';
export * from './kappa.ts';
export * from './krippendorff.ts';
export * from './length-control.ts';
export * from './lsh.ts';
export * from './minhash.ts';
export * from './normal.ts';
export * from './power.ts';
export * from './proportion.ts';
export * from './student.ts';
export * from './summary.ts';
export { winRate, type WinRate, type WinRateOptions } from './win-rate.ts';
export * from './win-rate-at-k.ts';
