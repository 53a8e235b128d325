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

/**
 * `date` in the local time zone, formatted as Python's strftime does it in the C locale: %Y %y %m %d %e %b %B %a %A %H %I %M
 * %S %p %j %% and the GNU form without padding (%-d). Other codes are left as they are.
 */
export function strftime(date: Date, format: string): string {
  const hour = date.getHours();
  const dayOfYear = Math.round(
    (Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) - Date.UTC(date.getFullYear(), 0, 1)) / 86_400_000,
  );
  const numbers: Readonly<Record<string, readonly [value: number, width: number]>> = {
    Y: [date.getFullYear(), 4],
    y: [date.getFullYear() % 100, 2],
    m: [date.getMonth() + 1, 2],
    d: [date.getDate(), 2],
    H: [hour, 2],
    I: [hour % 12 === 0 ? 12 : hour % 12, 2],
    M: [date.getMinutes(), 2],
    S: [date.getSeconds(), 2],
    j: [dayOfYear + 1, 3],
  };
  const words: Readonly<Record<string, string>> = {
    a: DAYS[date.getDay()]!.slice(0, 3),
    A: DAYS[date.getDay()]!,
    b: MONTHS[date.getMonth()]!.slice(0, 3),
    B: MONTHS[date.getMonth()]!,
    e: String(date.getDate()).padStart(2, ' '),
    p: hour < 12 ? 'AM' : 'PM',
    '%': '%',
  };
  return format.replace(/%(-?)([A-Za-z%])/g, (code, unpadded: string, letter: string) => {
    const number = numbers[letter];
    if (number !== undefined) return String(number[0]).padStart(unpadded === '' ? number[1] : 0, '0');
    const word = words[letter] ?? code;
    return unpadded === '' || word === code ? word : word.trimStart();
  });
}
