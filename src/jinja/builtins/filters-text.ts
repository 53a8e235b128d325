import { charge, chargeText, joinTexts, type Machine } from '../machine.ts';
import { failed, unsupported } from '../problem.ts';
import { givenOr, toIndex } from '../python/arguments.ts';
import { arithmetic, escapeHtml } from '../python/arithmetic.ts';
import { capitalize } from '../python/casing.ts';
import { lengthOf } from '../python/code-points.ts';
import { iterate, toList } from '../python/iterate.ts';
import { jsonText } from '../python/json-text.ts';
import { percentFormat } from '../python/percent-format.ts';
import { toText } from '../python/print.ts';
import { sliceText } from '../python/slices.ts';
import { isTrue } from '../python/truth.ts';
import { Dict, Float, Markup, Tuple, Undefined, typeName, type Value } from '../python/values.ts';
import { SPACES, splitAtSpaces, splitLines } from '../python/white-space.ts';
import { attributeGetter, filter, refusedFilter, textFilter, type Filter } from './filter.ts';
import { center } from './text-methods.ts';
import { replace, strip } from './text-parts.ts';

const WORD_START = new RegExp(`([-({\\[<${SPACES}]+)`);

/** The title filter of Jinja, which starts a word behind blanks and brackets only. */
function title(text: string): string {
  return text
    .split(WORD_START)
    .map((item) => {
      const first = item === '' ? '' : String.fromCodePoint(item.codePointAt(0)!);
      return first.toUpperCase() + item.slice(first.length).toLowerCase();
    })
    .join('');
}

function needString(value: Value, name: string): string {
  if (value instanceof Undefined) throw failed(value.message);
  if (typeof value !== 'string') throw unsupported(`the filter ${name} of a ${typeName(value)}`);
  return value;
}

function indent(machine: Machine, value: Value, [width, first, blank]: readonly (Value | undefined)[]): string {
  const text = needString(value, 'indent');
  const by = typeof width === 'string' ? width : (arithmetic(machine, '*', ' ', givenOr(width, 4)) as string);
  const lines = splitLines(`${text}\n`, false);
  chargeText(machine, text.length + lines.length * (by.length + 1));
  const isBlankToo = blank !== undefined && isTrue(blank);
  const indented = lines.map((line, at) => (at > 0 && (isBlankToo || line !== '') ? by + line : line)).join('\n');
  return first !== undefined && isTrue(first) ? by + indented : indented;
}

function truncate(value: Value, [length, killWords, end, leeway]: readonly (Value | undefined)[]): Value {
  const text = value instanceof Undefined ? '' : needString(value, 'truncate');
  const [most, tolerance] = [
    toIndex(givenOr(length, 255)),
    leeway === undefined || leeway === null ? 5 : toIndex(leeway),
  ];
  const ending = end === undefined ? '...' : needString(end, 'truncate');
  if (most < lengthOf(ending)) throw failed(`expected length >= ${lengthOf(ending)}, got ${most}`);
  if (tolerance < 0) throw failed(`expected leeway >= 0, got ${tolerance}`);
  if (lengthOf(text) <= most + tolerance) return value;
  const kept = sliceText(text, { start: null, stop: most - lengthOf(ending), step: null });
  if (killWords !== undefined && isTrue(killWords)) return kept + ending;
  const space = kept.lastIndexOf(' ');
  return (space === -1 ? kept : kept.slice(0, space)) + ending;
}

/** json.dumps as Transformers offers it: nothing is escaped for HTML. */
function toJson(machine: Machine, value: Value, values: readonly (Value | undefined)[]): string {
  const [ensureAscii, indentation, separators, sortKeys] = values.map((given) => givenOr(given, null)) as Value[];
  const indentText = indentation === null ? undefined : jsonIndent(machine, indentation!);
  const [itemSeparator, keySeparator] =
    separators === null ? [indentText === undefined ? ', ' : ',', ': '] : pairOfTexts(machine, separators!);
  return jsonText(machine, value, {
    ensureAscii: isTrue(ensureAscii!),
    indent: indentText,
    itemSeparator,
    keySeparator,
    sortKeys: isTrue(sortKeys!),
  });
}

/** What one level is set in by: so many blanks, or a text. */
function jsonIndent(machine: Machine, given: Value): string {
  if (typeof given === 'string') return given;
  if (typeof given !== 'number' && typeof given !== 'boolean')
    throw unsupported(`an indent of the type ${typeName(given)}`);
  return arithmetic(machine, '*', ' ', given) as string;
}

function pairOfTexts(machine: Machine, value: Value): [string, string] {
  const [item, key, ...rest] = toList(machine, value);
  if (typeof item !== 'string' || typeof key !== 'string' || rest.length > 0)
    throw failed('separators must be a pair of texts');
  return [item, key];
}

function stripTags(text: string): string {
  if (text.includes('&')) throw unsupported('the filter striptags of a text with &');
  const withoutTags = text.replace(/<!--[^]*?-->|<(?!!--)[^>]*>|<!--[^]*$/g, (tag) =>
    tag.startsWith('<!--') && !tag.endsWith('-->') ? tag : '',
  );
  return splitAtSpaces(withoutTags, Infinity).join(' ');
}

