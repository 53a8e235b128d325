import { existsSync } from 'node:fs';
import { badInput, internal, writeExactJson, type JsonValue } from '../../core/index.ts';
import { formatNamed, withColumns, type PairRow } from '../../data/index.ts';
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
} from '../../pairs/index.ts';
import { requireWritableFile, writeFileAtomic } from '../../files/index.ts';
import { present } from '../../options/index.ts';
import { defineCommand, type CommandContext } from '../frame/command.ts';
import { nextLines } from '../frame/next-lines.ts';
import { buildJudged, type BuildOutcome } from './data-build-judged.ts';
import { BUILD_SCHEMA, buildProblems, type BuildOptions } from './data-build-options.ts';
import { tellFormats } from './data-notes.ts';
import { requireModels } from '../require-models.ts';
import { locateData } from '../../hub/index.ts';

/** `preftune data build`: pairs from ratings, rankings, votes, edits, thumbs, a model's samples, or judges. */
export const DATA_BUILD = defineCommand({
  name: 'data build',
  hasEvents: true,
  description: 'Makes pairs from ratings, rankings, votes, edits, thumbs, samples of a model, or judges',
  arguments: [
    { name: 'data', help: 'files, folders or hub ids of rows or prompts', isRequired: true, isVariadic: true },
  ],
  examples: [
    { does: 'from answers with ratings', words: 'rated.jsonl --from ratings --output pairs.jsonl' },
    {
      does: "from a model's own answers to your prompts, by a judge",
      words:
        'prompts.txt --from samples --model HuggingFaceTB/SmolLM2-135M-Instruct --judge-model gpt-4.1-mini --output pairs.jsonl',
    },
  ],
  options: BUILD_SCHEMA,
  takesConfig: true,
  check: buildProblems,
  async run(options, context) {
    const { terminal } = context;
    const { output, overwrite } = options;
    requireWritableFile(output);
    if (existsSync(output) && !overwrite) {
      const message = 'the output must not exist yet, got a file; name another or pass --overwrite';
      throw badInput({ file: output, message });
    }
    const outcome = await build(options, context);
    if (outcome === undefined) return;
    const { pairs, skipped, groups, skippedRows, lines = [], fields = {} } = outcome;
    const reasons = Object.entries(skipped).map(([reason, count]) => `${reason} ${count}`);
    if (pairs.length === 0) {
      const why = reasons.length > 0 ? reasons.join(', ') : 'no answers';
      throw badInput(`data build: at least one pair must come of it, got none from ${groups} prompts (${why})`);
    }
    writeFileAtomic(output, pairs.map((pair) => `${writeExactJson(recordOf(pair))}\n`).join(''));
    const text = [
      `${plural(pairs.length, 'pair')} from ${plural(groups, 'prompt')}: ${output}`,
      ...(reasons.length > 0 ? [`no pair: ${reasons.join(', ')}`] : []),
      ...(skippedRows > 0 ? [`${skippedRows} rows were wrong and skipped`] : []),
      ...lines,
      ...nextLines([['data', 'check', output]], terminal.columns),
    ];
    terminal.result({ output, pairs: pairs.length, prompts: groups, skipped, skippedRows, ...fields }, text.join('\n'));
  },
});

/** Undefined after a dry run. */
async function build(options: BuildOptions, context: CommandContext): Promise<BuildOutcome | undefined> {
  const { from, format, lenient: isLenient, maxRows: limit = Infinity, rating, strategy, minMargin } = options;
  const { minAgreement, minVotes, labels, maxPairs } = options;
  requireModels([options], context);
  const sources = withColumns(await locateData(context.args, context), options.columns);
  const reading = { format, isLenient };
  const tell = <Row>(rows: BuildRows<Row>): BuildRows<Row> => {
    tellFormats(rows.formats, context.terminal);
    return rows;
  };
  switch (from) {
    case 'ratings':
    case 'rankings': {
      const { rows, skipped } = tell(await readBuildRows(sources, { ...reading, shape: 'ratings' }));
      const choice = present({ strategy, minMargin, aspect: rating });
      const ranked = from === 'rankings' ? rows.map((row) => ({ ...row, answers: row.answers.map(ranksOnly) })) : rows;
      return outcomeOf(gatherRatings(ranked).slice(0, limit), (row) => pairsFromRatings(row, choice), skipped);
    }
    case 'votes': {
      const { rows, skipped } = tell(await readBuildRows(sources, { ...reading, shape: 'votes' }));
      return outcomeOf(
        gatherVotes(rows).slice(0, limit),
        (row) => pairsFromVotes(row, present({ minAgreement, minVotes, labels })),
        skipped,
      );
    }
    case 'thumbs': {
      const { rows, skipped } = tell(await readBuildRows(sources, { ...reading, shape: 'thumbs' }));
      return outcomeOf(
        gatherThumbs(rows).slice(0, limit),
        (row) => pairsFromThumbs(row, present({ maxPairs })),
        skipped,
      );
    }
    case 'edits': {
      const { rows, skipped } = tell(await readBuildRows(sources, { ...reading, shape: 'edits' }));
      return outcomeOf(rows.slice(0, limit), (row) => pairsFromEdits(row), skipped);
    }
    default:
      return buildJudged(options, context, sources);
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
