import { badInput } from './errors.ts';

const FORM = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?$/;

/**
 * What clocks on this computer's wall show at a moment, with their distance from UTC: `2026-11-30T09:30:15.250+01:00`. In this form a time can
 * be stored and read elsewhere, where other clocks hang.
 */
export function localTimeOf(date: Date): string {
  const offset = -date.getTimezoneOffset();
  const wall = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, -1);
  const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60].map((part) =>
    String(part).padStart(2, '0'),
  );
  return `${wall}${offset < 0 ? '-' : '+'}${hours}:${minutes}`;
}

/**
 * The fields of a local time in ISO 8601 (`2026-11-30`, `2026-11-30T09:30`, `2026-11-30T09:30:15.250+01:00`), to be read by `getUTC...`: those
 * that are written, since a distance from UTC says where the clock hangs and not what it shows. A day alone is its midnight. undefined for
 * what is none.
 */
export function wallClockOf(text: string): Date | undefined {
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = ''] = FORM.exec(text) ?? [];
  if (year === undefined) return undefined;
  const fields = [year, month, day, hour, minute, second].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const milliseconds = Number(fraction.padEnd(3, '0').slice(0, 3));
  const date = new Date(0);
  date.setUTCFullYear(fields[0], fields[1] - 1, fields[2]);
  date.setUTCHours(fields[3], fields[4], fields[5], milliseconds);
  const read = [
    date.getUTCFullYear(),
    date.getUTCMonth() + 1,
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
  ];
  // 30 February and 25 o'clock come back as others. Python knows no year 0.
  return fields[0] > 0 && fields.every((field, i) => field === read[i]) ? date : undefined;
}

/** What a local time must be, and a value that is none, for messages. */
export function localTimeProblem(text: string): string {
  return `must be a day or a local time in ISO 8601, such as 2026-11-30 or 2026-11-30T09:30, got ${JSON.stringify(text)}`;
}

/** wallClockOf of a time that must be one. Throws bad-input with `where`. */
export function requireWallClock(text: string, where: string): Date {
  const date = wallClockOf(text);
  if (date === undefined) throw badInput(`${where}: the time ${localTimeProblem(text)}`);
  return date;
}
