import type { Said } from './material.ts';
import type { FeedbackDropReason, Tally } from './row-options.ts';

/**
 * What pages say of answers that were for nobody in particular counts only where so many different episodes (or, without them, keys) say the same, each once: whoever reads a
 * page could send it. It raises the price of made-up feedback; it proves nothing.
 */
export function withQuorum(said: readonly Said[], quorum: number, dropped: Tally<FeedbackDropReason>): readonly Said[] {
  const units = new Map<string, Set<string>>();
  const seen = new Set<string>();
  const first: Said[] = [];
  for (const one of said) {
    if (!isAnonymous(one)) {
      first.push(one);
      continue;
    }
    const claim = claimOf(one);
    const unit = unitOf(one);
    const known = `${unit} ${claim}`;
    if (seen.has(known)) {
      dropped.add('same_unit');
      continue;
    }
    seen.add(known);
    units.set(claim, (units.get(claim) ?? new Set()).add(unit));
    first.push(one);
  }
  return first.filter((one) => {
    if (!isAnonymous(one) || units.get(claimOf(one))!.size >= quorum) return true;
    dropped.add('quorum');
    return false;
  });
}

function unitOf({ signal, answer }: Said): string {
  return answer.episodeId === undefined ? `key ${signal.keyId ?? ''}` : `episode ${answer.episodeId}`;
}

function isAnonymous({ signal }: Said): boolean {
  return signal.isPage && signal.personHash === undefined;
}

/** What is said, of which texts. */
function claimOf({ signal, answer, other }: Said): string {
  const sides = [answer.contentId, other?.contentId ?? ''];
  // The better side first: b over a is the same as a over b.
  const word = signal.word === 'b' ? 'a' : signal.word;
  if (signal.word === 'b') sides.reverse();
  return JSON.stringify([signal.kind, answer.promptId, sides, signal.value, word, signal.text]);
}
