/** What JavaScript has no word for, or another meaning: possessive quantifiers, atomic and conditional groups, comments, flags inside. */
const FOREIGN = /[*+?}]\+|\(\?(?:>|\(|#|[aiLmsux-]+[:)])/;

/** A regular expression of Python's in JavaScript's words; undefined where it has none, or is no expression. */
export function patternOfPython(text: string): RegExp | undefined {
  const bare = text.replaceAll(/\\[\s\S]/g, '');
  if (FOREIGN.test(bare)) return undefined;
  const translated = text.replaceAll(/\\[\s\S]|\(\?P<|\(\?P=(\w+)\)/g, (found, name: string | undefined) => {
    if (found === '(?P<') return '(?<';
    if (name !== undefined) return `\\k<${name}>`;
    if (found === '\\Z') return String.raw`$(?![\s\S])`;
    if (found === '\\A') return '^';
    return found;
  });
  try {
    // Without the flag u, as Python takes an escape of what needs none.
    return new RegExp(translated);
  } catch {
    return undefined;
  }
}

/** PEFT's rule for a key of rank_pattern and alpha_pattern: the key, at the end of a module's path, behind a point or the path's beginning. */
export function moduleRule(key: string): RegExp | undefined {
  const own = patternOfPython(key);
  return own === undefined ? undefined : patternOfPython(String.raw`^(?:|.*\.)(?:${key})$`);
}
