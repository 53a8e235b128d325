import type { SeenAnswer } from '../answers/index.ts';
import {
  createControlTokens,
  type RowSet,
  type TokenizedCompletion,
  type TokenizedPair,
  type TokenizedRanking,
  type TokenizedUnpaired,
} from '../data/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import type { SampledAnswer, SampledPrompt } from './context.ts';

/** A row of any recipe. */
export type SampledRow = TokenizedPair | TokenizedCompletion | TokenizedUnpaired | TokenizedRanking;

/** The answer of a row that training makes likelier; undefined for one that was found bad. */
export function betterAnswer(row: SampledRow): Int32Array<ArrayBuffer> | undefined {
  if ('chosen' in row) return row.chosen;
  if ('answers' in row) return row.answers[0]!.ids;
  return 'label' in row && row.label === 0 ? undefined : row.completion;
}

/** An answer of the data as the judge sees it. */
export function answerOfData(ids: readonly number[], tokenizer: Tokenizer): SeenAnswer {
  const text = tokenizer.decode(ids, { skipSpecialTokens: true });
  const stops = new Set(tokenizer.stopIds);
  const isEnd = (at: number): boolean => stops.has(ids[at]!) || tokenizer.decode([ids[at]!]).trim() === '';
  let length = ids.length;
  while (length > 0 && isEnd(length - 1)) length--;
  return { text, tokens: length };
}

/** Answers of a model as the judge sees them. */
export function seenAnswers(
  answers: readonly SampledAnswer[],
  {
    tokenizer,
    prompts,
    trained,
  }: {
    readonly tokenizer: Tokenizer;
    /** Of the answers, where they are of the run's own data. */
    readonly prompts: readonly SampledPrompt[];
    readonly trained: RowSet<SampledRow>;
  },
): SeenAnswer[] {
  const control = createControlTokens(tokenizer);
  const copies = findCopies(answers, prompts, trained);
  return answers.map(({ ids, text, finishReason }, i): SeenAnswer => {
    const marks = control.find(tokenizer.decode(ids));
    const copyOf = copies[i];
    return {
      text,
      tokens: ids.length,
      ...(finishReason === 'length' && { isCut: true }),
      ...(marks.length > 0 && { marks }),
      ...(copyOf !== undefined && { copyOf }),
    };
  });
}

/** Shorter answers are the same by chance. */
const MIN_COPIED_TOKENS = 12;
/** What closes a turn in the data. */
const MAX_END_TOKENS = 4;

/**
 * For each answer the id of the training row whose better answer it is, token for token, where that row is of another prompt. An answer that is its own
 * prompt's too, or that stands behind several prompts in the data, is none. Reads every row once and compares lengths first.
 */
function findCopies(
  answers: readonly SampledAnswer[],
  prompts: readonly SampledPrompt[],
  trained: RowSet<SampledRow>,
): (string | undefined)[] {
  const found = answers.map(() => new Map<number, string>());
  const asked = answers.flatMap(({ ids, finishReason }, i) =>
    prompts[i] === undefined || ids.length < MIN_COPIED_TOKENS ? [] : [{ ids, finishReason, i }],
  );
  if (asked.length === 0) return answers.map(() => undefined);
  for (let index = 0; index < trained.count; index++) {
    const row = trained.row(index);
    const own = betterAnswer(row);
    if (own === undefined) continue;
    for (const { ids, finishReason, i } of asked) {
      const more = own.length - ids.length;
      if (more < 0 || (finishReason === 'stop' && more > MAX_END_TOKENS)) continue;
      if (ids.every((id, at) => own[at] === id)) found[i]!.set(trained.promptHashes[index]!, row.id);
    }
  }
  return found.map((rows, i) => {
    const [first] = rows.values();
    return rows.size === 1 && !rows.has(prompts[i]!.hash) ? first : undefined;
  });
}
