export { renderDataReport } from './check-text.ts';
export { checkData, type CheckOptions, type DataReport } from './check.ts';
export type { RowChange } from './conversion/adapt-row.ts';
export { renderConversionReport } from './conversion/convert-text.ts';
export { convertRows, type Conversion, type ConversionReport, type ConvertOptions } from './conversion/convert.ts';
export { fieldUseLines, type FieldUse } from './field-use.ts';
export { createFieldReader, type FieldReader } from './fields.ts';
export { DETECTION_RECORDS, FORMATS, formatNamed } from './format-registry.ts';
export type { DataFormat, ParseContext, ParsedRecord, WrittenRecord } from './format.ts';
export { hashText, promptKey, type Hash64 } from './hash.ts';
export { DATA_LIMITS, type DataLimits } from './limits.ts';
export { loadRankings, type LoadRankingsOptions } from './load-rankings.ts';
export { loadUnpaired } from './load-unpaired.ts';
export { loadCompletions, loadPairs, type LoadCompletionsOptions, type LoadOptions, type LoadedData } from './load.ts';
export type { TieRule } from './order-ranking.ts';
export { decidedPair, pairOfRanking } from './pair-of-ranking.ts';
export {
  createProblemLog,
  type FieldProblem,
  type ProblemLog,
  type ProblemReason,
  type RecordProblem,
} from './problems.ts';
export { createControlTokens, type ControlTokens } from './row-texts/control-tokens.ts';
export { dropCause, type DropCause } from './row-texts/drop-causes.ts';
export type { RowTokenizer } from './row-texts/row-tokenizer.ts';
export { askedAs, textLines } from './row-texts/text-lines.ts';
export { TEXT_MODES, type TextMode, type TextUse } from './row-texts/text-turns.ts';
export { readObjects, type ObjectRecord, type ReadObjectsOptions } from './read-objects.ts';
export { readRecords } from './records.ts';
export {
  ROW_KINDS,
  type CompletionRow,
  type Content,
  type DataRow,
  type PairRow,
  type RankedAnswer,
  type RankingRow,
  type RowKind,
  type RowMeta,
  type RowOrigin,
  type TokenizedAnswer,
  type TokenizedCompletion,
  type TokenizedPair,
  type TokenizedRanking,
  type TokenizedUnpaired,
  type UnpairedRow,
  type Vote,
} from './row.ts';
export { formatLine, readRows, type DetectedFormat, type ReadRowsOptions, type RowEvent } from './rows.ts';
export {
  DATA_ENDINGS,
  dataFilesOf,
  dataKindOf,
  selectSplit,
  shortList,
  splitOf,
  type SplitSelection,
} from './sources/data-files.ts';
export { mixtureLines, parseWeightedName, type SourceShare, type WeightedName } from './sources/mixture.ts';
export { filesOfPath, isPattern, sourcesOfPath, splitNote, type LocatedFiles } from './sources/node-paths.ts';
export { fileSource } from './sources/node-source.ts';
export { readNamedRecords } from './reading/named-records.ts';
export { columnsProblem, withColumns } from './reading/columns.ts';
export { memorySource, type ColumnNames, type DataSource } from './sources/source.ts';
export { recordsOfPrompts, splitRecords, type SplitRecordsOptions, type SplitSummary } from './split-records.ts';
export { hashOfPrompt, sideOfPrompt, splitByPrompt, splitUnit, type PromptSplit, type SplitOptions } from './split.ts';
export { epochOrder, type EpochOrderOptions } from './tokens/epoch-order.ts';
export { allMicroBatches, microBatches, planMicroBatches, type MicroBatchOptions } from './tokens/micro-batches.ts';
export { mismatchPartners, withMismatches, type MismatchOptions } from './tokens/mismatches.ts';
export {
  packCompletions,
  packPairs,
  packRankings,
  packedLength,
  packedRankingLength,
  type PackedBatch,
} from './tokens/packing.ts';
export { selectRows, type RowSet } from './tokens/row-set.ts';
export { rowSetOf, type RowColumns, type TokenizedRow } from './tokens/rows-in-memory.ts';
export { rowsOf, type Rows } from './tokens/rows.ts';
export type { ExampleToken, TokenisationExample } from './tokens/tokenisation-example.ts';
export {
  EXAMPLE_ROWS,
  MAX_LISTED_ROWS,
  createTokenisationLog,
  type RowCount,
  type TextCount,
  type TokenisationLog,
  type TokenisationReport,
} from './tokens/tokenisation-report.ts';
export { placesText, renderTokenisationReport } from './tokens/tokenisation-text.ts';
export type { DropReason, SideName } from './tokens/tokenize-answer.ts';
export { createTrlMismatch } from './trl/trl-cut.ts';
export {
  hasPromptLimit,
  nameOfRules,
  TRL_VERSIONS,
  type TrlRules,
  type TrlTrainer,
  type TrlVersion,
} from './trl/trl-rules.ts';
export { createRowTokenizer } from './tokens/tokenize-row.ts';
export type { TruncationOptions } from './tokens/truncate.ts';
