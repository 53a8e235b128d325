import { editDistance } from '../../core/index.ts';
import type { Content, PairRow, RankingRow, RowMeta, UnpairedRow, Vote } from '../../data/index.ts';
import { answerLike, answerText, contentKey } from '../../judge/index.ts';
import {
  gatherRatings,
  gatherThumbs,
  gatherVotes,
  pairsFromEdits,
  pairsFromRatings,
  pairsFromThumbs,
  pairsFromVotes,
  type Built,
  type SkipReason,
} from '../../pairs/index.ts';
import type { Said, SaidAnswer } from './material.ts';
import type { FeedbackDropReason, FullRowOptions, Tally } from './row-options.ts';

/** Where a row comes from. */
export type RowSource =
  | 'comparison'
  | 'edit'
  | 'thumbs'
  | 'thumb'
  | 'ratings'
  | 'both_bad'
  | 'regenerate'
  | 'copy'
  | 'accept'
  | 'outcome';

interface CandidateBase {
  readonly source: RowSource;
  readonly prompt: Content;
  readonly promptHash: string;
  readonly tools: readonly unknown[] | undefined;
  readonly meta: RowMeta;
  /** What it was made of. */
  readonly evidence: readonly Said[];
}

/** A row that may come: a pair, an answer that was found good or bad, an answer to learn. */
export type Candidate = CandidateBase &
  (
    | { readonly kind: 'pair'; readonly chosen: Content; readonly rejected: Content }
    | { readonly kind: 'single'; readonly completion: Content; readonly label: boolean }
    | { readonly kind: 'completion'; readonly completion: Content }
  );

const REASONS: Readonly<Partial<Record<SkipReason, FeedbackDropReason>>> = {
  tie: 'tie',
  'below-margin': 'below_margin',
  'one-answer': 'one_answer',
  'identical-answers': 'identical_answers',
};

/** What can be made of what was said, by the builders of pairs; what comes to nothing is counted. */
export function candidatesOf(
  said: readonly Said[],
  options: FullRowOptions,
  dropped: Tally<FeedbackDropReason>,
): readonly Candidate[] {
  const context = { options, dropped };
  const prompts = new Map<string, Said[]>();
  for (const one of said) {
    const group = prompts.get(one.answer.promptId);
    if (group === undefined) prompts.set(one.answer.promptId, [one]);
    else group.push(one);
  }
  const centre = createCentre(said.filter(({ signal }) => signal.kind === 'rating'));
  return [...prompts.values()].flatMap((group) => {
    const of = (...kinds: readonly string[]): Said[] => group.filter(({ signal }) => kinds.includes(signal.kind));
    return [
      ...fromComparisons(of('comparison'), context),
      ...fromEdits(of('edit'), context),
      ...fromThumbs(of('thumb'), context),
      ...fromRatings(of('rating'), centre, context),
      ...fromRegenerations(of('regenerate'), group, context),
      ...(['copy', 'accept', 'outcome'] as const).flatMap((kind) => fromWeak(of(kind), kind, context)),
    ];
  });
}

interface Context {
  readonly options: FullRowOptions;
  readonly dropped: Tally<FeedbackDropReason>;
}

const ORIGIN = { file: 'feedback', line: 0 } as const;

function baseOf({ prompt, tools }: SaidAnswer): Pick<RankingRow, 'id' | 'origin' | 'prompt' | 'tools'> {
  return { id: 'feedback', origin: ORIGIN, prompt, ...(tools && { tools }) };
}

function told(built: Built, { dropped }: Context): readonly PairRow[] {
  for (const [reason, count] of Object.entries(built.skipped) as [SkipReason, number][]) {
    // Answers that all are up or all down become single answers.
    if (reason === 'all-up' || reason === 'all-down') continue;
    dropped.add(REASONS[reason] ?? 'undecided', count);
  }
  return built.pairs;
}

function pairCandidate(
  { chosen, rejected, meta = {} }: PairRow,
  source: RowSource,
  evidence: readonly Said[],
): Candidate {
  const { prompt, promptHash, tools } = evidence[0]!.answer;
  return { kind: 'pair', source, prompt, promptHash, tools, chosen, rejected, meta, evidence };
}

