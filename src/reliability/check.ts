import type { DataSource } from '../data/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import { agreementOf, findAgreement, type Agreement } from './find-agreement.ts';
import { findAnswers, findRefused } from './find-answers.ts';
import { cuesOf, findBias, findMixes, languagesOf, sourcesOf, type Cue, type Part } from './find-bias.ts';
import { findLeakage } from './find-leakage.ts';
import { findMislabelled, suspectMislabelled, type HeldOutMargins, type Mislabelled } from './find-mislabelled.ts';
import { findRepeats } from './find-repeats.ts';
import { sortFindings, type DataFinding } from './finding.ts';
import { openLanguageDetector } from '../answers/index.ts';
import { lengthHistogram, type LengthHistogram } from './lengths.ts';
import type { RowTable } from './row-table.ts';
import { scanData } from './scan.ts';

export interface ReliabilityOptions {
  readonly format?: string;
  /** Data that training must not know. */
  readonly heldOut?: readonly DataSource[];
  /** Counts tokens, to find answers that were cut at one length. */
  readonly tokenizer?: Tokenizer;
  /** Margins under a model that has not seen the rows, to find pairs with swapped sides (crossValidatedMargins). */
  readonly heldOutMargins?: HeldOutMargins;
  /** Whether languages are detected; default true. */
  readonly languages?: boolean;
  /** Of the bootstrap; default 42. */
  readonly seed?: number;
  readonly onProgress?: (rows: number) => void;
  readonly signal?: AbortSignal;
}

/** What can be said about how far data can be trusted. */
export interface Reliability {
  readonly table: RowTable;
  /** The most serious first. */
  readonly findings: readonly DataFinding[];
  readonly cues: readonly Cue[];
  readonly languages: readonly Part[];
  readonly sources: readonly Part[];
  readonly lengths: LengthHistogram;
  /** Undefined when no row names who judged it. */
  readonly agreement: Agreement | undefined;
  /** Undefined without held-out margins. */
  readonly mislabelled: Mislabelled | undefined;
}

/**
 * Checks whether preference data deserve trust: one pass over the rows (and one over the held-out ones), of which numbers and hashes are
 * kept, then every finding. Throws bad-input where the data cannot be read at all; cancelled when the signal fires.
 *
 * @example
 * ```ts
 * import { sourcesOfPath } from 'preftune';
 * import { checkReliability } from 'preftune/reliability';
 *
 * const { findings, lengths } = await checkReliability(await sourcesOfPath('pairs.jsonl'), { languages: false });
 * for (const { kind, severity } of findings) console.log(kind, severity);
 * ```
 */
export async function checkReliability(
  sources: readonly DataSource[],
  options: ReliabilityOptions = {},
): Promise<Reliability> {
  const { format, heldOut, tokenizer, onProgress, signal, seed = 42 } = options;
  const detectLanguage = options.languages === false ? undefined : await openLanguageDetector();
  const common = {
    ...(format === undefined ? {} : { format }),
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress }),
  };
  const scan = await scanData(sources, {
    ...common,
    ...(detectLanguage === undefined ? {} : { detectLanguage }),
    ...(tokenizer === undefined ? {} : { tokenizer }),
  });
  const { table, ratings } = scan;
  const other = heldOut === undefined ? undefined : (await scanData(heldOut, common)).table;
  const margins = await options.heldOutMargins?.(table);
  const mislabelled = margins && suspectMislabelled(margins);
  const agreement = agreementOf(table, ratings, seed);
  const cues = cuesOf(table);
  const findings = [
    ...findRefused(scan),
    ...(other === undefined ? [] : findLeakage(table, other)),
    ...findRepeats(table),
    ...findAnswers(table),
    ...findBias(cues),
    ...findMixes(table),
    ...findAgreement(agreement, table, ratings),
    ...findMislabelled(mislabelled, table),
  ];
  return {
    table,
    cues,
    agreement,
    mislabelled,
    findings: sortFindings(findings),
    languages: languagesOf(table),
    sources: sourcesOf(table),
    lengths: lengthHistogram(table),
  };
}
