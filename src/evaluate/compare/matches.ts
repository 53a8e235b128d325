import type { Prompt } from '../../generate/index.ts';
import { mapConcurrently } from '../../ask/index.ts';
import type { Comparison, Judge, Judgement, Verdict } from '../../judge/index.ts';
import type { Answers } from './answers.ts';
import { openLineStore } from './line-store.ts';

/** Two answers to one prompt that were judged. */
export interface ContestantMatch {
  readonly prompt: string;
  readonly sample: number;
  /** Names of contestants. */
  readonly a: string;
  readonly b: string;
  /** In terms of a and b; null where no judge could tell. */
  readonly verdict: Verdict | null;
  readonly confidence?: number;
  readonly rationale?: string;
  /** Why there is no verdict. */
  readonly reason?: string;
  /** Each judge's own verdict, null without one. */
  readonly votes: Readonly<Record<string, Verdict | null>>;
}

export interface MatchOptions {
  /** judgements.jsonl of the comparison's folder. */
  readonly path: string;
  readonly prompts: readonly Prompt[];
  readonly samples: number;
  /** Names of the contestants that meet. */
  readonly pairs: readonly (readonly [a: string, b: string])[];
  readonly answers: ReadonlyMap<string, Answers>;
  readonly judge: Judge;
  readonly concurrency: number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface Meeting {
  readonly prompt: Prompt;
  readonly sample: number;
  readonly a: string;
  readonly b: string;
}

/** Every two answers that meet, in the order in which they are judged. */
export function meetingsOf({
  prompts,
  samples,
  pairs,
}: Pick<MatchOptions, 'prompts' | 'samples' | 'pairs'>): Meeting[] {
  return prompts.flatMap((prompt) =>
    Array.from({ length: samples }, (_, sample) => pairs.map(([a, b]) => ({ prompt, sample, a, b }))).flat(),
  );
}

/** What a judge is shown. */
export function comparisonOf({ prompt, sample, a, b }: Meeting, answers: MatchOptions['answers']): Comparison {
  const of = (name: string): string => answers.get(name)!(prompt.id, sample)!.text;
  const isText = typeof prompt.content === 'string';
  const content = (text: string) => (isText ? text : [{ role: 'assistant', content: text }]);
  return {
    id: keyOf({ prompt: prompt.id, sample, a, b }),
    prompt: prompt.content,
    a: content(of(a)),
    b: content(of(b)),
  };
}

/**
 * Judges every two answers that meet, from the file or now; each judgement is on disk when it is there. Throws as the judges do, cancelled when the signal fires;
 * what was judged is kept.
 */
export async function playMatches(options: MatchOptions): Promise<ContestantMatch[]> {
  const { path, answers, judge, concurrency, onProgress, signal } = options;
  const store = openLineStore<ContestantMatch>(
    path,
    { format: 1, judge: judge.identity },
    'judgements of the same judges',
  );
  try {
    const known = new Map(store.rows.map((match) => [keyOf(match), match]));
    const meetings = meetingsOf(options);
    const todo = meetings.filter(({ prompt, ...rest }) => !known.has(keyOf({ ...rest, prompt: prompt.id })));
    let done = meetings.length - todo.length;
    await mapConcurrently(
      todo,
      async (meeting, _index, both) => {
        const judgement = await judge.compare(comparisonOf(meeting, answers), { signal: both });
        const match = matchOf(meeting, judgement);
        store.append([match]);
        known.set(keyOf(match), match);
        onProgress?.(++done, meetings.length);
      },
      { limit: concurrency, signal },
    );
    return meetings.map(({ prompt, ...rest }) => known.get(keyOf({ ...rest, prompt: prompt.id }))!);
  } finally {
    store.close();
  }
}

export function keyOf({ prompt, sample, a, b }: Pick<ContestantMatch, 'prompt' | 'sample' | 'a' | 'b'>): string {
  return JSON.stringify([prompt, sample, a, b]);
}

function matchOf({ prompt, sample, a, b }: Meeting, judgement: Judgement): ContestantMatch {
  const members = judgement.members ?? [judgement];
  const votes = Object.fromEntries(
    members.map((member) => [member.judge, member.kind === 'verdict' ? member.verdict : null]),
  );
  const head = { prompt: prompt.id, sample, a, b };
  if (judgement.kind === 'none') return { ...head, verdict: null, reason: judgement.message, votes };
  const { verdict, confidence, rationale } = judgement;
  return { ...head, verdict, confidence, rationale, votes };
}
