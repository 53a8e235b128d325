const time = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });

/** Seconds since 1970 as a date. */
export function asDate(seconds: number): string {
  return time.format(seconds * 1000);
}

/** `3 minutes ago`. */
export function ago(seconds: number, now = Date.now()): string {
  const passed = seconds - now / 1000;
  for (const [unit, size] of UNITS)
    if (Math.abs(passed) >= size || unit === 'second') return relative.format(Math.round(passed / size), unit);
  return '';
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

/** Milliseconds as people read them. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '–';
  return ms < 1000
    ? `${Math.round(ms)} ms`
    : ms < 60_000
      ? `${(ms / 1000).toFixed(1)} s`
      : `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/** The first words of a text. */
export function begin(text: string, most = 90): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length <= most ? line : `${line.slice(0, most).replace(/\s\S*$/, '')} …`;
}
