import { requireWallClock } from '../../core/index.ts';
import { failed, unsupported } from '../problem.ts';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

/** A part of a date: a number with its width and what fills it, or words. */
type Part = { readonly number: number; readonly width: number; readonly fill: '0' | ' ' } | string;

function two(number: number, fill: '0' | ' ' = '0'): Part {
  return { number, width: 2, fill };
}

function dayOfYear(date: Date): number {
  const [day, start] = [
    Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()),
    Date.UTC(date.getUTCFullYear(), 0, 1),
  ];
  return Math.round((day - start) / 86_400_000);
}

/** The week of ISO 8601, and the year that it belongs to. */
function isoWeek(date: Date): { year: number; week: number } {
  const thursday = new Date(
    Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() + 3 - ((date.getUTCDay() + 6) % 7)),
  );
  const year = thursday.getUTCFullYear();
  return { year, week: 1 + Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / (7 * 86_400_000)) };
}

/** The codes of the C library, of which the last are made of others. */
const CODES: Readonly<Record<string, (date: Date) => Part>> = {
  Y: (date) => ({ number: date.getUTCFullYear(), width: 1, fill: '0' }),
  C: (date) => two(Math.floor(date.getUTCFullYear() / 100)),
  y: (date) => two(date.getUTCFullYear() % 100),
  G: (date) => ({ number: isoWeek(date).year, width: 1, fill: '0' }),
  g: (date) => two(isoWeek(date).year % 100),
  m: (date) => two(date.getUTCMonth() + 1),
  d: (date) => two(date.getUTCDate()),
  e: (date) => two(date.getUTCDate(), ' '),
  H: (date) => two(date.getUTCHours()),
  k: (date) => two(date.getUTCHours(), ' '),
  I: (date) => two(date.getUTCHours() % 12 || 12),
  l: (date) => two(date.getUTCHours() % 12 || 12, ' '),
  M: (date) => two(date.getUTCMinutes()),
  S: (date) => two(date.getUTCSeconds()),
  f: (date) => String(date.getUTCMilliseconds() * 1000).padStart(6, '0'),
  j: (date) => ({ number: dayOfYear(date) + 1, width: 3, fill: '0' }),
  w: (date) => ({ number: date.getUTCDay(), width: 1, fill: '0' }),
  u: (date) => ({ number: date.getUTCDay() || 7, width: 1, fill: '0' }),
  U: (date) => two(Math.floor((dayOfYear(date) + 7 - date.getUTCDay()) / 7)),
  W: (date) => two(Math.floor((dayOfYear(date) + 7 - ((date.getUTCDay() + 6) % 7)) / 7)),
  V: (date) => two(isoWeek(date).week),
  a: (date) => DAYS[date.getUTCDay()]!.slice(0, 3),
  A: (date) => DAYS[date.getUTCDay()]!,
  b: (date) => MONTHS[date.getUTCMonth()]!.slice(0, 3),
  h: (date) => MONTHS[date.getUTCMonth()]!.slice(0, 3),
  B: (date) => MONTHS[date.getUTCMonth()]!,
  p: (date) => (date.getUTCHours() < 12 ? 'AM' : 'PM'),
  P: (date) => (date.getUTCHours() < 12 ? 'am' : 'pm'),
  z: () => '',
  Z: () => '',
  n: () => '\n',
  t: () => '\t',
  '%': () => '%',
};

const COMPOUNDS: Readonly<Record<string, string>> = {
  D: '%m/%d/%y',
  x: '%m/%d/%y',
  F: '%Y-%m-%d',
  T: '%H:%M:%S',
  X: '%H:%M:%S',
  R: '%H:%M',
  r: '%I:%M:%S %p',
  c: '%a %b %e %H:%M:%S %Y',
};

/**
 * A local time in ISO 8601, formatted as Python's strftime does it on Linux in the C locale for a datetime without a zone, with the flags of
 * the GNU C library: - (no padding), _ (blanks), 0 (zeros), ^ (upper case). What is written is what is printed, wherever this runs.
 * Milliseconds are all that %f has. Throws unsupported for other codes, widths and flags, bad-input for what is no time.
 */
export function strftime(time: string, format: string): string {
  return formatted(requireWallClock(time, 'strftime_now'), format);
}

/** The fields that stand in UTC. */
function formatted(date: Date, format: string): string {
  if (format.includes('\0')) throw failed('embedded null character');
  return format.replace(/%([-_0^]?)([^]?)/gu, (code, flag: string, letter: string) => {
    const compound = Object.hasOwn(COMPOUNDS, letter) ? COMPOUNDS[letter] : undefined;
    if (compound !== undefined && flag === '') return formatted(date, compound);
    const make = Object.hasOwn(CODES, letter) ? CODES[letter] : undefined;
    if (make === undefined) throw unsupported(`the code ${code} of strftime_now`);
    return withFlag(make(date), flag);
  });
}

function withFlag(part: Part, flag: string): string {
  if (typeof part === 'string') return flag === '^' ? part.toUpperCase() : part;
  if (flag === '-') return String(part.number);
  return String(part.number).padStart(part.width, flag === '_' ? ' ' : flag === '0' ? '0' : part.fill);
}
