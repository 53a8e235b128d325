import type { Candidate } from './candidates.ts';
import type { FeedbackDropReason, FullRowOptions, Tally } from './row-options.ts';

/** Everybody whom a row comes from: who said it, and whose prompts they were. HMACs. */
export function peopleOf({ evidence }: Candidate): readonly string[] {
  const people = evidence.flatMap(({ signal, answer, other }) => [
    signal.personHash ?? signal.userHash,
    answer.userHash,
    other?.userHash,
  ]);
  return [...new Set(people.filter((person) => person !== undefined))];
}

/**
 * Leaves out what goes beyond the share of a person or a prompt, the oldest first. Answers to learn are counted apart from preferences, since an edit gives one of each. Somebody
 * who asks and votes alone could teach a model whatever they like (arXiv 2507.02850).
 */
export function withinCaps(
  candidates: readonly Candidate[],
  { maxPerUser, maxPerPrompt }: FullRowOptions,
  dropped: Tally<FeedbackDropReason>,
): readonly Candidate[] {
  const counts = new Map<string, number>();
  const newest = candidates.toSorted((a, b) => lastOf(b) - lastOf(a));
  const kept = new Set<Candidate>();
  for (const candidate of newest) {
    const group = candidate.kind === 'completion' ? 'completion' : 'preference';
    const people = peopleOf(candidate).map((person) => `${group} person ${person}`);
    const prompt = `${group} prompt ${candidate.promptHash}`;
    if (people.some((person) => (counts.get(person) ?? 0) >= maxPerUser)) dropped.add('user_cap');
    else if ((counts.get(prompt) ?? 0) >= maxPerPrompt) dropped.add('prompt_cap');
    else {
      kept.add(candidate);
      for (const name of [...people, prompt]) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  return candidates.filter((candidate) => kept.has(candidate));
}

function lastOf({ evidence }: Candidate): number {
  return Math.max(...evidence.map(({ signal }) => signal.createdAt));
}