function singleCandidate(
  answer: SaidAnswer,
  label: boolean,
  {
    source,
    evidence,
    weight,
  }: { readonly source: RowSource; readonly evidence: readonly Said[]; readonly weight?: number },
): Candidate {
  const { prompt, promptHash, tools, content, versionId } = answer;
  const meta: RowMeta = { model: versionId, ...(weight !== undefined && { weight }) };
  return { kind: 'single', source, prompt, promptHash, tools, completion: content, label, meta, evidence };
}

function keyOf(contentIds: readonly string[]): string {
  return JSON.stringify(contentIds.toSorted());
}

function evidenceFor(said: readonly Said[], contents: readonly Content[]): Said[] {
  const keys = contents.map(contentKey);
  return said.filter(({ answer }) => keys.includes(answer.contentId));
}

function fromComparisons(said: readonly Said[], context: Context): Candidate[] {
  const rows = said.map(({ signal, answer, other }): RankingRow => {
    const vote: Vote = { choice: choiceOf(signal.word) };
    return {
      ...baseOf(answer),
      answers: [
        { content: answer.content, model: answer.versionId },
        { content: other!.content, model: other!.versionId },
      ],
      votes: [vote],
    };
  });
  return gatherVotes(rows).flatMap((row) => {
    const key = keyOf(row.answers.map(({ content }) => contentKey(content)));
    const evidence = said.filter(({ answer, other }) => keyOf([answer.contentId, other!.contentId]) === key);
    const bad = evidence.filter(({ signal }) => signal.word === 'both_bad');
    if (bad.length * 2 > evidence.length)
      return [bad[0]!.answer, bad[0]!.other!].map((answer) =>
        singleCandidate(answer, false, { source: 'both_bad', evidence: bad }),
      );
    return told(pairsFromVotes(row), context).map((pair) => pairCandidate(pair, 'comparison', evidence));
  });
}

function choiceOf(word: string | undefined): Vote['choice'] {
  if (word === 'both_bad') return 'both-bad';
  return word === 'a' ? 0 : word === 'b' ? 1 : 'tie';
}

/** Edits of which less is changed are slips of the pen. */
const LEAST_CHANGE = 0.02;
/** Distances are quadratic in the part that differs. */
const MOST_COMPARED = 2000;

function fromEdits(said: readonly Said[], context: Context): Candidate[] {
  return said.flatMap((one) => {
    const { answer, signal } = one;
    const edited = answerLike(answer.prompt, signal.text!);
    const built = pairsFromEdits({ ...baseOf(answer), original: answer.content, edited }, { chosenModel: 'human' });
    const [pair] = told(built, context);
    if (pair === undefined) return [];
    if (changeOf(answerText(answer.content), signal.text!) < LEAST_CHANGE) {
      context.dropped.add('small_edit');
      return [];
    }
    const made = pairCandidate({ ...pair, meta: { ...pair.meta, rejectedModel: answer.versionId } }, 'edit', [one]);
    const { prompt, promptHash, tools } = answer;
    const meta: RowMeta = { model: 'human' };
    return [
      made,
      { kind: 'completion', source: 'edit', prompt, promptHash, tools, completion: edited, meta, evidence: [one] },
    ];
  });
}

