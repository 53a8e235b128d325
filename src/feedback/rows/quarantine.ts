import type { Content } from '../../data/index.ts';
import { answerText, promptText } from '../../judge/index.ts';
import { redactText } from '../../ledger/index.ts';
import { createMinHasher, shingleHashes, similarClusters } from '../../statistics/index.ts';
import type { Candidate } from './candidates.ts';
import type { Said } from './material.ts';
import type { FullRowOptions, QuarantineReason } from './row-options.ts';

const BURST_MS = 60_000;
const HASHES = 64;
/** Shorter answers are alike by chance. */
const LEAST_CHARACTERS = 80;

/** Why somebody should look at each candidate before it is trained on; empty: nobody need to. */
export function quarantineReasons(
  candidates: readonly Candidate[],
  said: readonly Said[],
  { burst, nearDuplicate }: FullRowOptions,
): readonly (readonly QuarantineReason[])[] {
  const hasty = burstsOf(said, burst);
  const repeats = repeatsOf(candidates, nearDuplicate);
  return candidates.map((candidate, place) => {
    const reasons: QuarantineReason[] = [];
    if (dictates(candidate)) reasons.push('dictates_answer');
    if (candidate.evidence.some(({ signal }) => hasty.has(signal.id))) reasons.push('burst');
    if (textsOf(candidate).some((text) => redactText(text) !== text)) reasons.push('personal_data');
    if (repeats.has(place)) reasons.push('near_duplicate');
    return reasons;
  });
}

/** What the row teaches. */
function wantedOf(candidate: Candidate): Content {
  return candidate.kind === 'pair' ? candidate.chosen : candidate.completion;
}

function textsOf(candidate: Candidate): string[] {
  const other = candidate.kind === 'pair' ? [answerText(candidate.rejected)] : [];
  return [promptText(candidate.prompt), answerText(wantedOf(candidate)), ...other];
}

/** Words by which a prompt says what the answer is to be, in the languages of most users. */
const ORDER =
  /\b(?:say|repeat|reply|respond|answer|write|output|print|echo|sag|sage|wiederhole|antworte|schreib|schreibe|gib|dis|répète|réponds|écris|di|repite|responde|escribe|ripeti|rispondi|scrivi|diga|repita|responda|escreva)\b|说|重复|回答|言って|繰り返/iu;
const LEAST_DICTATED = 3;
/** Answers that take up less of a prompt were found in it: a passage, a document. */
const LEAST_SHARE = 0.3;

/** Whether the good answer stands in the last turn of its own prompt, which asks for it: "say X". Such rows teach what one person wrote, not what a model can. */
function dictates(candidate: Candidate): boolean {
  if (candidate.kind === 'single' && !candidate.label) return false;
  const { prompt } = candidate;
  const asked = typeof prompt === 'string' ? prompt : (prompt.findLast(({ role }) => role === 'user')?.content ?? '');
  const [question, answer] = [folded(asked), folded(answerText(wantedOf(candidate)))];
  if (answer.length < LEAST_DICTATED || !question.includes(answer)) return false;
  return answer.length >= question.length * LEAST_SHARE || ORDER.test(asked);
}

function folded(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

/** Ids of signals of which one person gave so many within a minute. */
function burstsOf(said: readonly Said[], burst: number): ReadonlySet<string> {
  const people = new Map<string, { readonly id: string; readonly at: number }[]>();
  const seen = new Set<string>();
  for (const { signal } of said) {
    // An outcome of an episode is said once of many answers.
    if (seen.has(signal.id)) continue;
    seen.add(signal.id);
    const who = signal.personHash ?? signal.userHash;
    if (who === undefined) continue;
    const own = people.get(who);
    const one = { id: signal.id, at: signal.createdAt };
    if (own === undefined) people.set(who, [one]);
    else own.push(one);
  }
  const hasty = new Set<string>();
  for (const own of people.values()) {
    const sorted = own.toSorted((a, b) => a.at - b.at);
    for (let end = burst - 1, marked = 0; end < sorted.length; end++) {
      const start = end - burst + 1;
      if (sorted[end]!.at - sorted[start]!.at >= BURST_MS) continue;
      for (marked = Math.max(marked, start); marked <= end; marked++) hasty.add(sorted[marked]!.id);
    }
  }
  return hasty;
}

/** Places of rows whose good answer is nearly that of an earlier row with another prompt. */
function repeatsOf(candidates: readonly Candidate[], threshold: number): ReadonlySet<number> {
  const hasher = createMinHasher(HASHES);
  const bytes = new Uint8Array(candidates.length * HASHES);
  const texts = candidates.map((candidate) => answerText(wantedOf(candidate)));
  for (const [place, text] of texts.entries())
    hasher.sign(shingleHashes(text), bytes.subarray(place * HASHES, (place + 1) * HASHES));
  const heads = similarClusters(
    { hashes: HASHES, count: candidates.length, bytes },
    {
      threshold,
      skip: (place) => texts[place]!.length < LEAST_CHARACTERS,
      accept: (a, b) => candidates[a]!.promptHash !== candidates[b]!.promptHash,
    },
  );
  return new Set([...heads.keys()].filter((place) => heads[place] !== place));
}
