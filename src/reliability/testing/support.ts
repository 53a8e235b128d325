import { memorySource } from '../../data/index.ts';
import { checkReliability, type Reliability, type ReliabilityOptions } from '../check.ts';
import type { DataFinding, FindingKind } from '../finding.ts';
import { atPlace } from '../row-table.ts';

/** A source of rows in JSON Lines. */
export function rowsSource(rows: readonly unknown[], name = 'pairs.jsonl') {
  return memorySource(name, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

/** The checks over rows, without the language detector unless it is asked for. */
export function checkRows(rows: readonly unknown[], options: ReliabilityOptions = {}): Promise<Reliability> {
  return checkReliability([rowsSource(rows)], { languages: false, ...options });
}

export function findingOf({ findings }: Reliability, kind: FindingKind): DataFinding | undefined {
  return findings.find((finding) => finding.kind === kind);
}

/** The lines that a finding names. */
export function linesOf(reliability: Reliability, kind: FindingKind): number[] {
  const places = findingOf(reliability, kind)?.places ?? [];
  return Array.from(places, (place) => atPlace(place, reliability.table.files).line);
}

/** A pair whose texts have `words` words that depend on `key` alone. */
export function pairOf(key: string, more: Readonly<Record<string, unknown>> = {}) {
  const words = (side: string, count: number): string =>
    `${Array.from({ length: count }, (_, i) => `${side}${key}${i}`).join(' ')}.`;
  return { prompt: words('p', 9), chosen: words('c', 12), rejected: words('r', 12), ...more };
}