/** The share of a text that an edit changed: Levenshtein's distance over the longer length, from above where the part that differs is long. */
function changeOf(before: string, after: string): number {
  let start = 0;
  while (start < Math.min(before.length, after.length) && before[start] === after[start]) start++;
  let end = 0;
  const most = Math.min(before.length, after.length) - start;
  while (end < most && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  const [was, is] = [before.slice(start, before.length - end), after.slice(start, after.length - end)];
  const longest = Math.max(was.length, is.length);
  const distance = longest > MOST_COMPARED ? longest : editDistance(was, is);
  return distance / Math.max(1, before.length, after.length);
}

function fromThumbs(said: readonly Said[], context: Context): Candidate[] {
  const rows = said.map(({ signal, answer }): UnpairedRow => ({
    ...baseOf(answer),
    completion: answer.content,
    label: signal.value === 1,
    meta: { model: answer.versionId },
  }));
  return gatherThumbs(rows).flatMap((row) => {
    const pairs = told(pairsFromThumbs(row), context);
    if (pairs.length > 0)
      return pairs.map((pair) => pairCandidate(pair, 'thumbs', evidenceFor(said, [pair.chosen, pair.rejected])));
    return row.answers
      .filter(({ score }) => score !== 0.5)
      .map((answer) => {
        const evidence = evidenceFor(said, [answer.content]);
        return singleCandidate(evidence[0]!.answer, answer.score! > 0.5, { source: 'thumb', evidence });
      });
  });
}

/** Ratings a step of a scale of five apart are 1 apart, whatever the scale. */
const STEPS = 4;
/** A person's mean counts as so many ratings of everybody's mean: one rating says little of how somebody rates. */
const PRIOR = 2;

function ratingOf({ signal: { value = 0, scale = [1, 5] } }: Said): number {
  return ((value - scale[0]) / (scale[1] - scale[0])) * STEPS;
}

function raterOf({ signal }: Said): string | undefined {
  return signal.personHash ?? signal.userHash;
}

function sumOf(said: readonly Said[]): number {
  return said.reduce((total, one) => total + ratingOf(one), 0);
}

/** What is taken off a rating: its rater's mean, drawn to everybody's where there are few. */
function createCentre(said: readonly Said[]): (one: Said) => number {
  const overall = said.length === 0 ? 0 : sumOf(said) / said.length;
  const raters = new Map<string, Said[]>();
  for (const one of said) {
    const rater = raterOf(one);
    if (rater === undefined) continue;
    const all = raters.get(rater);
    if (all === undefined) raters.set(rater, [one]);
    else all.push(one);
  }
  const means = new Map(
    [...raters].map(([rater, own]) => [rater, (sumOf(own) + PRIOR * overall) / (own.length + PRIOR)] as const),
  );
  return (one) => means.get(raterOf(one) ?? '') ?? overall;
}

function fromRatings(said: readonly Said[], centre: (one: Said) => number, context: Context): Candidate[] {
  const rows = said.map((one): RankingRow => ({
    ...baseOf(one.answer),
    answers: [{ content: one.answer.content, score: ratingOf(one) - centre(one), model: one.answer.versionId }],
  }));
  return gatherRatings(rows).flatMap((row) =>
    told(pairsFromRatings(row, { minMargin: context.options.minMargin }), context).map((pair) =>
      pairCandidate(pair, 'ratings', evidenceFor(said, [pair.chosen, pair.rejected])),
    ),
  );
}

/** Who asks for another answer may only want one more: the new one must have been copied, accepted or found good. */
function fromRegenerations(said: readonly Said[], all: readonly Said[], { options, dropped }: Context): Candidate[] {
  return said.flatMap((one) => {
    const { answer, other } = one;
    const confirmation =
      other &&
      all.find(
        ({ signal, answer: kept }) =>
          ['copy', 'accept', 'thumb'].includes(signal.kind) && signal.value === 1 && kept.contentId === other.contentId,
      );
    if (confirmation === undefined || other === undefined) {
      dropped.add('unconfirmed');
      return [];
    }
    const { prompt, promptHash, tools } = answer;
    if (answer.contentId === other.contentId) {
      dropped.add('identical_answers');
      return [];
    }
    const meta = { chosenModel: other.versionId, rejectedModel: answer.versionId, weight: options.weak.regenerate! };
    const sides = { chosen: other.content, rejected: answer.content };
    return [
      { kind: 'pair', source: 'regenerate', prompt, promptHash, tools, ...sides, meta, evidence: [one, confirmation] },
    ];
  });
}

/** Copied, accepted, went well: good; the opposite: bad. Everything that was said of one answer is one row. */
function fromWeak(
  said: readonly Said[],
  kind: 'copy' | 'accept' | 'outcome',
  { options, dropped }: Context,
): Candidate[] {
  const answers = new Map<string, Said[]>();
  for (const one of said) answers.set(one.answer.contentId, [...(answers.get(one.answer.contentId) ?? []), one]);
  return [...answers.values()].flatMap((evidence) => {
    // Numbers other than 0 and 1 have no good side of their own.
    const clear = evidence.filter(({ signal }) => signal.value === 0 || signal.value === 1);
    const good = clear.filter(({ signal }) => signal.value === 1).length;
    if (good * 2 === clear.length) {
      dropped.add('undecided', evidence.length);
      return [];
    }
    dropped.add('undecided', evidence.length - clear.length);
    const label = good * 2 > clear.length;
    return [
      singleCandidate(evidence[0]!.answer, label, { source: kind, evidence: clear, weight: options.weak[kind]! }),
    ];
  });
}
