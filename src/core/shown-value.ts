/** Longest text of a value in a message. */
const MAX_SHOWN = 200;

/**
 * A value as messages show it: texts in double quotes with their control characters escaped, everything else as JSON, cut
 * after 200 characters. `got "warm"`, `got 3`, `got {"a":1}`.
 */
export function shownValue(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  const text = JSON.stringify(value) ?? String(value);
  // JSON leaves DEL and the control characters above it as they are, and these steer terminals too.
  const visible = text.replaceAll(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`,
  );
  return visible.length <= MAX_SHOWN ? visible : `${visible.slice(0, MAX_SHOWN)}...`;
}
