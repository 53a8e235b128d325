const WORDS: ReadonlyMap<string, string> = new Map([
  ['True', 'true'],
  ['False', 'false'],
  ['None', 'null'],
  ['true', 'true'],
  ['false', 'false'],
  ['null', 'null'],
]);

/** The JSON text of a word of Python or JSON; undefined for all other words. */
export function wordText(word: string): string | undefined {
  return WORDS.get(word);
}

/** The JSON text of a number in Python's or JSON's grammar, with its digits. Underscores go, whole numbers in hexadecimal are written in digits. Undefined for what is no number. */
export function numberText(written: string): string | undefined {
  const plain = written.replaceAll('_', '').replace(/^\+/, '');
  if (/^-?0[xX][\da-fA-F]+$/.test(plain)) {
    const size = BigInt(plain.replace('-', ''));
    return String(plain.startsWith('-') ? -size : size);
  }
  const text = plain.replace(/^(-?)\./, '$10.').replace(/\.(?=$|[eE])/, '.0');
  return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text) ? text : undefined;
}
