import type { SideName } from './tokenize-answer.ts';

/** A token of an example: its text, and whether the loss counts it. */
export interface ExampleToken {
  readonly id: number;
  readonly text: string;
  readonly scored: boolean;
}

export interface TokenisationExample {
  readonly row: string;
  readonly side: SideName;
  /** Prompt and answer; of long ones the start, the tokens around the boundary and the end. */
  readonly tokens: readonly ExampleToken[];
  /** Where tokens were left out: behind `tokens[after]`, so many. */
  readonly gaps: readonly { readonly after: number; readonly omitted: number }[];
  readonly tokenCount: number;
  readonly scoredCount: number;
}

/** Tokens that an example shows on each side of the boundary and at each end. */
const EXAMPLE_WINDOW = 24;

/** A side's ids; the mask is 0 where a token of the answer is not scored. */
export interface ExampleIds {
  readonly prompt: Int32Array;
  readonly answer: Int32Array;
  readonly mask: Int32Array | undefined;
}

/** Which tokens a report shows of a side, and which of them are scored. */
export function exampleOf(
  spell: (id: number) => string,
  side: ExampleIds & { readonly row: string; readonly side: SideName },
): TokenisationExample {
  const { prompt, answer, mask } = side;
  const ids = [...prompt, ...answer];
  // The first token of an empty prompt's completion is predicted by nothing.
  const firstScored = Math.max(prompt.length, 1);
  const isScored = (index: number): boolean => index >= firstScored && mask?.[index - prompt.length] !== 0;
  const places = [0, prompt.length, ids.length];
  const tokens: ExampleToken[] = [];
  const gaps: { after: number; omitted: number }[] = [];
  ids.forEach((id, index) => {
    // Half a token on, so that a window has as many tokens before its place as behind it.
    if (places.some((place) => Math.abs(index + 0.5 - place) < EXAMPLE_WINDOW)) {
      tokens.push({ id, text: spell(id), scored: isScored(index) });
      return;
    }
    const last = gaps.at(-1);
    if (last?.after === tokens.length - 1) last.omitted++;
    else gaps.push({ after: tokens.length - 1, omitted: 1 });
  });
  const scoredCount = ids.filter((_, index) => isScored(index)).length;
  return { row: side.row, side: side.side, tokens, gaps, tokenCount: ids.length, scoredCount };
}
