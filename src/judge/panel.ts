import { addUsage, mapConcurrently } from '../ask/index.ts';
import type { Judge, Judgement, Verdict } from './judge.ts';

export interface PanelOptions {
  readonly name?: string;
  readonly judges: readonly Judge[];
  /** Share of the votes that a verdict needs, above this or equal. Default: more than half. Less is a tie. */
  readonly minAgreement?: number;
}

/**
 * Several judges as one: each has a vote, members without a verdict have none. The verdict is a or b if its share of the votes reaches `minAgreement`, else a
 * tie; confidence is the share of votes for what was decided. No verdict when fewer than half of the judges have one.
 */
export function createPanel({ judges, minAgreement, name = 'panel' }: PanelOptions): Judge {
  return {
    name,
    identity: JSON.stringify({ kind: 'panel', minAgreement, judges: judges.map(({ identity }) => identity) }),
    async compare(comparison, options) {
      const members = await mapConcurrently(
        judges,
        (judge, _, signal) => judge.compare(comparison, { ...options, signal }),
        options,
      );
      const calls = members.flatMap((member) => member.calls);
      const parts = { judge: name, members, calls, usage: addUsage(members.map(({ usage }) => usage)) };
      const votes = members.filter((member) => member.kind === 'verdict');
      if (votes.length * 2 < members.length) {
        const reasons = members.flatMap((member) =>
          member.kind === 'none' ? [`${member.judge}: ${member.message}`] : [],
        );
        return {
          kind: 'none',
          ...parts,
          reason: 'no-quorum',
          message: `fewer than half of the judges have a verdict (${reasons.join('; ')})`,
        };
      }
      const { verdict, confidence } = countVotes(
        votes.map((vote) => vote.verdict),
        minAgreement,
      );
      const rationale = votes.map((vote) => `${vote.judge}: ${vote.verdict}. ${vote.rationale}`).join('\n');
      const isConsistent = votes.every((vote) => vote.isConsistent !== false);
      return { kind: 'verdict', ...parts, verdict, confidence, rationale, isConsistent };
    },
  };
}

/** a or b if its share of all votes reaches `minAgreement` (default: is above one half), else a tie. */
export function countVotes(
  votes: readonly Verdict[],
  minAgreement?: number,
): { readonly verdict: Verdict; readonly confidence: number } {
  const share = (wanted: Verdict): number => votes.filter((vote) => vote === wanted).length / votes.length;
  for (const side of ['a', 'b'] as const) {
    const other = share(side === 'a' ? 'b' : 'a');
    const isEnough = minAgreement === undefined ? share(side) > 0.5 : share(side) >= minAgreement;
    if (isEnough && share(side) > other) return { verdict: side, confidence: share(side) };
  }
  return { verdict: 'tie', confidence: share('tie') };
}

/** The verdicts of each single judge in a judgement: its members', or its own. */
export function votesOf(judgement: Judgement): { readonly judge: string; readonly verdict: Verdict | undefined }[] {
  if (judgement.members !== undefined) return judgement.members.flatMap(votesOf);
  return [{ judge: judgement.judge, verdict: judgement.kind === 'verdict' ? judgement.verdict : undefined }];
}
