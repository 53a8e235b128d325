import type { PairRow, RankedAnswer, RankingRow, RowMeta } from '../data/index.ts';
import { answerLike, contentKey } from '../judge/index.ts';

/** Why something that could have become a pair did not. */
export type SkipReason =
  | 'tie'
  | 'below-margin'
  | 'one-answer'
  | 'identical-answers'
  | 'unrated'
  | 'too-few-votes'
  | 'too-little-agreement'
  | 'all-up'
  | 'all-down'
  | 'no-verdict'
  | 'too-little-confidence';

/** Pairs, and what did not become one. */
export interface Built {
  readonly pairs: readonly PairRow[];
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>;
}

export const NOTHING_BUILT: Built = { pairs: [], skipped: {} };

export function mergeBuilt(all: readonly Built[]): Built {
  const skipped: Partial<Record<SkipReason, number>> = {};
  for (const built of all)
    for (const [reason, count] of Object.entries(built.skipped) as [SkipReason, number][])
      skipped[reason] = (skipped[reason] ?? 0) + count;
  return { pairs: all.flatMap(({ pairs }) => pairs), skipped };
}

/** The pair of two answers of a row; `number` tells a row's pairs apart. What is known of the answers goes into meta, with `extra`. */
export function pairOf(
  row: RankingRow,
  { better, worse, number }: { readonly better: RankedAnswer; readonly worse: RankedAnswer; readonly number: number },
  extra: RowMeta = {},
): PairRow {
  const { id, origin, prompt, tools, templateVariables, meta } = row;
  const { fields, ...typed } = extra;
  const all: RowMeta = {
    ...meta,
    ...(better.model !== undefined && { chosenModel: better.model }),
    ...(worse.model !== undefined && { rejectedModel: worse.model }),
    ...(better.score !== undefined && { chosenScore: better.score }),
    ...(worse.score !== undefined && { rejectedScore: worse.score }),
    ...typed,
    ...((meta?.fields ?? fields) && { fields: { ...meta?.fields, ...fields } }),
  };
  return {
    id: number === 0 ? id : `${id}-${number + 1}`,
    origin,
    prompt,
    chosen: answerLike(prompt, better.content),
    rejected: answerLike(prompt, worse.content),
    ...(tools && { tools }),
    ...(templateVariables && { templateVariables }),
    ...(Object.keys(all).length > 0 && { meta: all }),
  };
}

/** Pairs of one row as they come, and counts of what does not become one. Equal answers never become a pair. */
export function createCollector(row: RankingRow): {
  pair(better: RankedAnswer, worse: RankedAnswer, extra?: RowMeta): void;
  skip(reason: SkipReason, count?: number): void;
  built(): Built;
} {
  const pairs: PairRow[] = [];
  const skipped: Partial<Record<SkipReason, number>> = {};
  const skip = (reason: SkipReason, count = 1): void => {
    if (count > 0) skipped[reason] = (skipped[reason] ?? 0) + count;
  };
  return {
    skip,
    pair(better, worse, extra) {
      const [a, b] = [answerLike(row.prompt, better.content), answerLike(row.prompt, worse.content)];
      if (contentKey(a) === contentKey(b)) skip('identical-answers');
      else pairs.push(pairOf(row, { better, worse, number: pairs.length }, extra));
    },
    built: () => ({ pairs, skipped }),
  };
}
