import { badInput, ibanLength, isCardNumber, isIban, isObject, type JsonValue } from '../core/index.ts';

/**
 * Personal data and secrets, masked before anything is written. Every repetition is bounded, or begins only where a token begins, so that the time is linear in the
 * text. What a pattern cannot prove (bare numbers, dates, ids) stays as it is: a mask cannot be taken off again.
 */
interface Mask {
  readonly name: string;
  /** A text without a match of it has none of the pattern. */
  readonly hint: RegExp;
  readonly pattern: RegExp;
  /** How many characters of the match are masked, from `skip` on; 0: it is none. */
  readonly measure?: (match: string, before: string) => number;
  /** What of the match stays in front of the mask. */
  readonly keeps?: (match: string) => string;
}

/** Shapes that vendors publish: a fixed prefix, then a run of their alphabet. */
const KEY_SHAPES = [
  String.raw`sk-(?:proj-|ant-|or-|svcacct-)?[A-Za-z0-9_-]{16,300}`,
  '[srp]k_(?:live|test)_[A-Za-z0-9]{16,200}',
  'hf_[A-Za-z0-9]{20,100}',
  'gh[pousr]_[A-Za-z0-9]{20,255}',
  'github_pat_[A-Za-z0-9_]{20,255}',
  'glpat-[A-Za-z0-9_-]{16,100}',
  'A(?:KIA|SIA)[0-9A-Z]{16}',
  'AIza[0-9A-Za-z_-]{30,60}',
  'xox[abeprs]-[A-Za-z0-9-]{10,200}',
  'npm_[A-Za-z0-9]{30,60}',
  'pypi-[A-Za-z0-9_-]{30,300}',
  'gsk_[A-Za-z0-9]{30,100}',
  'xai-[A-Za-z0-9]{30,200}',
  'r8_[A-Za-z0-9]{30,60}',
  'whsec_[A-Za-z0-9+/=]{20,100}',
  'dop_v1_[a-f0-9]{40,80}',
  'pt_live_[A-Za-z0-9_-]{20,100}',
  String.raw`SG\.[\w-]{16,32}\.[\w-]{30,60}`,
];

