/** Of what is missing, so much is shown. */
const SHOWN_LENGTH = 80;

const BLANK = /\s/;

/**
 * The piece of `own` that `text` lacks; undefined where all of it stands there in one piece. White space is not compared (templates trim and fill), nor
 * how characters are composed (NFC). At most SHOWN_LENGTH characters; whole words and marks.
 */
export function missingPiece(own: string, text: string): string | undefined {
  const [wanted, given] = [compact(own), compact(text).units];
  if (given.includes(wanted.units)) return undefined;
  const { units, places, source } = wanted;
  const tail = longest(units.length, (length) => given.includes(units.slice(units.length - length)));
  const head = longest(units.length, (length) => given.includes(units.slice(0, length)));
  // Where the two meet or overlap, all is there but not together: what is shown is around the seam.
  const [from, to] = [Math.min(head, units.length - tail), Math.max(head, units.length - tail)];
  let start = places[from]!;
  while (start > 0 && !BLANK.test(source[start - 1]!)) start--;
  let end = to > 0 ? places[to - 1]! + 1 : 0;
  // To the end of a word, or of a mark: what is kept may end alike.
  while (end < source.length && !BLANK.test(source[end]!) && source[end - 1] !== '>') end++;
  const piece = source.slice(start, Math.max(end, start + 1)).trim();
  return piece.length <= SHOWN_LENGTH ? piece : `${whole(piece.slice(0, SHOWN_LENGTH))}...`;
}

interface Compact {
  /** The text without white space. */
  readonly units: string;
  /** Where each of its UTF-16 units stands in `source`. */
  readonly places: readonly number[];
  readonly source: string;
}

function compact(text: string): Compact {
  const source = text.normalize('NFC');
  const places: number[] = [];
  let units = '';
  for (let place = 0; place < source.length; place++) {
    if (BLANK.test(source[place]!)) continue;
    units += source[place]!;
    places.push(place);
  }
  return { units, places, source };
}

/** The largest length up to `most` that holds, where each shorter one holds too. */
function longest(most: number, holds: (length: number) => boolean): number {
  let [low, high] = [0, most];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (holds(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Without the first half of a character at the end. */
function whole(text: string): string {
  return /[\ud800-\udbff]$/.test(text) ? text.slice(0, -1) : text;
}
