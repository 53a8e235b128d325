const SURROGATE = /[\ud800-\udfff]/;

/** Whether every character is one UTF-16 unit, so that places in the text are those of Python. */
export function isFlat(text: string): boolean {
  return !SURROGATE.test(text);
}

/** len(text): Python counts code points. */
export function lengthOf(text: string): number {
  if (isFlat(text)) return text.length;
  let length = 0;
  for (const _ of text) length++;
  return length;
}

/** The code points, one text each; a half of a surrogate pair that stands alone is one of its own. */
export function characters(text: string): string[] {
  return isFlat(text) ? text.split('') : Array.from(text);
}

/** Orders two texts by code points: negative, 0 or positive. UTF-16 order differs, since surrogates stand below U+E000. */
export function compareText(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let at = 0; at < shorter; at++) {
    const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (left === right) continue;
    const [leftHalf, rightHalf] = [left >= 0xd800 && left <= 0xdfff, right >= 0xd800 && right <= 0xdfff];
    if (leftHalf === rightHalf) return left - right;
    return leftHalf ? startOf(a, at) - right : left - startOf(b, at);
  }
  return a.length - b.length;
}

/** The code point that the unit at `at` belongs to. */
function startOf(text: string, at: number): number {
  return text.codePointAt(at)!;
}
