import { existsSync } from 'node:fs';
import { z } from 'zod';
import { badInput, type JsonObject, type JsonValue } from '../core/index.ts';
import { requireWritableFile, writeLinesAtomic } from '../files/index.ts';
import { hasAdapter } from '../policy/index.ts';
import { scorePairs, type Scores } from '../score/index.ts';
import { grouped, option } from '../options/index.ts';
import { SCHEMAS, scoreProblems, scoreSpecificationOf, TRAINING_GROUPS } from '../specification/index.ts';
import { OVERWRITE } from './common-options.ts';
import { defineCommand } from './frame/command.ts';
import { createBars } from './frame/bars.ts';
import { recipeContext } from './training/recipe-context.ts';
import { renderScores } from './score-table.ts';
import { tellTokenisation } from './token-notes.ts';
import { REFERENCE_CACHE, SHOW_TOKENS } from './training/training-options.ts';

/** `preftune score`: how a model ranks pairs of answers, as a table; every pair's numbers go to a file. */
export const SCORE = defineCommand({
  name: 'score',
  hasEvents: true,
  description: 'Measures how a model ranks pairs of answers: log-probabilities, implicit rewards, margins, accuracy',
  takesConfig: true,
  groups: TRAINING_GROUPS,
  examples: [
    {
      does: 'how often the model prefers the better answers',
      words: '--model HuggingFaceTB/SmolLM2-135M-Instruct --data pairs.jsonl',
    },
    {
      does: "rewards of a run, every pair's numbers in a file",
      words: '--model run --data pairs.jsonl --output scores.jsonl',
    },
  ],
  options: z.strictObject({
    ...SCHEMAS.score.shape,
    ...grouped('Output', {
      output: option(z.string().min(1).optional(), {
        help: 'file for the scores of every pair, one JSON object a line',
        alias: '-o',
      }),
      overwrite: OVERWRITE,
      showTokens: SHOW_TOKENS,
    }),
    referenceCache: REFERENCE_CACHE,
  }),
  check: (options, { given }) => scoreProblems(options, given, hasAdapter(options.model)),
  async run(options, context) {
    const { terminal } = context;
    const { output, overwrite, showTokens, referenceCache } = options;
    const specification = scoreSpecificationOf(options);
    if (output !== undefined) requireWritableFile(output);
    if (output !== undefined && existsSync(output) && !overwrite)
      throw badInput({
        file: output,
        message: 'the output must not exist yet, got a file; name another or pass --overwrite',
      });
    const bars = createBars(context.terminal);
    const scores = await scorePairs(
      specification,
      recipeContext(context, {
        referenceCache,
        listener: {
          onNote: terminal.note,
          onLoad: (what) => (what === undefined ? terminal.close() : void terminal.activity(what)),
          onWarning: terminal.warn,
          onTokenised: (_split, report) => tellTokenisation(terminal, { name: 'data', report, isWhole: showTokens }),
          onReference: (done, total) => bars.of('reference').update({ done, total, unit: 'rows' }),
          onScored: (done, total) => bars.of('score').update({ done, total, unit: 'rows' }),
        },
      }),
    );
    terminal.close();
    if (output !== undefined) await writeRows(output, scores);
    const { summary } = scores;
    terminal.result(
      { ...summary, ...(output === undefined ? {} : { output }) } as unknown as JsonValue,
      renderScores(summary, terminal.columns),
    );
    if (output !== undefined) terminal.note(`wrote ${scores.count} rows to ${output}`);
  },
});

async function writeRows(path: string, scores: Scores): Promise<void> {
  await writeLinesAtomic(path, async (write) => {
    for (let row = 0; row < scores.count; row++)
      write(JSON.stringify(scoreRecord(scores.row(row), scores.rewards(row))));
  });
}

/** A row of the output. Rewards are the objective's. */
export function scoreRecord(score: ReturnType<Scores['row']>, rewards: ReturnType<Scores['rewards']>): JsonObject {
  const { id, source, tokens, chosenLogps, rejectedLogps, referenceChosenLogps, referenceRejectedLogps } = score;
  const record = {
    id,
    ...(source === undefined ? {} : { source }),
    'logps/chosen': chosenLogps,
    'logps/rejected': rejectedLogps,
  };
  const counts = {
    'tokens/prompt': tokens.prompt,
    'tokens/chosen': tokens.chosen,
    'tokens/rejected': tokens.rejected,
  };
  return {
    ...record,
    ...(referenceChosenLogps !== undefined && { 'reference_logps/chosen': referenceChosenLogps }),
    ...(referenceRejectedLogps !== undefined && { 'reference_logps/rejected': referenceRejectedLogps }),
    ...(rewards !== undefined && {
      'rewards/chosen': rewards.chosen,
      'rewards/rejected': rewards.rejected,
      'rewards/margins': rewards.chosen - rewards.rejected,
    }),
    ...counts,
  };
}
