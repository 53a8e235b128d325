/** A token that is found in the text before anything else happens to it. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Left out by decode with skipSpecialTokens. */
  readonly special: boolean;
  /** Takes the white space before it. */
  readonly lstrip: boolean;
  /** Takes the white space after it. */
  readonly rstrip: boolean;
  /** Counts only where no letter, digit or underscore touches it. */
  readonly singleWord: boolean;
  /** Looked for in the normalised text, not in the text as it is. */
  readonly normalized: boolean;
}

/** A stretch of plain text, or an added token. `start` is its offset in the text, in UTF-16 code units. */
export interface Section {
  readonly start: number;
  readonly text: string;
  readonly token: AddedToken | undefined;
}

const WORD = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}]/u;
const SPACE = /\p{White_Space}/u;

/**
 * A function that cuts a text at the added tokens in it: the leftmost first, the longest of those that start together.
 * `contents` are what is looked for (a normalised token's normalised form). No empty sections.
 */
export function createSectionSplitter(
  tokens: readonly AddedToken[],
  contents: readonly string[] = tokens.map((token) => token.content),
): (text: string) => readonly Section[] {
  const byContent = new Map<string, AddedToken>();
  tokens.forEach((token, index) => {
    if (contents[index]!.length > 0) byContent.set(contents[index]!, token);
  });
  if (byContent.size === 0) return (text) => (text.length === 0 ? [] : [{ start: 0, text, token: undefined }]);
  const alternatives = Array.from(byContent.keys())
    .toSorted((a, b) => b.length - a.length)
    .map((content) => content.replace(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`));
  const pattern = new RegExp(alternatives.join('|'), 'g');

  return (text) => {
    const sections: Section[] = [];
    let end = 0;
    for (const match of text.matchAll(pattern)) {
      const token = byContent.get(match[0])!;
      let start = match.index;
      let stop = start + match[0].length;
      if (start < end || (token.singleWord && touchesWord(text, start, stop))) continue;
      while (token.lstrip && start > end && SPACE.test(text.charAt(start - 1))) start--;
      while (token.rstrip && SPACE.test(text.charAt(stop))) stop++;
      if (start > end) sections.push({ start: end, text: text.slice(end, start), token: undefined });
      sections.push({ start, text: match[0], token });
      end = stop;
    }
    if (end < text.length) sections.push({ start: end, text: text.slice(end), token: undefined });
    return sections;
  };
}

function touchesWord(text: string, start: number, stop: number): boolean {
  return WORD.test(text.charAt(start - 1)) || WORD.test(text.charAt(stop));
}
