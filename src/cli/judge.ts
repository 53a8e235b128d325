import { z } from 'zod';
import { badInput, hashString, type JsonValue, writeExactJson } from '../core/index.ts';
import {
  judgeCard,
  readLabelledComparisons,
  renderJudgeCard,
  type CardRow,
  type JudgeCard,
  type LabelledComparison,
} from '../evaluate/index.ts';
import { mapConcurrently } from '../ask/index.ts';
import type { OpenedJudges } from '../judge/index.ts';
import { changed, grouped, option } from '../options/index.ts';
import { withColumns } from '../data/index.ts';
import { COLUMNS, FORMAT, LENIENT, SEED } from './common-options.ts';
import { defineCommand } from './frame/command.ts';
import { tellFormats } from './data/data-notes.ts';
import {
  JUDGE_SHAPE,
  judgeProblems,
  judgingLine,
  MIN_AGREEMENT,
  openCommandJudges,
  missingJudgeInputs,
  plansOf,
  renderPlans,
  showJudging,
} from './judge-options.ts';
import { locateData } from '../hub/index.ts';

const OPTIONS = z.strictObject({
  ...JUDGE_SHAPE,
  minAgreement: changed(MIN_AGREEMENT, { group: 'Judge' }),
  dryRun: option(z.boolean().default(false), {
    help: 'show the first question, the number of questions and the cost; ask nothing',
    group: 'Judge',
    isCommon: true,
  }),
  ...grouped('Rows', {
    format: FORMAT,
    columns: changed(COLUMNS, { isCommon: false }),
    lenient: LENIENT,
    maxRows: option(z.int().min(1).optional(), { help: 'judge so many rows, drawn by their texts', isCommon: true }),
    ownModels: option(z.array(z.string().min(1)).optional(), {
      help: "names of the judge's own model in the data",
      usually: 'its name',
    }),
    seed: changed(SEED, { help: 'of the intervals' }),
  }),
});
type JudgeCommandOptions = z.output<typeof OPTIONS>;

/** `preftune judge`: how far a judge can be trusted, measured on comparisons that people decided. */
export const JUDGE = defineCommand({
  name: 'judge',
  hasEvents: true,
  description: 'Measures judges against people: agreement, kappa, bias for places, lengths and themselves',
  arguments: [
    { name: 'data', help: 'files, folders or hub ids of pairs or votes of people', isRequired: true, isVariadic: true },
  ],
  examples: [
    { does: 'a judge beside what people decided', words: 'votes.jsonl --judge-model gpt-4.1-mini' },
    {
      does: 'what it would ask and cost',
      words: 'votes.jsonl --judge-model gpt-4.1-mini --price-input 0.4 --price-output 1.6 --dry-run',
    },
  ],
  options: OPTIONS,
  takesConfig: true,
  check: (_options, { given }) => judgeProblems(given),
  async run(options, context) {
    const { args, terminal } = context;
    const missing = options.dryRun ? [] : missingJudgeInputs(context);
    if (missing.length > 0) throw badInput(missing);
    const { dryRun: isDryRun, format, lenient: isLenient, maxRows } = options;
    const sources = withColumns(await locateData(args, context), options.columns);
    const read = await readLabelledComparisons(sources, { format, isLenient });
    tellFormats(read.formats, terminal);
    if (read.skipped > 0) terminal.warn(`${read.skipped} rows were skipped: wrong, or not decided by people`);
    const rows = drawn(read.rows, maxRows);
    let update: (() => void) | undefined;
    const opened = await openCommandJudges(options, context, { isDryRun, onChange: () => update?.() });
    try {
      if (isDryRun) {
        const plans = plansOf(
          opened,
          rows.map(({ comparison }) => comparison),
        );
        terminal.result({ plans: plans as unknown as JsonValue }, renderPlans(plans));
        return;
      }
      const progress = terminal.progress('judge');
      let done = 0;
      update = () => showJudging(progress, opened, { done, total: rows.length });
      const judged = await mapConcurrently(
        rows,
        async (row, _index, signal): Promise<CardRow> => {
          const judgement = await opened.judge.compare(row.comparison, { signal });
          done++;
          update?.();
          return { ...row, judgement };
        },
        {
          limit: opened.concurrency,
          signal: context.signal,
        },
      );
      progress.finish();
      const cards = cardsOf(opened, judged, options);
      const used = opened.llms.length > 0 ? `\n${judgingLine(opened)}` : '';
      terminal.result({ cards: cards as unknown as JsonValue }, `${cards.map(renderJudgeCard).join('\n\n')}${used}`);
    } finally {
      await opened.close();
    }
  },
});

/** The panel's card and its members', or the one judge's. */
function cardsOf(
  { judge, judges, llms }: OpenedJudges,
  rows: readonly CardRow[],
  { seed, ownModels }: JudgeCommandOptions,
): JudgeCard[] {
  const own = (name: string): string[] =>
    ownModels ?? [name, ...llms.filter((llm) => llm.name === name).map((llm) => llm.specification.model)];
  const card = judgeCard(judge.name, rows, { seed, ownModels: own(judge.name) });
  if (judges.length === 1) return [card];
  const members = judges.map(({ name }, place) => {
    const alone = rows.map((row) => ({ ...row, judgement: row.judgement.members![place]! }));
    return judgeCard(name, alone, { seed, ownModels: own(name) });
  });
  return [card, ...members];
}

/** The rows whose texts hash lowest: a sample that does not depend on the order of the file. */
function drawn(rows: readonly LabelledComparison[], count: number | undefined): readonly LabelledComparison[] {
  if (count === undefined || count >= rows.length) return rows;
  const keyed = rows.map((row) => ({
    row,
    key: hashString(writeExactJson([row.comparison.prompt, row.comparison.a])),
  }));
  return keyed
    .toSorted((x, y) => x.key - y.key)
    .slice(0, count)
    .map(({ row }) => row);
}
