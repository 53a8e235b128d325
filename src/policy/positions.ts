import { badInput, type Problem } from '../core/index.ts';
import type { RowSet, TokenizedCompletion, TokenizedRanking, TokenizedPair } from '../data/index.ts';
import { positionLimit, positionLimitText, type ModelConfig } from '../models/index.ts';

/** Tokens of the longest conversation of a row: positions restart behind the prompt for each answer of a pair. */
export function positionsOf(row: TokenizedPair | TokenizedCompletion | TokenizedRanking): number {
  if ('completion' in row) return row.prompt.length + row.completion.length;
  if ('answers' in row) return Math.max(...row.answers.map(({ prompt, ids }) => prompt.length + ids.length));
  const { prompt, chosen, rejected, rejectedPrompt = prompt } = row;
  return Math.max(prompt.length + chosen.length, rejectedPrompt.length + rejected.length);
}

/**
 * Throws bad-input when a row needs more positions than the model, or the reference, was made for: max_position_embeddings, or
 * those before which its rope changes (positionLimit). `what` names the rows.
 */
export function checkPositions(
  rows: RowSet<TokenizedPair | TokenizedCompletion | TokenizedRanking>,
  { model, reference }: { readonly model: ModelConfig; readonly reference?: ModelConfig | undefined },
  what: string,
): void {
  const problems = [
    ...positionProblems(rows, model, `${what}: rows must fit the model's`),
    ...(reference === undefined ? [] : positionProblems(rows, reference, `${what}: rows must fit the reference's`)),
  ];
  if (problems.length > 0) throw badInput(problems);
}

/** Tokens of a conversation where nobody says how many. */
const LENGTH = 1024;

/** The longest conversation that rows are cut to: what is asked for, or 1024 tokens and no more than every one of the models has positions. */
export function longestRow(maxLength: number | undefined, models: readonly (ModelConfig | undefined)[]): number {
  return (
    maxLength ?? Math.min(LENGTH, ...models.map((model) => (model === undefined ? Infinity : positionLimit(model))))
  );
}

function positionProblems(
  rows: RowSet<TokenizedPair | TokenizedCompletion | TokenizedRanking>,
  model: ModelConfig,
  must: string,
): Problem[] {
  const limit = positionLimit(model);
  let [count, longest, id] = [0, 0, ''];
  for (let index = 0; index < rows.count; index++) {
    // A packed row is at least as long as its longest conversation.
    if (rows.lengths[index]! <= limit) continue;
    const row = rows.row(index);
    const positions = positionsOf(row);
    if (positions <= limit) continue;
    count += 1;
    if (positions > longest) [longest, id] = [positions, row.id];
  }
  if (count === 0) return [];
  const problem = {
    path: 'maxLength',
    message:
      `${must} ${limit} positions (${positionLimitText(model)}), ${count} of ${rows.count} ` +
      `${count === 1 ? 'has' : 'have'} more tokens, the longest ${longest} (row ${id}); pass --max-length ${limit}`,
  };
  return [problem];
}
