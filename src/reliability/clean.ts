import { badUsage, isObject, PreftuneError, writeExactJson } from '../core/index.ts';
import { readRecords, type DataSource } from '../data/index.ts';
import { writeLinesAtomic } from '../files/index.ts';
import type { Reliability } from './check.ts';
import type { DataFinding, FindingKind } from './finding.ts';
import { maskPersonalData, PERSONAL_KINDS, SECRET_KINDS, type PersonalKind } from './personal-data.ts';
import { placeOf } from './row-table.ts';

/** What can be done about findings: drop the rows of a kind, or mask what they hold. */
export const REMEDIES = [
  'unreadable',
  'identical',
  'empty',
  'duplicates',
  'near-duplicates',
  'contradictions',
  'cycles',
  'ties',
  'truncated',
  'same-length',
  'language-mismatch',
  'annotators',
  'personal-data',
  'secrets',
  'mask-personal-data',
  'mask-secrets',
  'leakage',
  'mislabelled',
] as const satisfies readonly (FindingKind | `mask-${FindingKind}`)[];
export type Remedy = (typeof REMEDIES)[number];

/** Remedies for whatever is beyond doubt; what `--apply safe` stands for. */
export const SAFE_REMEDIES: readonly Remedy[] = [
  'unreadable',
  'identical',
  'empty',
  'duplicates',
  'contradictions',
  'mask-secrets',
];

export interface CleanOptions {
  readonly sources: readonly DataSource[];
  readonly reliability: Reliability;
  readonly remedies: readonly Remedy[];
  /** JSON Lines; beside it `<output>.removed.jsonl`. */
  readonly output: string;
  readonly signal?: AbortSignal;
}

export interface CleanResult {
  readonly kept: number;
  readonly removed: number;
  readonly masked: number;
  /** Records removed for each reason; a record may have several. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly output: string;
  readonly removedFile: string;
}

/**
 * Writes the records that stay, unchanged in fields and order, and beside them those that go: `{"file", "line", "reasons", "record"}`. Both files
 * appear whole or not at all. What cannot be parsed has no record, and what it was is said in `reasons` alone.
 *
 * Throws bad-usage when a record that could not be used would stay in silence (the remedies lack unreadable, identical or empty), run-failed
 * when the disk is full, cancelled when the signal fires.
 */
export async function cleanData(options: CleanOptions): Promise<CleanResult> {
  const { sources, reliability, remedies, output, signal } = options;
  refuseLeftovers(reliability.findings, remedies);
  const reasonsOf = reasonsByPlace(reliability.findings, remedies);
  const masks = maskedKinds(remedies);
  const removedFile = `${output}.removed.jsonl`;
  const counts = { kept: 0, removed: 0, masked: 0 };
  const reasonCounts: Record<string, number> = {};
  const divide = async (keep: (line: string) => void, remove: (line: string) => void): Promise<void> => {
    for (const [file, source] of sources.entries()) {
      for await (const event of readRecords(source)) {
        if (signal?.aborted) throw new PreftuneError('cancelled', 'data clean: stopped, nothing was written');
        const line = event.kind === 'record' ? event.origin.line : (event.problem.line ?? 0);
        const reasons =
          reasonsOf.get(placeOf(file, line)) ??
          reasonsOf.get(placeOf(file, event.kind === 'record' ? event.place.line : line));
        if (reasons === undefined && event.kind === 'record') {
          const value = masks.length === 0 ? event.value : masked(event.value, masks);
          const text = writeExactJson(value);
          if (masks.length > 0 && text !== writeExactJson(event.value)) counts.masked++;
          counts.kept++;
          keep(text);
          continue;
        }
        counts.removed++;
        const why = reasons ?? ['unreadable'];
        for (const reason of why) reasonCounts[reason] = (reasonCounts[reason] ?? 0) + 1;
        const record = event.kind === 'record' ? { record: event.value } : { problem: event.problem.message };
        remove(writeExactJson({ file: source.name, line, reasons: why, ...record }));
      }
    }
  };
  await writeLinesAtomic(output, (keep) => writeLinesAtomic(removedFile, (remove) => divide(keep, remove)));
  return { ...counts, reasons: reasonCounts, output, removedFile };
}

/** Rows that reading refuses would be skipped without a word: they must be named. */
function refuseLeftovers(findings: readonly DataFinding[], remedies: readonly Remedy[]): void {
  const left = findings.filter(
    ({ kind }) => (kind === 'unreadable' || kind === 'identical' || kind === 'empty') && !remedies.includes(kind),
  );
  if (left.length === 0) return;
  throw badUsage(
    left.map(({ kind, count }) => ({
      path: 'apply',
      message: `data clean: --apply must say what becomes of ${count} rows that cannot be used (${kind}); add ${kind}, or mend them first`,
    })),
  );
}

function reasonsByPlace(
  findings: readonly DataFinding[],
  remedies: readonly Remedy[],
): ReadonlyMap<number, readonly string[]> {
  const reasons = new Map<number, string[]>();
  for (const { kind, places, removable } of findings) {
    if (!(remedies as readonly string[]).includes(kind)) continue;
    for (const place of removable ?? places) {
      const list = reasons.get(place);
      if (list === undefined) reasons.set(place, [kind]);
      else list.push(kind);
    }
  }
  return reasons;
}

function maskedKinds(remedies: readonly Remedy[]): readonly PersonalKind[] {
  return PERSONAL_KINDS.filter((kind) =>
    remedies.includes(SECRET_KINDS.includes(kind) ? 'mask-secrets' : 'mask-personal-data'),
  );
}

/** Every text inside a value, masked. */
function masked(value: unknown, kinds: readonly PersonalKind[]): unknown {
  if (typeof value === 'string') return maskPersonalData(value, kinds);
  if (Array.isArray(value)) return value.map((each) => masked(each, kinds));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, masked(each, kinds)]));
}