function quoteUrl(text: string, inQuery: boolean): string {
  if (/[\ud800-\udfff]/u.test(text)) throw failed('surrogates not allowed');
  const quoted = encodeURIComponent(text).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return inQuery ? quoted.replaceAll('%20', '+') : quoted.replaceAll('%2F', '/');
}

function urlEncode(machine: Machine, value: Value): string {
  const isPairs = value instanceof Dict || value instanceof Tuple || Array.isArray(value);
  if (!isPairs) {
    if (value !== null && typeof value === 'object' && !(value instanceof Markup) && !(value instanceof Float))
      throw unsupported(`the filter urlencode of a ${typeName(value)}`);
    return quoteUrl(toText(machine, value), false);
  }
  const pairs =
    value instanceof Dict
      ? Array.from(value.values, ([hash, item]) => [value.keyOf(hash), item])
      : toList(machine, value).map((pair) => toList(machine, pair));
  return pairs
    .map((pair) => {
      if (pair.length !== 2) throw failed('each item must be a pair');
      return pair.map((part) => quoteUrl(toText(machine, part!), true)).join('=');
    })
    .join('&');
}

function xmlAttributes(machine: Machine, value: Value, [autospace]: readonly (Value | undefined)[]): string {
  if (!(value instanceof Dict)) throw failed(`'${typeName(value)}' object has no attribute 'items'`);
  const written = Array.from(value.values).flatMap(([hash, item]) => {
    if (item === null || item instanceof Undefined) return [];
    const key = value.keyOf(hash);
    if (typeof key !== 'string') throw failed('expected string or bytes-like object');
    if (/[ \t-\r/>=]/.test(key)) throw failed(`Invalid character in attribute name: '${key}'`);
    return [`${escapeHtml(key)}="${item instanceof Markup ? item.text : escapeHtml(toText(machine, item))}"`];
  });
  const text = written.join(' ');
  return text !== '' && (autospace === undefined || isTrue(autospace)) ? ` ${text}` : text;
}

export const TEXT_FILTERS = {
  string: filter('', (machine, value) => (value instanceof Markup ? value : toText(machine, value))),
  upper: textFilter('', (_machine, text) => text.toUpperCase()),
  lower: textFilter('', (_machine, text) => text.toLowerCase()),
  capitalize: textFilter('', (_machine, text) => capitalize(text)),
  title: textFilter('', (_machine, text) => title(text), true),
  trim: textFilter('chars?', (_machine, text, [chars]) => strip(text, chars, 'both')),
  center: textFilter('width?', (machine, text, [width]) => center(machine, text, toIndex(givenOr(width, 80)), ' ')),
  replace: filter('old new count?', (machine, value, [old, next, count]) =>
    replace(
      machine,
      toText(machine, value),
      [toText(machine, old!), toText(machine, next!)],
      count === undefined || count === null ? -1 : toIndex(count),
    ),
  ),
  indent: filter('width? first? blank?', indent),
  truncate: filter('length? killwords? end? leeway?', (_machine, value, values) => truncate(value, values)),
  wordcount: filter('', (machine, value) => {
    const text = toText(machine, value);
    chargeText(machine, text.length);
    return Array.from(text.matchAll(/[\p{L}\p{N}_]+/gu)).length;
  }),
  format:
    () =>
    (machine, value, { positional, keywords }) => {
      if (positional.length > 0 && keywords.size > 0)
        throw failed("can't handle positional and keyword arguments at the same time");
      const named = new Dict();
      for (const [key, item] of keywords) named.set(key, key, item);
      if (value instanceof Markup) throw unsupported('the filter format of a text of the safe or escape filter');
      return percentFormat(machine, toText(machine, value), keywords.size > 0 ? named : new Tuple(positional));
    },
  join: filter('d? attribute?', (machine, value, [separator, attribute]) => {
    const get = attributeGetter(machine, attribute);
    const next = iterate(machine, value);
    const parts: string[] = [];
    for (let item = next(); item !== undefined; item = next()) parts.push(toText(machine, get(item)));
    return joinTexts(machine, parts, separator === undefined ? '' : toText(machine, separator));
  }),
  tojson: filter('ensure_ascii? indent? separators? sort_keys?', toJson),
  escape: filter('/', (machine, value) =>
    value instanceof Markup ? value : new Markup(escapeHtml(toText(machine, value))),
  ),
  e: filter('/', (machine, value) =>
    value instanceof Markup ? value : new Markup(escapeHtml(toText(machine, value))),
  ),
  forceescape: filter('', (machine, value) => new Markup(escapeHtml(toText(machine, value)))),
  safe: filter('', (machine, value) => (value instanceof Markup ? value : new Markup(toText(machine, value)))),
  striptags: filter('', (machine, value) => {
    charge(machine, 1);
    return stripTags(toText(machine, value));
  }),
  urlencode: filter('', (machine, value) => urlEncode(machine, value)),
  xmlattr: filter('autospace?', xmlAttributes),
  pprint: refusedFilter(),
  urlize: refusedFilter(),
  wordwrap: refusedFilter(),
} satisfies Record<string, (name: string) => Filter>;
