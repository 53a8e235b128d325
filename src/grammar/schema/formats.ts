/**
 * The formats that are enforced, as patterns of the whole text. Each text that fits is valid by the format's specification; rare forms of it (quoted names in
 * e-mail addresses, leap seconds) are left out.
 *
 * Source: RFC 3339 (date, time, date-time, with the lengths of months and leap years), RFC 4122 (uuid), RFC 2673 (ipv4), RFC 5321 (email), ISO 8601 as of
 * RFC 3339 appendix A (duration), RFC 3986 (uri, those with ://).
 */
const DAY_31 = '(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])';
const DAY_30 = '(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)';
const DAY_28 = '02-(?:0[1-9]|1[0-9]|2[0-8])';
const LEAP_YEAR = '(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)';
const DATE = `(?:[0-9]{4}-(?:${DAY_31}|${DAY_30}|${DAY_28})|${LEAP_YEAR}-02-29)`;
const CLOCK = '(?:[01][0-9]|2[0-3]):[0-5][0-9]';
const TIME = String.raw`${CLOCK}:[0-5][0-9](?:\.[0-9]{1,9})?(?:Z|[+\-]${CLOCK})`;
const OCTET = '(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9\\-]{0,61}[A-Za-z0-9])?';
const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\-]{1,30}";
const CLOCK_PART = 'T(?:[0-9]{1,9}H(?:[0-9]{1,9}M(?:[0-9]{1,9}S)?)?|[0-9]{1,9}M(?:[0-9]{1,9}S)?|[0-9]{1,9}S)';
const DATE_PART = '(?:[0-9]{1,9}Y(?:[0-9]{1,9}M(?:[0-9]{1,9}D)?)?|[0-9]{1,9}M(?:[0-9]{1,9}D)?|[0-9]{1,9}D)';
const URI_CHARACTER = "(?:[A-Za-z0-9\\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})";

const FORMATS: Readonly<Record<string, string>> = {
  date: DATE,
  time: TIME,
  'date-time': `${DATE}T${TIME}`,
  duration: `P(?:[0-9]{1,9}W|${CLOCK_PART}|${DATE_PART}(?:${CLOCK_PART})?)`,
  uuid: '[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}',
  ipv4: String.raw`${OCTET}(?:\.${OCTET}){3}`,
  email: String.raw`${ATOM}(?:\.${ATOM})?@${LABEL}(?:\.${LABEL}){1,2}`,
  uri: String.raw`[A-Za-z][A-Za-z0-9+.\-]{0,30}://[A-Za-z0-9\-.]{1,63}(?::[0-9]{1,5})?(?:/${URI_CHARACTER}*)?(?:\?${URI_CHARACTER}*)?(?:#${URI_CHARACTER}*)?`,
};

export const FORMAT_NAMES: readonly string[] = Object.keys(FORMATS);

/** The anchored pattern of a format; undefined for one that is not enforced. */
export function formatPattern(name: string): string | undefined {
  return Object.hasOwn(FORMATS, name) ? `^(?:${FORMATS[name]!})$` : undefined;
}
