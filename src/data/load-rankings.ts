import type { DataSource } from './sources/source.ts';
import { createTokenizing, load, none, requireRows, wrongKind, type LoadedData, type LoadOptions } from './load.ts';
import { orderAnswers, type OrderedAnswers, type TieRule } from './order-ranking.ts';
import { ANSWER_PARTS, createRankingSet } from './tokens/row-set.ts';
import type { DataRow, TokenizedRanking } from './row.ts';
import { hashOfPrompt } from './split.ts';
import { createTokenArena } from './tokens/token-arena.ts';

export interface LoadRankingsOptions extends LoadOptions {
  readonly ties: TieRule;
}

/**
 * Rankings of answers, best first, from one or several sources, tokenised. A pair is a ranking of two. Ties are left out as the rule has
 * it; `notes` says how many.
 *
 * Throws as loadPairs; rows of unpaired answers are refused, and those whose order is not known.
 */
export async function loadRankings(
  source: DataSource | readonly DataSource[],
  options: LoadRankingsOptions,
): Promise<LoadedData<TokenizedRanking>> {
  // The word is in the keys of references that are stored already.
  const arena = createTokenArena(ANSWER_PARTS, 'lists');
  const sizes: number[] = [];
  const [promptHashes, weights]: [number[], number[]] = [[], []];
  const { tokenize, log } = createTokenizing(options);
  let tied = 0;
  const loaded = await load(source, options, (data) => {
    const ordered = orderedOf(data, options.ties);
    const { id, origin, prompt, tools, templateVariables, meta } = data.row;
    const result = tokenize.ranking({
      id,
      origin,
      prompt,
      answers: ordered.answers,
      ...(tools && { tools }),
      ...(templateVariables && { templateVariables }),
    });
    log.list(id, result);
    tied += ordered.tied;
    if (result.kind === 'dropped') return;
    for (const { answers } of result.rows) {
      answers.forEach(({ prompt: own, ids, mask }, place) => {
        const isKnown = place > 0 && isSame(own, answers[place - 1]!.prompt);
        arena.push(id, [isKnown ? none : own, ids, mask ?? none]);
      });
      sizes.push(answers.length);
      promptHashes.push(hashOfPrompt(prompt));
      weights.push(meta?.weight ?? NaN);
    }
  });
  const tokenisation = log.report();
  requireRows(source, sizes.length, { tokenisation, ...loaded });
  const rows = createRankingSet(arena.finish(), { sizes, promptHashes, weights });
  const notes =
    tied === 0
      ? []
      : [`${tied} ${tied === 1 ? 'answer was' : 'answers were'} left out, which tied with another of the same ranking`];
  return { rows, tokenisation, notes, ...loaded };
}

function orderedOf(data: DataRow, ties: TieRule): OrderedAnswers {
  if (data.kind === 'ranking') return orderAnswers(data.row, ties);
  if (data.kind === 'pair') return { answers: [{ content: data.row.chosen }, { content: data.row.rejected }], tied: 0 };
  const hint =
    data.kind === 'unpaired' ? 'take an objective of unpaired answers (--objective kto)' : 'use them with sft';
  throw wrongKind(data, 'rankings', hint);
}

function isSame(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((id, index) => id === b[index]);
}