const MASKS: readonly Mask[] = [
  {
    name: 'private-key',
    hint: /-----BEGIN/,
    pattern:
      /-----BEGIN (?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,60}-----|$)/g,
  },
  {
    name: 'credentials',
    hint: /:\/\//,
    pattern: /(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,30}:\/\/[^\s/?#@"'<>\\]{1,600}@/g,
    // A short name without a password is how git and ssh address a host.
    measure: (match) => (/:\/\/[^:]*:./.test(match) || match.length >= 30 ? match.length : 0),
    keeps: (match) => match.slice(0, match.indexOf('://') + 3),
  },
  {
    name: 'token',
    hint: /eyJ/,
    pattern: /(?<![\w-])eyJ[\w-]{8,8000}\.[\w-]{8,16000}\.[\w-]{0,4000}/g,
  },
  {
    name: 'token',
    hint: /bearer|basic/i,
    pattern: /(?<![\w-])(?:bearer|basic)\s{1,4}[A-Za-z0-9._~+/-]{16,4000}={0,3}/gi,
    measure: (match) => (/\d/.test(match) ? match.length : 0),
    keeps: (match) => /^\w+\s+/.exec(match)![0],
  },
  {
    name: 'key',
    hint: /sk-|k_live_|k_test_|hf_|gh[pousr]_|github_pat_|glpat-|AKIA|ASIA|AIza|xox|npm_|pypi-|gsk_|xai-|r8_|whsec_|dop_v1_|pt_live_|SG\./,
    pattern: new RegExp(String.raw`(?<![A-Za-z0-9])(?:${KEY_SHAPES.join('|')})`, 'g'),
    // Words with dashes between them are no key: one has a long run with a digit in it.
    measure: (match) => (/\d/.test(match) && /[A-Za-z0-9]{10}/.test(match) ? match.length : 0),
  },
  {
    name: 'email',
    hint: /@|%40/,
    pattern:
      /(?<![\p{L}\p{N}_.%+-])[\p{L}\p{N}_.+'-]{1,64}(?:@|%40)(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,62})\.){1,8}(?:\p{L}{2,24}|xn--[a-z0-9-]{2,40})(?![\p{L}\p{N}_-])/giu,
    // icon@2x.png is a file, git@ a way to write an address of a repository.
    measure: (match) => (/^git@|\.(?:png|jpe?g|gif|svg|webp|css|js|ts)$/i.test(match) ? 0 : match.length),
  },
  {
    name: 'iban',
    hint: /[A-Za-z]{2}\d{2}/,
    pattern: /(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}/g,
    measure: ibanEnd,
  },
  {
    name: 'card',
    hint: /\d{4}/,
    pattern:
      /(?<!\w)(?<!\d[.,]|\w-)(?:\d{13,19}|\d{4}([ .-])\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?|\d{4}([ .-])\d{6}\2\d{4,5})(?![\w]|[.,-]\d)/g,
    measure: (match) => (isCardNumber(match.replaceAll(/\D/g, '')) ? match.length : 0),
  },
  {
    name: 'phone',
    hint: /\d{3}|\d{2}[ .-]\d{2}/,
    pattern: new RegExp(
      [
        // International, with a plus: E.164 has at most 15 digits.
        String.raw`(?<![\w+])\+[1-9](?:[ ().\/-]{0,3}\d){7,14}(?!\d)`,
        // International with 00, in groups.
        String.raw`(?<![\w.,:+\/-])00[1-9]\d{0,2}[ .\/-](?:[ ().\/-]{0,2}\d){6,12}(?!\w)`,
        // North America: 3-3-4.
        String.raw`(?<![\w.,:+\/-])(?:1[ .-])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[.-])[2-9]\d{2}[.-]\d{4}(?![\w-]|\.\d)`,
        // A national prefix 0 and groups.
        String.raw`(?<![\w.,:+\/-])\(?0[1-9]\d{0,3}\)?[ \/-]\d{3,8}(?:[ -]\d{2,6}){0,3}(?![\w-]|[.,]\d)`,
        String.raw`(?<![\w.,:+\/-])0[1-9](?:[ .]\d{2}){4}(?![\w-]|[.,]\d)`,
      ].join('|'),
      'g',
    ),
    measure: (match) => {
      const digits = match.replaceAll(/\D/g, '').length;
      return digits >= (match.startsWith('+') ? 8 : 10) && digits <= 15 ? match.length : 0;
    },
  },
];

/** An IBAN is as long as its country says, and what follows it is none of it. */
function ibanEnd(match: string): number {
  const length = ibanLength(match.slice(0, 2).toUpperCase());
  if (length === undefined) return 0;
  let end = 0;
  for (let seen = 0; end < match.length && seen < length; end++) if (/[A-Za-z0-9]/.test(match[end]!)) seen++;
  const text = match.slice(0, end).replaceAll(/[ -]/g, '').toUpperCase();
  if (text.length !== length || !isIban(text)) return 0;
  return /^[A-Za-z0-9]/.test(match.slice(end)) ? 0 : end;
}

/** The text with `[email]`, `[card]`, ... in place of what was found. */
export function redactText(text: string): string {
  let redacted = text;
  for (const mask of MASKS) if (mask.hint.test(redacted)) redacted = applied(redacted, mask);
  return redacted === text ? text : stillJson(text, redacted);
}

function applied(text: string, { name, pattern, measure, keeps }: Mask): string {
  let result = '';
  let at = 0;
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const length = measure?.(match[0], text) ?? match[0].length;
    if (length === 0) {
      // What is none may hide one that begins behind its first group.
      pattern.lastIndex = match.index + (/^\w+/.exec(match[0])?.[0].length ?? 1);
      continue;
    }
    result += `${text.slice(at, match.index)}${keeps?.(match[0]) ?? ''}[${name}]`;
    at = match.index + length;
    if (name === 'credentials') result += '@';
    pattern.lastIndex = at;
  }
  return result + text.slice(at);
}

/** Arguments of tool calls are JSON within a text: where a mask broke it, its values are masked one by one instead. */
function stillJson(text: string, redacted: string): string {
  if (!/^\s*[[{]/.test(text)) return redacted;
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch {
    return redacted;
  }
  try {
    JSON.parse(redacted);
    return redacted;
  } catch {
    return JSON.stringify(redactJson(value));
  }
}

const MOST_DEPTH = 500;

/**
 * The same for every text in a JSON value, names of fields and card numbers that are numbers among them. Log-probabilities hold a text piece by piece: where the
 * pieces together hold something, they go. Throws bad-input below 500 levels.
 */
export function redactJson<T extends JsonValue>(value: T, depth?: number): T;
export function redactJson(value: JsonValue, depth = 0): JsonValue {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'number') return Number.isSafeInteger(value) && isCardNumber(String(value)) ? '[card]' : value;
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MOST_DEPTH) throw badInput(`a text that is kept must have at most ${MOST_DEPTH} levels; make it flatter`);
  if (Array.isArray(value)) return value.map((item) => redactJson(item as JsonValue, depth + 1));
  const entries = Object.entries(value).map(([name, inner]): [string, JsonValue] => {
    if (name === 'logprobs' && tellsTokens(inner)) return [name, null];
    return [redactText(name), redactJson(inner, depth + 1)];
  });
  return Object.fromEntries(entries);
}

/** Whether the tokens of log-probabilities, joined, hold what is masked: OpenAI's two shapes (`content[].token`, `tokens[]`). */
function tellsTokens(logprobs: JsonValue): boolean {
  if (!isObject(logprobs)) return false;
  const { content, refusal, tokens } = logprobs as Record<string, JsonValue>;
  const lists = [content, refusal].map((list) =>
    Array.isArray(list) ? list.map((item) => (isObject(item) ? String(item.token) : '')) : [],
  );
  if (Array.isArray(tokens)) lists.push(tokens.map(String));
  return lists.some((list) => {
    const text = list.join('');
    return redactText(text) !== text;
  });
}
