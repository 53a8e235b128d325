export { isCardNumber } from './checksums.ts';
export { PERSONAL_PATTERNS, personalMatches, type PersonalPattern } from './personal-patterns.ts';
export { brokenTextAt, findBrokenText, wholeText } from './broken-text.ts';
export {
  BYTES_PER_ELEMENT,
  bfloat16ToFloat32,
  elementCount,
  float16ToFloat32,
  float32Tensor,
  float32ToBfloat16,
  float32ToFloat16,
  hostTensor,
  int32Tensor,
  type CompactDType,
  type ComputeDType,
  type DType,
  type HostTensor,
  type StoredDType,
  type TypedArrayOf,
} from './dtype.ts';
export {
  MAX_PRINTED_PROBLEMS,
  PreftuneError,
  asError,
  badInput,
  badInputProblems,
  badUsage,
  busy,
  formatProblems,
  internal,
  messageOf,
  problemsOf,
  runFailed,
  unreachable,
  type ErrorCode,
  type Problem,
} from './errors.ts';
export { EventReader, type ServerEvent } from './event-reader.ts';
export { exactNumber, parseExactJson } from './exact-json.ts';
export { JsonNumber, canonicalJson, finiteNumber, isNumber, sameNumber, writeExactJson } from './json-number.ts';
export { has, isObject, nestsDeeper, type JsonObject, type JsonRecord, type JsonValue } from './json.ts';
export { localTimeOf, localTimeProblem, requireWallClock, wallClockOf } from './local-time.ts';
export { didYouMean, editDistance, nearestName } from './nearest-name.ts';
export { createRandom, hashString, permutation, restoreRandom, type Random, type RandomState } from './random.ts';
export { commandLines, shellCommand, shellWord, shellWords } from './shell-word.ts';
export { shownValue } from './shown-value.ts';
export {
  count,
  listing,
  percent,
  share,
  table,
  visibleText,
  wrap,
  type LabelledLine,
  type WrapOptions,
} from './text-layout.ts';
