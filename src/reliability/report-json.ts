import type { JsonObject } from '../core/index.ts';
import type { Reliability } from './check.ts';
import type { DataFinding } from './finding.ts';
import { atPlace } from './row-table.ts';

/** The findings as JSON, with at most `maxPlaces` places each (`count` has them all). */
export function reliabilityJson(reliability: Reliability, maxPlaces = 100): JsonObject {
  const { table, findings, cues, languages, sources, agreement, mislabelled } = reliability;
  const value = {
    rows: table.count,
    findings: findings.map((finding) => findingJson(finding, { files: table.files, maxPlaces })),
    cues,
    languages,
    sources,
    agreement: agreement ?? null,
    mislabelled:
      mislabelled === undefined
        ? null
        : {
            scored: mislabelled.scored,
            accuracy: mislabelled.accuracy,
            interval: mislabelled.interval,
            suspects: mislabelled.suspects.slice(0, maxPlaces).map((row) => ({
              ...atPlace(table.place[row]!, table.files),
              margin: mislabelled.margins[row]!,
            })),
          },
  };
  return value as unknown as JsonObject;
}

function findingJson(finding: DataFinding, { files, maxPlaces }: { files: readonly string[]; maxPlaces: number }) {
  const { kind, severity, count, sentence, advice, places, values = {} } = finding;
  const rows = Array.from(places.subarray(0, maxPlaces), (place) => atPlace(place, files));
  return { kind, severity, count, sentence, advice, rows, values };
}
