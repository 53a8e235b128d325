/**
 * A number of JSON with the digits that it was written with: 9007199254740993 and 1.0 stay what they are, which no JavaScript
 * number can. `text` is a number in JSON's grammar. parseExactJson gives it; chat templates print it as Python's json and print
 * do: whole numbers exactly, numbers with a point or an exponent as a float. writeExactJson writes it as it was. JSON.stringify does
 * too where the engine has JSON.rawJSON (Node 21), and writes its digits as a text where not.
 */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }

  toJSON(): unknown {
    timesWritten++;
    return rawJson === undefined ? this.text : rawJson(this.text);
  }
}

const { rawJSON: rawJson } = JSON as unknown as { rawJSON?: (text: string) => unknown };

/** How often JSON.stringify came upon a JsonNumber: what it wrote is exact when this is the same behind it as before. */
let timesWritten = 0;

/** JSON.stringify(value), with the digits of every JsonNumber inside. Throws as JSON.stringify does. */
export function writeExactJson(value: unknown): string {
  const before = timesWritten;
  const text = JSON.stringify(value);
  return timesWritten === before ? text : written(value, { order: Object.keys, number: String })!;
}

/**
 * JSON text that equal values share: keys sorted, numbers of the same value spelled alike. A whole number and a float are never the
 * same (1 and 1.0, which templates print differently); 0.1 and 0.10 are.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  const before = timesWritten;
  const text = JSON.stringify(value, (_, inner: unknown) => {
    const isRecord = typeof inner === 'object' && inner !== null && !Array.isArray(inner) && !isRaw(inner);
    return isRecord ? sorted(inner) : inner;
  });
  if (timesWritten === before) return text;
  return written(value, { order: (record) => Object.keys(sorted(record)), number: canonicalNumber })!;
}

/** What JSON.rawJSON gives has no prototype, and must stay what it is. */
function isRaw(value: object): boolean {
  return rawJson !== undefined && Object.getPrototypeOf(value) === null && Object.isFrozen(value);
}

function sorted(record: object): object {
  return Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

interface Spelling {
  readonly order: (record: object) => readonly string[];
  readonly number: (number: JsonNumber) => string;
}

/** Undefined where JSON.stringify leaves a value out. */
function written(value: unknown, spelling: Spelling): string | undefined {
  if (value instanceof JsonNumber) return spelling.number(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => written(item, spelling) ?? 'null').join(',')}]`;
  if ('toJSON' in value && typeof value.toJSON === 'function') return written(value.toJSON(), spelling);
  const record = value as Record<string, unknown>;
  let text = '';
  for (const name of spelling.order(record)) {
    const field = written(record[name], spelling);
    if (field !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${field}`;
  }
  return `{${text}}`;
}

/** Whether two numbers have the same value, and are both whole numbers or both floats. */
export function sameNumber(a: number | JsonNumber, b: number | JsonNumber): boolean {
  return canonicalNumber(a) === canonicalNumber(b);
}

/** One spelling for each value: JavaScript's own where it has one. */
function canonicalNumber(number: number | JsonNumber): string {
  if (typeof number === 'number')
    return Number.isInteger(number) && !Number.isSafeInteger(number) ? String(BigInt(number)) : String(number + 0);
  const { text } = number;
  if (!/[.eE]/.test(text)) return text === '-0' ? '0' : text;
  const exact = decimalOf(text);
  const own = Number(text);
  return Number.isInteger(own) || !Number.isFinite(own) || decimalOf(String(own)) !== exact ? exact : String(own);
}

/** A float as sign, digits without zeros at either end, and exponent: 1.50 is 15e-1. */
function decimalOf(text: string): string {
  const [, sign = '', whole = '', part = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = (whole + part).replace(/^0+/, '');
  if (digits === '') return `${sign}0e0`;
  const significant = digits.replace(/0+$/, '');
  // An exponent may be longer than any number.
  return `${sign}${significant}e${BigInt(exponent) - BigInt(part.length) + BigInt(digits.length - significant.length)}`;
}

/** The finite number that a number of JSON is to compute with, rounded to a double as every reader does; undefined otherwise. */
export function finiteNumber(value: unknown): number | undefined {
  const number = value instanceof JsonNumber ? Number(value.text) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

/** Whether a value is a number of JSON, in either form. */
export function isNumber(value: unknown): value is number | JsonNumber {
  return typeof value === 'number' || value instanceof JsonNumber;
}
