export { mergeBuilt, type Built, type SkipReason } from './built.ts';
export { pairsFromEdits, type EditRow } from './edits.ts';
export { gatherRatings, gatherVotes } from './gather.ts';
export {
  MATCHES,
  comparisonsOf,
  pairsFromJudge,
  type Judged,
  type JudgedOptions,
  type JudgedMatch,
  type Matches,
} from './judged.ts';
export type { PlainShape } from './plain-records.ts';
export { STRATEGIES, pairsFromRatings, type RatingPairOptions, type Strategy } from './ratings.ts';
export { readBuildRows, type BuildRows, type ReadBuildRowsOptions } from './read.ts';
export { sampleRow, scoreAnswers, type RewardFunction, type SampleAnswers } from './samples.ts';
export { gatherThumbs, pairsFromThumbs, type ThumbOptions } from './thumbs.ts';
export { VOTE_LABELS, pairsFromVotes, type VoteLabels, type VoteOptions } from './votes.ts';
