import { isCardNumber, isIban } from '../core/index.ts';

/** Personal data and secrets, found by pattern and, where there is one, by checksum. */
export const PERSONAL_KINDS = ['email', 'phone', 'iban', 'card', 'ip', 'api-key', 'private-key'] as const;
export type PersonalKind = (typeof PERSONAL_KINDS)[number];

/** Kinds that open a door: they must be revoked, not only removed. */
export const SECRET_KINDS: readonly PersonalKind[] = ['api-key', 'private-key'];

export interface PersonalMatch {
  readonly kind: PersonalKind;
  readonly start: number;
  readonly end: number;
}

interface Detector {
  readonly kind: PersonalKind;
  /** A quick look: a text without a match of it has none of the pattern. */
  readonly hint: RegExp;
  readonly pattern: RegExp;
  readonly check?: (text: string) => boolean;
}

/** Shapes that vendors publish: a fixed prefix and a fixed alphabet. */
const KEY_SHAPES = [
  'AKIA[0-9A-Z]{16}',
  'ASIA[0-9A-Z]{16}',
  String.raw`sk-(?:proj-|ant-|or-)?[A-Za-z0-9_-]{20,200}`,
  '[sr]k_live_[A-Za-z0-9]{20,100}',
  'gh[pousr]_[A-Za-z0-9]{36,255}',
  'github_pat_[A-Za-z0-9_]{40,255}',
  'glpat-[A-Za-z0-9_-]{20,64}',
  'hf_[A-Za-z0-9]{30,64}',
  'AIza[0-9A-Za-z_-]{35}',
  'xox[abprs]-[A-Za-z0-9-]{10,200}',
  'npm_[A-Za-z0-9]{36}',
  String.raw`SG\.[\w-]{22}\.[\w-]{43}`,
  String.raw`eyJ[\w-]{10,2000}\.eyJ[\w-]{10,4000}\.[\w-]{10,2000}`,
];

/** Repetition is bounded everywhere, so that no text makes a pattern slow. */
const DETECTORS: readonly Detector[] = [
  {
    kind: 'private-key',
    hint: /PRIVATE KEY/,
    pattern:
      /-----BEGIN (?:[A-Z]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----[\s\S]{0,8000}?(?:-----END [A-Z ]{0,40}-----|$)/g,
  },
  {
    kind: 'api-key',
    hint: /AKIA|ASIA|sk-|k_live_|gh[pousr]_|github_pat_|glpat-|hf_|AIza|xox|npm_|SG\.|eyJ/,
    pattern: new RegExp(String.raw`(?<![A-Za-z0-9_-])(?:${KEY_SHAPES.join('|')})(?![A-Za-z0-9_])`, 'g'),
    check: (text) => /\d/.test(text) && new Set(text).size >= 10,
  },
  {
    kind: 'email',
    hint: /@/,
    pattern:
      /(?<![\w.+-])[A-Za-z0-9][\w.+-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}(?![\w-])/g,
    check: (text) => !/@(?:[\w-]+\.)?example\.|\.(?:example|test|invalid|localhost|png|jpe?g|gif|svg)$/i.test(text),
  },
  {
    kind: 'iban',
    hint: /[A-Z]{2}\d{2}/,
    pattern: /(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])/g,
    check: isAccount,
  },
  {
    kind: 'card',
    hint: /\d{4}/,
    pattern: /(?<![\w.,-])(?:\d{4}([ -]?)\d{4}\1\d{4}\1\d{4}|\d{4}([ -]?)\d{6}\2\d{5})(?![\w-]|[.,]\d)/g,
    check: isCard,
  },
  {
    kind: 'phone',
    hint: /\d{3}/,
    pattern:
      /(?<![\w.,+/-])(?:\+[1-9]\d{0,2}(?:[ .-]?\(?\d{1,4}\)?){2,6}|(?:\(\d{3}\) ?|\d{3}[-.])\d{3}[-.]\d{4})(?![\w-]|[.,]\d)/g,
    check: isPhone,
  },
  {
    kind: 'ip',
    hint: /\d\.\d|:[0-9a-f]{0,4}:/i,
    pattern: /(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]\d|\w)|(?<![\w:])(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}(?![\w:])/gi,
    check: isPublicAddress,
  },
];

/** What is found in a text, in order of place; where two overlap, the earlier detector of the list wins. */
export function findPersonalData(text: string): PersonalMatch[] {
  const found: PersonalMatch[] = [];
  for (const { kind, hint, pattern, check } of DETECTORS) {
    if (!hint.test(text)) continue;
    for (const match of text.matchAll(pattern)) {
      const [start, end] = [match.index, match.index + match[0].length];
      if (check?.(match[0]) === false) continue;
      if (!found.some((other) => start < other.end && other.start < end)) found.push({ kind, start, end });
    }
  }
  return found.toSorted((a, b) => a.start - b.start);
}

/** The text with `[email]`, `[card]`, ... in the place of what was found. */
export function maskPersonalData(text: string, kinds: readonly PersonalKind[] = PERSONAL_KINDS): string {
  let masked = '';
  let at = 0;
  for (const { kind, start, end } of findPersonalData(text)) {
    if (!kinds.includes(kind)) continue;
    masked += `${text.slice(at, start)}[${kind}]`;
    at = end;
  }
  return masked + text.slice(at);
}

/** The bits of the kinds in a text, by their place in PERSONAL_KINDS. */
export function personalBits(text: string): number {
  let bits = 0;
  for (const { kind } of findPersonalData(text)) bits |= 1 << PERSONAL_KINDS.indexOf(kind);
  return bits;
}

function isAccount(text: string): boolean {
  const compact = text.replaceAll(' ', '');
  return compact.length >= 15 && compact.length <= 34 && isIban(compact);
}

function isCard(text: string): boolean {
  const digits = text.replaceAll(/\D/g, '');
  return new Set(digits).size > 1 && isCardNumber(digits);
}

/** 8 to 15 digits (E.164), and not the numbers that are reserved for fiction (555-01xx). */
function isPhone(text: string): boolean {
  const digits = text.replaceAll(/\D/g, '');
  return digits.length >= 8 && digits.length <= 15 && !/55501\d\d$/.test(digits) && new Set(digits).size > 2;
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
