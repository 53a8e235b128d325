/** What may come next outside of texts: a value, a value or the end of an empty list, a key or the end of an empty object, a key, a colon, what is behind a value. */
type Place = 'value' | 'value-or-end' | 'key-or-end' | 'key' | 'colon' | 'after';

const LITERALS = ['true', 'false', 'null'];
const NUMBER = /^-?(?:0|[1-9]\d*)?(?:(?<=\d)\.\d*)?(?:(?<=\d)[eE][+-]?\d*)?$/;

/** Whether something could be added to make the text JSON. It tells two texts that were put one behind the other from one that goes on. */
export function isJsonPrefix(text: string): boolean {
  const open: ('{' | '[')[] = [];
  let place: Place = 'value';
  let at = 0;
  while (at < text.length) {
    const sign = text[at]!;
    if (/[ \t\n\r]/.test(sign)) at++;
    else if (sign === '"') {
      const isKey: boolean = place === 'key' || place === 'key-or-end';
      if (!isKey && place !== 'value' && place !== 'value-or-end') return false;
      const end = endOfText(text, at + 1);
      if (end === undefined) return true;
      at = end;
      place = isKey ? 'colon' : 'after';
    } else if (sign === '{' || sign === '[') {
      if (place !== 'value' && place !== 'value-or-end') return false;
      open.push(sign);
      place = sign === '{' ? 'key-or-end' : 'value-or-end';
      at++;
    } else if (sign === '}' || sign === ']') {
      const isEnd = place === 'after' || place === (sign === '}' ? 'key-or-end' : 'value-or-end');
      if (!isEnd || open.pop() !== (sign === '}' ? '{' : '[')) return false;
      place = 'after';
      at++;
    } else if (sign === ':' || sign === ',') {
      if (sign === ':' ? place !== 'colon' : place !== 'after' || open.length === 0) return false;
      place = sign === ':' || open.at(-1) === '[' ? 'value' : 'key';
      at++;
    } else {
      if (place !== 'value' && place !== 'value-or-end') return false;
      const word = /^[\w.+-]+/.exec(text.slice(at))?.[0];
      if (word === undefined) return false;
      const isLast = at + word.length === text.length;
      const isWord = LITERALS.some((one) => one === word || (isLast && one.startsWith(word)));
      if (!isWord && !NUMBER.test(word)) return false;
      place = 'after';
      at += word.length;
    }
  }
  return true;
}

/** Behind the closing sign; undefined where there is none. */
function endOfText(text: string, start: number): number | undefined {
  for (let at = start; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at + 1;
  }
  return undefined;
}
