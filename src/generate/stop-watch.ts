/** Looks for texts that end an answer, as pieces of it come. */
export interface StopWatch {
  /** What of the text is certain with this piece, and the stop string that came, if one did; it and what follows are left out. `isLast` gives what was held back. */
  push(piece: string, isLast: boolean): { readonly text: string; readonly stopString: string | undefined };
}

/** Holds back the end of a text that may become a stop string; of several that begin at one place the first given counts. */
export function createStopWatch(stopStrings: readonly string[]): StopWatch {
  let held = '';
  return {
    push(piece, isLast) {
      held += piece;
      const found = stopStrings
        .map((stopString) => ({ stopString, at: held.indexOf(stopString) }))
        .filter(({ at }) => at >= 0)
        .toSorted((a, b) => a.at - b.at)[0];
      if (found !== undefined) {
        const text = held.slice(0, found.at);
        held = '';
        return { text, stopString: found.stopString };
      }
      const kept = isLast ? 0 : longestStart(held, stopStrings);
      const text = held.slice(0, held.length - kept);
      held = held.slice(held.length - kept);
      return { text, stopString: undefined };
    },
  };
}

/** The length of the longest end of a text that begins one of the strings. */
function longestStart(text: string, strings: readonly string[]): number {
  let longest = 0;
  for (const one of strings)
    for (let length = Math.min(one.length - 1, text.length); length > longest; length--)
      if (text.endsWith(one.slice(0, length))) longest = length;
  return longest;
}
