import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isObject, type JsonObject } from '../../core/index.ts';
import { readMetrics, readRunFile, type MetricRecord } from '../../store/index.ts';
import type { ReportSection } from '../../report/index.ts';
import { diagnose, readRunLog, withSamples, type RunVerdict } from '../../monitor/index.ts';
import type { Contestant } from './contestant.ts';

/** What a run folder tells of how a contestant came to be. */
export interface RunStory {
  /** The contestant's. */
  readonly name: string;
  readonly folder: string;
  readonly metrics: readonly MetricRecord[];
  /** What the checks for known faults say; absent where no step was logged. */
  readonly verdict?: RunVerdict;
  readonly specification: JsonObject;
  /** What it was trained on. */
  readonly data: ReportSection;
}

/** The runs among the contestants, each once. Throws bad-input for damaged files. */
export async function readRunStories(contestants: readonly Contestant[]): Promise<RunStory[]> {
  const folders = new Set<string>();
  const stories: RunStory[] = [];
  for (const contestant of contestants) {
    const folder = contestant.kind === 'model' ? contestant.run : undefined;
    if (folder === undefined || folders.has(folder)) continue;
    folders.add(folder);
    const { specification, data } = readRunFile(folder);
    const file = join(folder, 'metrics.jsonl');
    const metrics = existsSync(file) ? readMetrics(file) : [];
    const log = metrics.length === 0 ? undefined : readRunLog(folder);
    const { name } = contestant;
    stories.push({
      name,
      folder,
      metrics,
      ...(log && { verdict: await withSamples(diagnose(log.records, log.facts), log.samples) }),
      specification,
      data: dataOf(name, specification, data),
    });
  }
  return stories;
}

function dataOf(name: string, { data, heldOut }: JsonObject, identity: unknown): ReportSection {
  const rows: [string, string | number][] = [['trained on', text(data)]];
  if (isObject(identity)) {
    if (typeof identity['rows'] === 'number') rows.push(['rows', identity['rows']]);
    if (typeof identity['train'] === 'string') rows.push(['fingerprint', identity['train'].slice(0, 16)]);
  }
  if (heldOut !== undefined) rows.push(['held out', text(heldOut)]);
  return { title: `Data of ${name}`, rows };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
