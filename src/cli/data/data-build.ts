import { existsSync } from 'node:fs';
import { badInput, badUsage, internal, type JsonValue } from '../../core/index.ts';
import { formatNamed, type PairRow } from '../../data/index.ts';
import {
  gatherRatings,
  gatherThumbs,
  gatherVotes,
  mergeBuilt,
  pairsFromEdits,
  pairsFromRatings,
  pairsFromThumbs,
  pairsFromVotes,
  readBuildRows,
  type Built,
  type BuildRows,
  type RatingPairOptions,
  type ThumbOptions,
  type VoteOptions,
} from '../../pairs/index.ts';
import { writeFileAtomic } from '../../files/index.ts';
import type { Command, CommandContext } from '../frame/command.ts';
import { buildJudged, type BuildOutcome } from './data-build-judged.ts';
import { BUILD_OPTIONS, checkBuildUsage, type BuildSource } from './data-build-options.ts';
import { tellFormats } from './data-notes.ts';
import { locateData } from '../../hub/index.ts';

/** `preftune data build`: pairs from ratings, rankings, votes, edits, thumbs, a model's samples, or judges. */
export const DATA_BUILD: Command = {
  name: 'data build',
  description: 'Makes pairs from ratings, rankings, votes, edits, thumbs, samples of a model, or judges',
  arguments: [
    { name: 'data', help: 'files, folders or hub ids of rows or prompts', isRequired: true, isVariadic: true },
  ],
  options: BUILD_OPTIONS,
  takesConfig: true,
  async run(context) {
    checkBuildUsage(context);
    const { options, terminal } = context;
    const output = String(options['output']);
    if (!/\.(jsonl|ndjson)$/i.test(output))
      throw badUsage(`data build: --output must end with .jsonl, got ${output}; other formats: preftune data convert`);
    if (existsSync(output) && options['overwrite'] !== true) {
      const message = 'the output must not exist yet, got a file; name another or pass --overwrite';
      throw badInput({ file: output, message });
    }
    const outcome = await build(context);
    if (outcome === undefined) return;
    const { pairs, skipped, groups, skippedRows, lines = [], fields = {} } = outcome;
    const reasons = Object.entries(skipped).map(([reason, count]) => `${reason} ${count}`);
    if (pairs.length === 0) {
      const why = reasons.length > 0 ? reasons.join(', ') : 'no answers';
      throw badInput(`data build: at least one pair must come of it, got none from ${groups} prompts (${why})`);
    }
    writeFileAtomic(output, pairs.map((pair) => `${JSON.stringify(recordOf(pair))}\n`).join(''));
    const text = [
      `${plural(pairs.length, 'pair')} from ${plural(groups, 'prompt')}: ${output}`,
      ...(reasons.length > 0 ? [`no pair: ${reasons.join(', ')}`] : []),
      ...(skippedRows > 0 ? [`${skippedRows} rows were wrong and skipped`] : []),
      ...lines,
    ];
    terminal.result({ output, pairs: pairs.length, prompts: groups, skipped, skippedRows, ...fields }, text.join('\n'));
  },
};

/** Undefined after a dry run. */
async function build(context: CommandContext): Promise<BuildOutcome | undefined> {
  const { args, options } = context;
  const from = options['from'] as BuildSource;
  const sources = await locateData(args, context);
  const limit = (options['maxRows'] as number | undefined) ?? Infinity;
  const reading = { format: options['format'] as string | undefined, isLenient: options['lenient'] === true };
  const tell = <Row>(rows: BuildRows<Row>): BuildRows<Row> => {
    tellFormats(rows.formats, context.terminal);
    return rows;
  };
  switch (from) {
    case 'ratings':
    case 'rankings': {
      const { rows, skipped } = tell(await readBuildRows(sources, { ...reading, shape: 'ratings' }));
      const rating = { ...options, aspect: options['rating'] } as unknown as RatingPairOptions;
      const ranked = from === 'rankings' ? rows.map((row) => ({ ...row, answers: row.answers.map(ranksOnly) })) : rows;
      return outcomeOf(gatherRatings(ranked).slice(0, limit), (row) => pairsFromRatings(row, rating), skipped);
    }
    case 'votes': {
      const { rows, skipped } = tell(await readBuildRows(sources, { ...reading, shape: 'votes' }));
      return outcomeOf(
        gatherVotes(rows).slice(0, limit),
        (row) => pairsFromVotes(row, options as VoteOptions),
        skipped,
      );
    }
    case 'thumbs': {
      const { rows, skipped } = tell(await readBuildRows(sources, { ...reading, shape: 'thumbs' }));
      const thumbs = options as ThumbOptions;
      return outcomeOf(gatherThumbs(rows).slice(0, limit), (row) => pairsFromThumbs(row, thumbs), skipped);
    }
    case 'edits': {
      const { rows, skipped } = tell(await readBuildRows(sources, { ...reading, shape: 'edits' }));
      return outcomeOf(rows.slice(0, limit), (row) => pairsFromEdits(row), skipped);
    }
    default:
      return buildJudged(context, sources);
  }
}

function ranksOnly<Answer extends { readonly score?: number; readonly ratings?: unknown }>(answer: Answer) {
  const { score: _score, ratings: _ratings, ...rest } = answer;
  return rest;
}

function outcomeOf<Row>(rows: readonly Row[], pairs: (row: Row) => Built, skippedRows: number): BuildOutcome {
  return { ...mergeBuilt(rows.map(pairs)), groups: rows.length, skippedRows };
}

/** The pair as TRL's rows have it, with weight, margin and what else is known beside. */
export function recordOf(row: PairRow): JsonValue {
  const name = typeof row.prompt === 'string' ? 'trl-preference' : 'trl-preference-conversational';
  const written = formatNamed(name).write({ kind: 'pair', row });
  if (written.kind === 'refused') throw internal(`a built pair must be writable, ${name} ${written.why}`);
  return written.record as JsonValue;
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
