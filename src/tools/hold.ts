/** How many characters at the end of a text may be the beginning of one of the markers. */
export function heldBack(text: string, markers: readonly string[]): number {
  let held = 0;
  for (const marker of markers) {
    for (let length = Math.min(marker.length - 1, text.length); length > held; length--) {
      if (text.endsWith(marker.slice(0, length))) {
        held = length;
        break;
      }
    }
  }
  return held;
}

/** A text without the white space at its end, and that white space. */
export function splitSpace(text: string): readonly [body: string, space: string] {
  let end = text.length;
  while (end > 0 && ' \n\t\r'.includes(text[end - 1]!)) end--;
  return [text.slice(0, end), text.slice(end)];
}
