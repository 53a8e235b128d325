import { openLanguageDetector } from '../answers/index.ts';
import { hashOfPrompt, splitUnit, type DataRow, type DataSource } from '../data/index.ts';
import { findRefused, findAnswers } from './find-answers.ts';
import { cuesOf, findBias, findMixes } from './find-bias.ts';
import { findLeakage } from './find-leakage.ts';
import { findRepeats } from './find-repeats.ts';
import { sortFindings, type DataFinding, type FindingKind } from './finding.ts';
import { scanData, type Scan } from './scan.ts';

export interface TrainingDataOptions {
  /** Rows to evaluate on, where they stand apart. */
  readonly heldOut?: readonly DataSource[] | undefined;
  /** Else the prompts of `sources` that are held out: `promptHashes` of a RowSet. */
  readonly heldOutPrompts?: ReadonlySet<number> | undefined;
  /** Whether transcripts were read as conversations; default true. */
  readonly conversational?: boolean | undefined;
  /** How many rows there are. */
  readonly rows: number;
  /** More than these, and every so many rows stand for all; default MOST_ROWS. */
  readonly mostRows?: number;
  readonly onProgress?: (rows: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** What is said of data before a run, most serious first. */
export interface TrainingDataCheck {
  readonly findings: readonly DataFinding[];
  /** Every so many rows were looked at; 1: all. */
  readonly stride: number;
}

/** Of more rows a part is looked at: as long as it takes to read them. */
export const MOST_ROWS = 100_000;
/** Of more rows languages, which take a third of the time, are not detected. */
const MOST_LANGUAGE_ROWS = 20_000;

/** Findings that no run is the better or worse for, or that are told where rows are read. */
const ELSEWHERE: ReadonlySet<FindingKind> = new Set(['unreadable', 'personal-data', 'language-mix', 'source-balance']);

/**
 * The findings of `data check` that bear on a run, serious ones and warnings: biases, repeats, contradictions, answers that break off, prompts on both sides
 * of the split. By the functions of checkReliability, without what needs a model or people's names. Throws as it does.
 */
export async function checkTrainingData(
  sources: readonly DataSource[],
  { heldOut, heldOutPrompts, conversational, rows, mostRows = MOST_ROWS, onProgress, signal }: TrainingDataOptions,
): Promise<TrainingDataCheck> {
  const stride = Math.max(1, Math.ceil(rows / mostRows));
  const detectLanguage = rows > MOST_LANGUAGE_ROWS ? undefined : await openLanguageDetector();
  const scan = (of: readonly DataSource[], isKept: (row: DataRow) => boolean): Promise<Scan> => {
    let met = 0;
    return scanData(of, {
      ...(detectLanguage && { detectLanguage }),
      ...(conversational !== undefined && { conversational }),
      ...(onProgress && { onProgress }),
      ...(signal && { signal }),
      keeps: (row) => isKept(row) && met++ % stride === 0,
    });
  };
  const isHeldOut = (row: DataRow): boolean => heldOutPrompts?.has(hashOfPrompt(splitUnit(row))) === true;
  const train = await scan(sources, (row) => !isHeldOut(row));
  const other =
    heldOut !== undefined
      ? await scan(heldOut, () => true)
      : heldOutPrompts !== undefined && heldOutPrompts.size > 0
        ? await scan(sources, isHeldOut)
        : undefined;
  const { table } = train;
  const findings =
    table.count === 0
      ? []
      : [
          ...findRefused(train),
          ...(other === undefined || other.table.count === 0 ? [] : findLeakage(table, other.table)),
          ...findRepeats(table),
          ...findAnswers(table),
          ...findBias(cuesOf(table)),
          ...findMixes(table),
        ];
  return {
    findings: sortFindings(findings.filter(({ kind, severity }) => severity !== 'note' && !ELSEWHERE.has(kind))),
    stride,
  };
}

/** A finding as one line before a run. */
export function trainingDataText({ sentence, advice }: DataFinding, { stride }: TrainingDataCheck): string {
  return `${stride === 1 ? '' : `of one row in ${stride}: `}${sentence}; ${advice}`;
}
