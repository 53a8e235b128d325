import type { UnpairedRow, RankedAnswer, RankingRow } from '../data/index.ts';
import { contentKey } from '../judge/index.ts';
import { createCollector, type Built } from './built.ts';

export interface ThumbOptions {
  /** Pairs of one prompt at most, so that a popular one does not outweigh the rest. Default: all. */
  readonly maxPairs?: number | undefined;
}

/** Thumbs on answers, gathered by prompt: an answer's score is the share of thumbs up, its fields hold both counts. In order of first sight. */
export function gatherThumbs(rows: readonly UnpairedRow[]): RankingRow[] {
  const prompts = new Map<
    string,
    { row: UnpairedRow; answers: Map<string, { row: UnpairedRow; labels: boolean[] }> }
  >();
  for (const row of rows) {
    const key = contentKey(row.prompt);
    const prompt = prompts.get(key) ?? { row, answers: new Map() };
    prompts.set(key, prompt);
    const answerKey = contentKey(row.completion);
    const answer = prompt.answers.get(answerKey) ?? { row, labels: [] };
    prompt.answers.set(answerKey, answer);
    answer.labels.push(row.label);
  }
  return [...prompts.values()].map(({ row: { id, origin, prompt, tools, templateVariables }, answers }) => ({
    id,
    origin,
    prompt,
    ...(tools && { tools }),
    ...(templateVariables && { templateVariables }),
    answers: [...answers.values()].map(({ row, labels }): RankedAnswer => {
      const up = labels.filter(Boolean).length;
      const { model } = row.meta ?? {};
      const fields = { up, down: labels.length - up };
      return { content: row.completion, score: up / labels.length, fields, ...(model !== undefined && { model }) };
    }),
  }));
}

/** Pairs of each answer with more thumbs up than down over each with more down than up, the clearest first. Even answers are ties. */
export function pairsFromThumbs(row: RankingRow, { maxPairs = Infinity }: ThumbOptions = {}): Built {
  const { pair, skip, built } = createCollector(row);
  const sorted = row.answers.toSorted((a, b) => score(b) - score(a));
  const up = sorted.filter((answer) => score(answer) > 0.5);
  const down = sorted.filter((answer) => score(answer) < 0.5).toReversed();
  skip('tie', sorted.length - up.length - down.length);
  if (up.length === 0 && down.length > 0) skip('all-down');
  if (down.length === 0 && up.length > 0) skip('all-up');
  const all = up.flatMap((better) => down.map((worse) => [better, worse] as const));
  const clearest = all.toSorted(([a, b], [c, d]) => score(c) - score(d) - (score(a) - score(b)));
  for (const [better, worse] of clearest.slice(0, maxPairs))
    pair(better, worse, { margin: score(better) - score(worse) });
  return built();
}

function score(answer: RankedAnswer): number {
  return answer.score ?? 0.5;
}
