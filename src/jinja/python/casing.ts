/**
 * The characters whose title case is not their upper case, each followed by its title case; Unicode 14, as Python 3.11 has it.
 * Those that keep themselves are in KEEPS_TITLE.
 */
const TITLES = new Map(
  (
    'ßSs,Ǆǅ,ǆǅ,Ǉǈ,ǉǈ,Ǌǋ,ǌǋ,Ǳǲ,ǳǲ,ևԵւ,ᾀᾈ,ᾁᾉ,ᾂᾊ,ᾃᾋ,ᾄᾌ,ᾅᾍ,ᾆᾎ,ᾇᾏ,ᾐᾘ,ᾑᾙ,ᾒᾚ,ᾓᾛ,ᾔᾜ,ᾕᾝ,ᾖᾞ,ᾗᾟ,ᾠᾨ,ᾡᾩ,ᾢᾪ,ᾣᾫ,ᾤᾬ,ᾥᾭ,ᾦᾮ,ᾧᾯ,ᾲᾺ\u0345,ᾳᾼ,' +
    'ᾴΆ\u0345,ᾷᾼ\u0342,ῂῊ\u0345,ῃῌ,ῄΉ\u0345,ῇῌ\u0342,ῲῺ\u0345,ῳῼ,ῴΏ\u0345,ῷῼ\u0342,ﬀFf,ﬁFi,ﬂFl,ﬃFfi,ﬄFfl,ﬅSt,ﬆSt,ﬓՄն,ﬔՄե,ﬕՄի,ﬖՎն,ﬗՄխ'
  )
    .split(',')
    .map((pair) => [pair[0]!, pair.slice(1)] as const),
);
const KEEPS_TITLE =
  /^[\u01c5\u01c8\u01cb\u01f2\u10d0-\u10fa\u10fd-\u10ff\u1f88-\u1f8f\u1f98-\u1f9f\u1fa8-\u1faf\u1fbc\u1fcc\u1ffc]$/;

function toTitle(character: string): string {
  if (KEEPS_TITLE.test(character)) return character;
  return TITLES.get(character) ?? character.toUpperCase();
}

/** str.capitalize: the first character in title case, the rest in lower case. */
export function capitalize(text: string): string {
  if (text === '') return '';
  const first = String.fromCodePoint(text.codePointAt(0)!);
  // The whole is lowered, since the form of a Greek sigma depends on what stands before it.
  return toTitle(first) + text.toLowerCase().slice(first.toLowerCase().length);
}

const IS_CASED = /^\p{Cased}$/u;
const FINAL_SIGMA_BEFORE = /\p{Cased}\p{Case_Ignorable}*$/u;
const FINAL_SIGMA_AFTER = /^\p{Case_Ignorable}*\p{Cased}/u;

/** The lower case of the character at `at`; a capital sigma at the end of a word has its own. */
function lowerAt(text: string, at: number, character: string): string {
  if (character !== 'Σ') return character.toLowerCase();
  const isFinal = FINAL_SIGMA_BEFORE.test(text.slice(0, at)) && !FINAL_SIGMA_AFTER.test(text.slice(at + 1));
  return isFinal ? 'ς' : 'σ';
}

/** str.title: title case behind what has no case, lower case elsewhere. */
export function titleCase(text: string): string {
  let [result, at, isBehindCased] = ['', 0, false];
  for (const character of text) {
    result += isBehindCased ? lowerAt(text, at, character) : toTitle(character);
    isBehindCased = IS_CASED.test(character);
    at += character.length;
  }
  return result;
}

/** str.swapcase. */
export function swapCase(text: string): string {
  let [result, at] = ['', 0];
  for (const character of text) {
    if (/^\p{Uppercase}$/u.test(character)) result += lowerAt(text, at, character);
    else result += /^\p{Lowercase}$/u.test(character) ? character.toUpperCase() : character;
    at += character.length;
  }
  return result;
}

/** str.islower: no upper or title case, and something of lower case. */
export function isLower(text: string): boolean {
  return !/[\p{Uppercase}\p{Lt}]/u.test(text) && /\p{Lowercase}/u.test(text);
}

/** str.isupper. */
export function isUpper(text: string): boolean {
  return !/[\p{Lowercase}\p{Lt}]/u.test(text) && /\p{Uppercase}/u.test(text);
}

/** str.istitle: upper case only behind what has no case, lower case only behind what has. */
export function isTitle(text: string): boolean {
  let [isBehindCased, hasCased] = [false, false];
  for (const character of text) {
    const isHigh = /^[\p{Uppercase}\p{Lt}]$/u.test(character);
    const isLow = !isHigh && /^\p{Lowercase}$/u.test(character);
    if (isHigh ? isBehindCased : isLow && !isBehindCased) return false;
    isBehindCased = isHigh || isLow;
    hasCased ||= isBehindCased;
  }
  return hasCased;
}
