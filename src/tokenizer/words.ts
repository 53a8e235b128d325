/** U+2581, which SentencePiece writes for a space. */
export const SPACE_MARK = '\u2581';

/**
 * A pattern that matches runs of space marks with the word behind them, for a vocabulary in which no token has a mark behind
 * another character: there no merge crosses the matches' ends, so that the words can be tokenised one by one (and
 * remembered) with the same result. undefined for any other vocabulary.
 */
export function wordPattern(tokens: Iterable<string>): RegExp | undefined {
  const crossing = /[^\u2581]\u2581/u;
  for (const token of tokens) if (crossing.test(token)) return undefined;
  return /\u2581+[^\u2581]*|[^\u2581]+/gu;
}
