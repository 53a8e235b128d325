import { existsSync } from 'node:fs';
import type { DataSource, RankingRow } from '../../data/index.ts';
import {
  comparisonsOf,
  mergeBuilt,
  pairsFromJudge,
  readBuildRows,
  type Built,
  type Judged,
} from '../../pairs/index.ts';
import { mapConcurrently } from '../../ask/index.ts';
import type { OpenedJudges } from '../../judge/index.ts';
import { badInput, writeExactJson, type JsonObject, type JsonValue } from '../../core/index.ts';
import { writeFileAtomic } from '../../files/index.ts';
import { present } from '../../options/index.ts';
import type { CommandContext } from '../frame/command.ts';
import type { BuildOptions } from './data-build-options.ts';
import { tellFormats } from './data-notes.ts';
import { judgingLine, openCommandJudges, plansOf, renderPlans, showJudging } from '../judge-options.ts';

/** What a build has to say, beside its pairs. */
export interface BuildOutcome extends Built {
  /** Prompts, or whatever the pairs were made of. */
  readonly groups: number;
  readonly skippedRows: number;
  /** More for the result. */
  readonly lines?: readonly string[];
  readonly fields?: JsonObject;
}

/** Pairs of given answers, or of a model's own, by what judges say. Undefined after a dry run, which only prints. */
export async function buildJudged(
  options: BuildOptions,
  context: CommandContext,
  sources: readonly DataSource[],
): Promise<BuildOutcome | undefined> {
  const { terminal } = context;
  const { dryRun: isDryRun, verdicts, overwrite, strategy, matches, minConfidence } = options;
  refuseExisting(verdicts, overwrite);
  let update: (() => void) | undefined;
  const opened = await openCommandJudges(options, context, { isDryRun, onChange: () => update?.() });
  try {
    const { rows, skippedRows, note } = await rowsOf(options, context, sources);
    if (isDryRun) {
      const plans = plansOf(opened, rows.flatMap(comparisonsOf));
      terminal.result(
        { plans: plans as unknown as JsonValue },
        `${renderPlans(plans)}${note === undefined ? '' : `\n${note}`}`,
      );
      return undefined;
    }
    const progress = terminal.progress('judge');
    let done = 0;
    update = () => showJudging(progress, opened, { done, total: rows.length });
    const concurrency = opened.concurrency;
    const judged = await mapConcurrently(
      rows,
      async (row, _index, signal) => {
        const choice = present({ strategy, matches, minConfidence });
        const result = await pairsFromJudge(row, { ...choice, judge: opened.judge, signal });
        done++;
        update?.();
        return result;
      },
      { limit: concurrency, signal: context.signal },
    );
    progress.finish();
    writeVerdicts(verdicts, judged);
    return { ...mergeBuilt(judged), groups: rows.length, skippedRows, ...summaryOf(opened, judged) };
  } finally {
    await opened.close();
  }
}

interface RowsToJudge {
  readonly rows: readonly RankingRow[];
  readonly skippedRows: number;
  /** What a dry run has to say of answers that do not exist yet. */
  readonly note?: string;
}

async function rowsOf(
  options: BuildOptions,
  context: CommandContext,
  sources: readonly DataSource[],
): Promise<RowsToJudge> {
  if (options.from === 'samples') {
    // What runs models takes a second to load, and nothing else here needs it.
    const { sampleRows } = await import('./data-build-samples.ts');
    return { ...(await sampleRows(options, context, sources)), skippedRows: 0 };
  }
  const { maxRows: limit = Infinity, format, lenient: isLenient } = options;
  const { rows, skipped, formats } = await readBuildRows(sources, {
    shape: 'answers',
    format,
    isLenient,
  });
  tellFormats(formats, context.terminal);
  return { rows: rows.slice(0, limit), skippedRows: skipped };
}

function refuseExisting(path: string | undefined, mayOverwrite: boolean): void {
  if (path === undefined || mayOverwrite || !existsSync(path)) return;
  throw badInput({
    file: path,
    message: 'the file of verdicts must not exist yet, got a file; name another or pass --overwrite',
  });
}

function writeVerdicts(path: string | undefined, judged: readonly Judged[]): void {
  if (path === undefined) return;
  const lines = judged.flatMap(({ matches }) =>
    matches.map(({ comparison, judgement }) => `${writeExactJson({ ...comparison, judgement })}\n`),
  );
  writeFileAtomic(path, lines.join(''));
}

function summaryOf(opened: OpenedJudges, judged: readonly Judged[]): { lines: string[]; fields: JsonObject } {
  const matches = judged.flatMap((row) => row.matches);
  const verdicts = matches.flatMap(({ judgement }) => (judgement.kind === 'verdict' ? [judgement] : []));
  const turned = verdicts.filter(({ isConsistent }) => isConsistent === false).length;
  const { asked, stored, retries, usage, cost } = opened.state();
  const fields: JsonObject = {
    judge: {
      matches: matches.length,
      verdicts: verdicts.length,
      inconsistent: turned,
      asked,
      stored,
      retries,
      promptTokens: usage.promptTokens,
      completionTokens: usage.completionTokens,
      cost: cost ?? null,
    },
  };
  const lines = [
    `${matches.length} matches judged, ${turned} of them changed with the order of the answers`,
    ...(opened.llms.length > 0 ? [judgingLine(opened)] : []),
  ];
  return { lines, fields };
}
