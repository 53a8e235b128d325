export { openFeedback, type Feedback } from './open-feedback.ts';
export { answerFeedbackRequest, dropLines, FEEDBACK_REQUEST, type FeedbackRequest } from './requests.ts';
export type { BuildReport } from './rows/build-rows.ts';
export { promptHash } from './rows/material.ts';
export {
  WEAK_KINDS,
  type FeedbackDropReason,
  type FeedbackRowOptions,
  type QuarantineReason,
  type WeakKind,
} from './rows/row-options.ts';
export {
  FEEDBACK_ROW_KINDS,
  ROW_STATES,
  rowObject,
  type FeedbackRow,
  type FeedbackRowKind,
  type RowFilter,
  type RowLineage,
  type RowState,
} from './rows/row-store.ts';
export {
  COMPARISON_WORDS,
  SIGNAL_KINDS,
  SIGNAL_SCHEMA,
  type ComparisonWord,
  type SignalKind,
} from './signals/signal-schema.ts';
export { readSignal, type AnswerReference, type Signal } from './signals/signal.ts';
export { signalObject, type SignalFilter, type SignalRecord } from './signals/signal-records.ts';
export { type RefusalCode, type SignalSender, type TakeOptions, type Taken } from './signals/take-signals.ts';
export { TENSORZERO_FEEDBACK, signalOfTensorZero } from './signals/tensorzero.ts';
