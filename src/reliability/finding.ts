import { type JsonObject, count as showCount } from '../core/index.ts';

/** What can be found in data, in the order in which it is told where severities are equal. */
export const FINDING_KINDS = [
  'unreadable',
  'secrets',
  'leakage',
  'contradictions',
  'cycles',
  'identical',
  'empty',
  'mislabelled',
  'duplicates',
  'near-duplicates',
  'personal-data',
  'annotator-agreement',
  'annotators',
  'length-bias',
  'markdown-bias',
  'refusal-bias',
  'truncated',
  'same-length',
  'ties',
  'language-mismatch',
  'language-mix',
  'source-balance',
] as const;
export type FindingKind = (typeof FINDING_KINDS)[number];

/** serious: training on it is wrong or harmful. warning: it changes what is learned. note: worth knowing. */
export type Severity = 'serious' | 'warning' | 'note';

export const SEVERITIES: readonly Severity[] = ['serious', 'warning', 'note'];

export interface DataFinding {
  readonly kind: FindingKind;
  readonly severity: Severity;
  /** How many rows, pairs or people it is about. */
  readonly count: number;
  /** What was found, as one sentence with its numbers. */
  readonly sentence: string;
  /** What to do about it. */
  readonly advice: string;
  /** Every place it is about (row-table.ts), in file order; empty where it is about the data as a whole. */
  readonly places: Float64Array;
  /** The places that `data clean` removes; undefined where no row is to be removed. Default of the remedy: all of `places`. */
  readonly removable?: Float64Array;
  /** The numbers behind it. */
  readonly values?: JsonObject;
}

export const NO_PLACES = new Float64Array(0);

/** `1 row`, `2,000 rows`. */
export function counted(count: number, noun = 'row'): string {
  return `${showCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** serious from one share on, a warning from another, else a note. */
export function severityOf(share: number, limits: { readonly serious: number; readonly warning: number }): Severity {
  if (share >= limits.serious) return 'serious';
  return share >= limits.warning ? 'warning' : 'note';
}

/** Serious ones first, then in the order of FINDING_KINDS. */
export function sortFindings(findings: readonly DataFinding[]): DataFinding[] {
  const rank = ({ severity, kind }: DataFinding): number =>
    SEVERITIES.indexOf(severity) * FINDING_KINDS.length + FINDING_KINDS.indexOf(kind);
  return findings.toSorted((a, b) => rank(a) - rank(b));
}
