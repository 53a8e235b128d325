import { ibanLength, isCardNumber, isIban } from './checksums.ts';

/**
 * Personal data and secrets, each found by a pattern and, where there is one, by a checksum. Two readers with two aims share the list: what is kept of requests is masked, where a miss is worse
 * than a mask too many; rows of data are counted and dropped, where a false find costs a row, so that they take what is certain alone. Every repetition is
 * bounded, or begins only where a token begins, so that the time is linear in the text.
 */
export interface PersonalPattern {
  /** What stands in its place, in brackets. Undefined: it is not masked, since a mask cannot be taken off again and many of these are nobody's. */
  readonly mask: string | undefined;
  /** As what rows of data count it; undefined where they do not. */
  readonly kind: 'email' | 'phone' | 'iban' | 'card' | 'ip' | 'api-key' | 'private-key' | undefined;
  /** A text without a match of it has none of the pattern. */
  readonly hint: RegExp;
  readonly pattern: RegExp;
  /** How many characters of the match it is; 0: it is none. */
  readonly measure?: (match: string) => number;
  /** What of the match stays in front of the mask. */
  readonly keeps?: (match: string) => string;
  /** Whether it is certain enough to count, and somebody's: not an example, not fiction. */
  readonly isCertain?: (match: string, around: { readonly before: string; readonly behind: string }) => boolean;
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

/** Where two overlap, the earlier wins. */
export const PERSONAL_PATTERNS: readonly PersonalPattern[] = [
  {
    mask: 'private-key',
    kind: 'private-key',
    hint: /-----BEGIN/,
    pattern:
      /-----BEGIN (?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,60}-----|$)/g,
  },
  {
    mask: 'credentials',
    kind: undefined,
    hint: /:\/\//,
    pattern: /(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,30}:\/\/[^\s/?#@"'<>\\]{1,600}@/g,
    // A short name without a password is how git and ssh address a host.
    measure: (match) => (/:\/\/[^:]*:./.test(match) || match.length >= 30 ? match.length : 0),
    keeps: (match) => match.slice(0, match.indexOf('://') + 3),
  },
  {
    mask: 'token',
    kind: 'api-key',
    hint: /eyJ/,
    pattern: /(?<![\w-])eyJ[\w-]{8,8000}\.[\w-]{8,16000}\.[\w-]{0,4000}/g,
    isCertain: (match) => /\.eyJ[\w-]{10,}\.[\w-]{10,}$/.test(match) && isRandom(match),
  },
  {
    mask: 'token',
    kind: undefined,
    hint: /bearer|basic/i,
    pattern: /(?<![\w-])(?:bearer|basic)\s{1,4}[A-Za-z0-9._~+/-]{16,4000}={0,3}/gi,
    measure: (match) => (/\d/.test(match) ? match.length : 0),
    keeps: (match) => /^\w+\s+/.exec(match)![0],
  },
  {
    mask: 'key',
    kind: 'api-key',
    hint: /sk-|k_live_|k_test_|hf_|gh[pousr]_|github_pat_|glpat-|AKIA|ASIA|AIza|xox|npm_|pypi-|gsk_|xai-|r8_|whsec_|dop_v1_|pt_live_|SG\./,
    pattern: new RegExp(String.raw`(?<![A-Za-z0-9])(?:${KEY_SHAPES.join('|')})`, 'g'),
    // Words with dashes between them are no key: one has a long run with a digit in it.
    measure: (match) => (/\d/.test(match) && /[A-Za-z0-9]{10}/.test(match) ? match.length : 0),
    isCertain: (match, { before, behind }) =>
      match.length >= 20 && isRandom(match) && !/[_-]$/.test(before) && !/^[A-Za-z0-9_]/.test(behind),
  },
  {
    mask: 'email',
    kind: 'email',
    hint: /@|%40/,
    pattern:
      /(?<![\p{L}\p{N}_.%+-])[\p{L}\p{N}_.+-][\p{L}\p{N}_.+'-]{0,63}(?:@|%40)(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,62})\.){1,8}(?:\p{L}{2,24}|xn--[a-z0-9-]{2,40})(?![\p{L}\p{N}_-])/giu,
    // icon@2x.png is a file, git@ a way to write an address of a repository.
    isCertain: (match) => !/(?:@|%40)(?:[\w-]+\.)?example\.|\.(?:example|test|invalid|localhost)$/i.test(match),
    measure: (match) => (/^git@|\.(?:png|jpe?g|gif|svg|webp|css|js|ts)$/i.test(match) ? 0 : match.length),
  },
  {
    mask: 'iban',
    kind: 'iban',
    hint: /[A-Za-z]{2}\d{2}/,
    pattern: /(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}/g,
    measure: ibanEnd,
    // Any list of words may have the sum by chance: as it is printed or in one piece, with no further group behind it.
    isCertain: (match, { behind }) =>
      /^[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4})*(?: ?[A-Z0-9]{1,3})?$/.test(match) && !/^ [A-Z0-9]{4}/.test(behind),
  },
  {
    mask: 'card',
    kind: 'card',
    hint: /\d{4}/,
    pattern:
      /(?<!\w)(?<!\d[.,]|\w-)(?:\d{13,19}|\d{4}([ .-])\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?|\d{4}([ .-])\d{6}\2\d{4,5})(?![\w]|[.,-]\d)/g,
    measure: (match) => (isCardNumber(match.replaceAll(/\D/g, '')) ? match.length : 0),
    // One in ten of other long numbers has the sum: cards in use have 16 or 15 digits, in their groups.
    isCertain: (match) =>
      /^(?:\d{4}([ -]?)\d{4}\1\d{4}\1\d{4}|\d{4}([ -]?)\d{6}\2\d{5})$/.test(match) &&
      new Set(match.replaceAll(/\D/g, '')).size > 1,
  },
  {
    mask: 'phone',
    kind: 'phone',
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
    isCertain: (match, { before }) => !/[.,/-]$/.test(before) && PRINTED_PHONE.test(match) && isSomebodys(match),
  },
  {
    mask: undefined,
    kind: 'ip',
    hint: /\d\.\d|:[0-9a-f]{0,4}:/i,
    pattern: /(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]\d|\w)|(?<![\w:])(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}(?![\w:])/gi,
    isCertain: isPublicAddress,
  },
];

