const SPACE = new Set([' ', '\n', '\t', '\r']);

/** The place of the first character from `at` on that is no white space. */
export function skipSpace(text: string, at: number): number {
  let place = at;
  while (place < text.length && SPACE.has(text[place]!)) place++;
  return place;
}

/** Whether the marker stands at a place: `more` where the text ends within it. */
export function markerAt(text: string, at: number, marker: string): boolean | 'more' {
  if (text.startsWith(marker, at)) return true;
  return at + marker.length > text.length && marker.startsWith(text.slice(at)) ? 'more' : false;
}
