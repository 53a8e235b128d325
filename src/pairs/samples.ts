import type { Content, RankingRow, RowOrigin } from '../data/index.ts';
import type { Prompt } from '../generate/index.ts';

/** Answers one prompt `count` times; equal answers may come. `firstRow` is the place of the first among all draws of a seed. */
export type SampleAnswers = (prompt: Prompt, count: number, firstRow: number) => Promise<readonly string[]>;

/** Gives each answer of a prompt a number; more is better. A rule's score, a reward model, anything. */
export type RewardFunction = (prompt: Content, answers: readonly Content[]) => Promise<readonly number[]>;

/** `count` different answers of a model to a prompt, at most: repeats are left out. */
export async function sampleRow(
  prompt: Prompt,
  sample: SampleAnswers,
  {
    count,
    place,
    file,
    model,
  }: { readonly count: number; readonly place: number; readonly file: string; readonly model: string },
): Promise<RankingRow> {
  const texts = await sample(prompt, count, place * count);
  const origin: RowOrigin = { file, line: place + 1 };
  const { id, content, tools, templateVariables } = prompt;
  return {
    id,
    origin,
    prompt: content,
    answers: [...new Set(texts)].filter((text) => text.trim() !== '').map((text) => ({ content: text, model })),
    ...(tools && { tools }),
    ...(templateVariables && { templateVariables }),
  };
}

/** The row with the scores that a reward function gives its answers. Best-of-N pairs are then pairsFromRatings. */
export async function scoreAnswers(row: RankingRow, reward: RewardFunction): Promise<RankingRow> {
  const scores = await reward(
    row.prompt,
    row.answers.map(({ content }) => content),
  );
  return { ...row, answers: row.answers.map((answer, i) => ({ ...answer, score: scores[i]! })) };
}
