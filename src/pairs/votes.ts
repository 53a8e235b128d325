import { badInput } from '../core/index.ts';
import type { RankingRow, Vote } from '../data/index.ts';
import { createCollector, type Built } from './built.ts';

/** What the share p of votes for the chosen answer does to a pair. */
export const VOTE_LABELS = ['hard', 'weighted', 'soft'] as const;
export type VoteLabels = (typeof VOTE_LABELS)[number];

export interface VoteOptions {
  /** Fewer votes on two answers give no pair. Default 1. */
  readonly minVotes?: number;
  /** The share of votes that the winner needs, in (0.5, 1]; ties are half a vote for each. Default: any majority. */
  readonly minAgreement?: number | undefined;
  /**
   * hard (default): the majority's pair. weighted: with the weight 2p - 1, so that split votes count little. soft: both directions, with weights
   * p and 1 - p, whose loss p l(m) + (1 - p) l(-m) is the expected one over the voters.
   */
  readonly labels?: VoteLabels;
}

/**
 * Pairs from votes of several people: the answer with the most points against each other one. p = (votes for it + ties / 2) / votes that touch the two. Even
 * votes are ties and never become pairs. Throws bad-input for `minVotes` below 1 and `minAgreement` outside (0.5, 1].
 */
export function pairsFromVotes(row: RankingRow, options: VoteOptions = {}): Built {
  const { minVotes = 1, minAgreement, labels = 'hard' } = options;
  if (!(Number.isInteger(minVotes) && minVotes >= 1))
    throw badInput(`pairs: minVotes must be a whole number of at least 1, got ${minVotes}`);
  if (minAgreement !== undefined && !(minAgreement > 0.5 && minAgreement <= 1))
    throw badInput(`pairs: minAgreement must be above 0.5 and at most 1, got ${minAgreement}`);
  const { pair, skip, built } = createCollector(row);
  const { answers, votes = [] } = row;
  const counts = answers.map((_, i) => votes.filter(({ choice }) => choice === i).length);
  const best = counts.indexOf(Math.max(...counts));
  for (const [other, answer] of answers.entries()) {
    if (other === best) continue;
    const ties = votes.filter(isTie).length;
    const total = counts[best]! + counts[other]! + ties;
    const share = (counts[best]! + ties / 2) / total;
    if (total < minVotes) skip('too-few-votes');
    else if (share <= 0.5) skip('tie');
    else if (share < (minAgreement ?? 0)) skip('too-little-agreement');
    else {
      const fields = { votes: [counts[best]!, counts[other]!, ties] };
      if (labels === 'hard') pair(answers[best]!, answer, { fields });
      else pair(answers[best]!, answer, { weight: labels === 'soft' ? share : 2 * share - 1, fields });
      if (labels === 'soft' && share < 1)
        pair(answer, answers[best]!, { weight: 1 - share, fields: { votes: [counts[other]!, counts[best]!, ties] } });
    }
  }
  return built();
}

function isTie({ choice }: Vote): boolean {
  return typeof choice !== 'number';
}
