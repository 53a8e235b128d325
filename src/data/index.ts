export * from './row.ts';
export { DATA_LIMITS, type DataLimits } from './limits.ts';
export { memorySource, type DataSource } from './source.ts';
export { fileSource } from './node-source.ts';
export { filesOfPath, isPattern, sourcesOfPath, splitNote, type LocatedFiles } from './node-paths.ts';
export {
  DATA_ENDINGS,
  dataFilesOf,
  dataKindOf,
  selectSplit,
  shortList,
  splitOf,
  type SplitSelection,
} from './data-files.ts';
export { createProblemLog } from './problems.ts';
export type { FieldProblem, ProblemLog, ProblemReason, RecordProblem } from './problems.ts';
export type { DataFormat, ParseContext, ParsedRecord, WrittenRecord } from './format.ts';
export { decidedPair, pairOfRanking } from './pair-of-ranking.ts';
export { DETECTION_RECORDS, FORMATS, formatNamed } from './format-registry.ts';
export { createFieldReader, has, isObject, type FieldReader } from './fields.ts';
export { readRecords } from './records.ts';
export { formatLine, readRows, type DetectedFormat, type ReadRowsOptions, type RowEvent } from './rows.ts';
export type { TruncationOptions } from './truncate.ts';
export { createRowTokenizer, type DropReason, type RowTokenizer, type SideName } from './tokenize-row.ts';
export * from './tokenisation-report.ts';
export { renderTokenisationReport } from './tokenisation-text.ts';
export { selectRows, type RowSet } from './row-set.ts';
export { sideOfPrompt, splitByPrompt, type Split, type SplitOptions } from './split.ts';
export { splitRecords, type SplitRecordsOptions, type SplitSummary } from './split-records.ts';
export { mixtureLines, parseWeightedName, type SourceShare, type WeightedName } from './mixture.ts';
export {
  loadCompletions,
  loadPreferencePairs,
  type LoadCompletionsOptions,
  type LoadedData,
  type LoadOptions,
} from './load.ts';
export { loadJudgements } from './load-judgements.ts';
export { loadLists, type LoadListsOptions } from './load-lists.ts';
export type { TieRule } from './order-ranking.ts';
export { mismatchPartners, withMismatches, type MismatchOptions } from './mismatches.ts';
export { convertRows, type Conversion, type ConversionReport, type ConvertOptions } from './conversion/convert.ts';
export { renderConversionReport } from './conversion/convert-text.ts';
export type { RowChange } from './conversion/adapt-row.ts';
export { checkData, type CheckOptions, type DataReport } from './check.ts';
export { renderDataReport } from './check-text.ts';
export * from './packing.ts';
export * from './micro-batches.ts';
export * from './epoch-order.ts';
export { hashText, promptKey, type Hash64 } from './hash.ts';
export { count, listing, share, table, visibleText, wrap, type LabelledLine } from './text-layout.ts';
