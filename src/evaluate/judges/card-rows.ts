import { createHash } from 'node:crypto';
import type { DataSource, RankingRow } from '../../data/index.ts';
import type { CardRow } from './card.ts';
import { contentKey, type Verdict } from '../../judge/index.ts';
import { gatherVotes, readBuildRows, type BuildRows } from '../../pairs/index.ts';

export type LabelledComparison = Omit<CardRow, 'judgement'>;

/**
 * Comparisons that people decided: pairs (the chosen answer is theirs), or two answers with votes (the majority; as many for each is a tie), ranks or
 * scores. A pair's answers stand in an order that its texts decide, so that no place is always the chosen one's. Rows of other kinds are problems. Throws
 * bad-input as readBuildRows.
 */
export async function readLabelledComparisons(
  sources: readonly DataSource[],
  options: { readonly format?: string | undefined; readonly isLenient?: boolean },
): Promise<BuildRows<LabelledComparison>> {
  const read = await readBuildRows(sources, { ...options, shape: 'labels' });
  const rows = gatherVotes(read.rows.filter(({ votes }) => votes !== undefined));
  const others = read.rows.filter(({ votes }) => votes === undefined);
  const labelled = [...others, ...rows].flatMap((row) => {
    const one = labelledOf(row);
    return one === undefined ? [] : [one];
  });
  return { ...read, rows: labelled, skipped: read.skipped + others.length + rows.length - labelled.length };
}

function labelledOf({ id, prompt, answers, votes }: RankingRow): LabelledComparison | undefined {
  if (answers.length !== 2) return undefined;
  const [one, two] = answers as [RankingRow['answers'][number], RankingRow['answers'][number]];
  const difference =
    votes !== undefined
      ? votes.filter(({ choice }) => choice === 0).length - votes.filter(({ choice }) => choice === 1).length
      : one.score !== undefined && two.score !== undefined
        ? one.score - two.score
        : one.rank !== undefined && two.rank !== undefined
          ? two.rank - one.rank
          : undefined;
  if (difference === undefined) return undefined;
  const isTurned = isOdd(`${contentKey(one.content)} ${contentKey(two.content)}`);
  const [a, b] = isTurned ? [two, one] : [one, two];
  const better = difference > 0 !== isTurned;
  const human: Verdict = difference === 0 ? 'tie' : better ? 'a' : 'b';
  return { comparison: { id, prompt, a: a.content, b: b.content }, human, models: { a: a.model, b: b.model } };
}

/** A coin that the text decides. */
function isOdd(text: string): boolean {
  return createHash('sha256').update(text).digest()[0]! % 2 === 1;
}