const PRINTED_PHONE = /^(?:\+[1-9]\d{0,2}(?:[ .-]?\(?\d{1,4}\)?){2,6}|(?:\(\d{3}\) ?|\d{3}[-.])\d{3}[-.]\d{4})$/;

/** Not a number that is reserved for fiction (555-01xx), and not one digit over and over. */
function isSomebodys(match: string): boolean {
  const digits = match.replaceAll(/\D/g, '');
  return !/55501\d\d$/.test(digits) && new Set(digits).size > 2;
}

/** Digits among ten characters at least that differ: no word, and no XXXXXXXX. */
function isRandom(match: string): boolean {
  return /\d/.test(match) && new Set(match).size >= 10;
}

/** Addresses of private nets, of documentation, and version numbers such as 1.2.3.4 are nobody's. Source: RFC 6890, RFC 5737. */
function isPublicAddress(text: string): boolean {
  if (text.includes(':')) return !/^(?:2001:0?db8|fe80|f[cd])/i.test(text);
  const parts = text.split('.').map(Number);
  if (parts.some((part) => part > 255)) return false;
  const [a, b] = parts as [number, number];
  if (a < 11 || a === 127 || a >= 224 || (a === 172 && b >= 16 && b < 32) || (a === 192 && (b === 168 || b === 0)))
    return false;
  return !(a === 169 && b === 254) && !/^(?:198\.51\.100|203\.0\.113)\./.test(text);
}

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

/** Where a pattern is in a text, from left to right. */
export function* personalMatches(
  text: string,
  { hint, pattern, measure }: PersonalPattern,
): Generator<{ readonly start: number; readonly end: number; readonly match: string }> {
  if (!hint.test(text)) return;
  let from = 0;
  for (;;) {
    pattern.lastIndex = from;
    const found = pattern.exec(text);
    if (found === null) return;
    const length = measure?.(found[0]) ?? found[0].length;
    // What is none may hide one that begins behind its first group.
    from = found.index + (length > 0 ? length : (/^\w+/.exec(found[0])?.[0].length ?? 1));
    if (length > 0) yield { start: found.index, end: found.index + length, match: found[0].slice(0, length) };
  }
}
