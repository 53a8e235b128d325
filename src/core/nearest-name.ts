/**
 * The nearest of `names` to `word` by edit distance, when it is near enough to be a slip (two letters of five); ties go to one with the same first letter, then to the first. Of dotted names
 * those beside the word are compared by what stands behind the last dot, and a word without a dot may be the last part of one: `rank` is near `lora.rank`.
 */
export function nearestName(word: string, names: readonly string[]): string | undefined {
  const [parent, last] = parted(word);
  const beside = names.filter((name) => parted(name)[0] === parent);
  const sibling = nearestWord(
    last,
    beside.map((name) => parted(name)[1]),
  );
  if (sibling !== undefined) return beside.find((name) => parted(name)[1] === sibling);
  const below = names.find((name) => parent === '' && parted(name)[1] === last);
  return below ?? nearestWord(word, parent === '' ? names : names.filter((name) => !beside.includes(name)));
}

/** What stands before the last dot, and behind it; without the dashes of a flag. */
function parted(name: string): [parent: string, last: string] {
  const plain = name.replace(/^-+/, '');
  const at = plain.lastIndexOf('.');
  return [plain.slice(0, Math.max(0, at)), plain.slice(at + 1)];
}

function nearestWord(word: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.replace(/^-+/, '').length * 0.4)) + 1;
  for (const name of names) {
    // A slip seldom hits the first letter: bata is beta before it is data.
    const distance = editDistance(word, name) + (parted(word)[1][0] === parted(name)[1][0] ? 0 : 0.5);
    if (distance < bestDistance) [best, bestDistance] = [name, distance];
  }
  return best;
}

/** `did you mean NAME?` with the nearest of `names`, or what to do where none is near. */
export function didYouMean(word: string, names: readonly string[], otherwise: string): string {
  const near = nearestName(word, names);
  return near === undefined ? otherwise : `did you mean ${near}?`;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. Source: Damerau (1964), optimal string alignment. */
export function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(previous[j]! + 1, current[j - 1]! + 1, replace);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, beforePrevious[j - 2]! + 1);
      current.push(cost);
    }
    [beforePrevious, previous] = [previous, current];
  }
  return previous[b.length]!;
}
