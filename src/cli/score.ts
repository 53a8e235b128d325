import {
  parseScoreSpecification,
  scorePairs,
  type PairScore,
  type ScoreSpecification,
  type ScoreSummary,
} from '../train/index.ts';
import type { JsonObject } from '../store/index.ts';
import type { Command, CommandContext } from './command.ts';
import type { Progress } from './progress.ts';
import { recipeContext } from './recipe-context.ts';
import { tellTokenisation } from './token-notes.ts';
import { recipeOptions, REFERENCE_CACHE, SHOW_TOKENS } from './training-options.ts';

const OWN_OPTIONS: readonly string[] = ['showTokens', 'referenceCache'];

function specificationOf(given: JsonObject): ScoreSpecification {
  return parseScoreSpecification(
    Object.fromEntries(Object.entries(given).filter(([name]) => !OWN_OPTIONS.includes(name))),
  );
}

/** `preftune score`: log-probabilities and implicit rewards of pairs, one JSON object a line. */
export const SCORE: Command = {
  name: 'score',
  description: 'Prints log-probabilities and implicit rewards of pairs of answers, one JSON object a row',
  takesConfig: true,
  options: [...recipeOptions('score'), REFERENCE_CACHE, SHOW_TOKENS],
  check: (given) => void specificationOf(given),
  async run(context) {
    const { given, terminal, options } = context;
    const specification = specificationOf(given);
    const bars = createBars(context);
    const scores = await scorePairs(
      specification,
      recipeContext(context, {
        listener: {
          onNote: terminal.note,
          onWarning: terminal.warn,
          onTokenised: (_split, report) =>
            tellTokenisation(terminal, { name: 'data', report, isWhole: options['showTokens'] === true }),
          onReference: (done, total) => bars.of('reference').update({ done, total, unit: 'rows' }),
          onScored: (done, total) => bars.of('score').update({ done, total, unit: 'rows' }),
        },
      }),
    );
    terminal.close();
    for (let row = 0; row < scores.count; row++) {
      const line = scoreRecord(scores.row(row), specification.beta);
      terminal.result(line, JSON.stringify(line));
    }
    terminal.note(summaryText(scores.summary));
  },
};

function createBars({ terminal }: CommandContext): { of(label: string): Progress } {
  let bar: { readonly label: string; readonly progress: Progress } | undefined;
  return {
    of(label) {
      if (bar?.label !== label) bar = { label, progress: terminal.progress(label) };
      return bar.progress;
    },
  };
}

/** A row of the output. Rewards are beta x (log-probability - the reference one). */
export function scoreRecord(score: PairScore, beta: number): JsonObject {
  const { id, tokens, chosenLogps, rejectedLogps, referenceChosenLogps, referenceRejectedLogps } = score;
  const record = { id, 'logps/chosen': chosenLogps, 'logps/rejected': rejectedLogps };
  const counts = {
    'tokens/prompt': tokens.prompt,
    'tokens/chosen': tokens.chosen,
    'tokens/rejected': tokens.rejected,
  };
  if (referenceChosenLogps === undefined || referenceRejectedLogps === undefined) return { ...record, ...counts };
  const chosen = beta * (chosenLogps - referenceChosenLogps);
  const rejected = beta * (rejectedLogps - referenceRejectedLogps);
  return {
    ...record,
    'reference_logps/chosen': referenceChosenLogps,
    'reference_logps/rejected': referenceRejectedLogps,
    'rewards/chosen': chosen,
    'rewards/rejected': rejected,
    'rewards/margins': chosen - rejected,
    ...counts,
  };
}

function summaryText({ rows, accuracy, margin }: ScoreSummary): string {
  const preferred = `${rows} pairs: the chosen answer scores higher in ${(100 * accuracy).toFixed(1)} %`;
  return margin === undefined
    ? `${preferred} by log-probability (longer answers score lower; name a --reference to see rewards)`
    : `${preferred} by reward, mean margin ${margin.toFixed(4)}`;
}
