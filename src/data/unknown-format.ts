import { badInput, has, isObject, nearestName, type JsonRecord } from '../core/index.ts';
import type { DataFormat } from './format.ts';
import { guessColumns } from './guess-columns.ts';
import { shown } from './problems.ts';
import type { ColumnNames } from './sources/source.ts';

/** Shapes that hold no row that can be trained, and what to do with each. */
const OTHER_SHAPES: readonly {
  readonly matches: (record: JsonRecord) => boolean;
  readonly what: string;
  readonly advice: string;
}[] = [
  {
    matches: (record) => has(record, 'message_id') && has(record, 'parent_id'),
    what: 'single messages of OpenAssistant',
    advice: 'they are read from its files of trees (.trees.jsonl)',
  },
  {
    matches: (record) => Array.isArray(record['completions']) && Array.isArray(record['labels']),
    what: 'steps with a label each (TRL: stepwise supervision)',
    advice: 'rewards of single steps are not trained; for whole answers name the fields prompt, completion and label',
  },
  {
    matches: (record) => Array.isArray(record['segments']),
    what: "axolotl's input_output",
    advice: 'join the segments before the last label into prompt, the rest into completion, both texts',
  },
  {
    matches: (record) => has(record, 'custom_id') && isObject(record['body']),
    what: 'requests of a batch',
    advice: 'they hold no answer: put body.messages together with the answers of the output file',
  },
  {
    matches: (record) => has(record, 'custom_id') && isObject(record['response']),
    what: 'the output file of a batch',
    advice: 'it holds no question: write messages, those of the request and the answer in response.body',
  },
  {
    matches: (record) => ['image', 'images', 'image_0', 'image_1', 'jpg_0', 'jpg_1'].some((name) => has(record, name)),
    what: 'rows about pictures',
    advice: 'pictures are not read: keep the fields of text',
  },
  {
    matches: (record) =>
      ['prompt', 'instruction', 'question', 'query'].some((name) => has(record, name)) &&
      !Object.entries(record).some(([name, value]) => isAnswer(name, value)),
    what: 'questions without an answer',
    advice: 'there is nothing to train: draw answers with preftune generate, then build pairs with preftune data build',
  },
];

/** How many formats an error names. */
const NAMED = 3;

/** What the first record of an unknown format has, as the file gives it, and what is nearest to it in the names that formats know. */
export function unknownFormat(
  { given, record: first }: { readonly given: JsonRecord | undefined; readonly record: JsonRecord | undefined },
  file: string,
  formats: readonly DataFormat[],
) {
  if (first === undefined)
    return badInput({ file, message: 'records must have a known format, got no record that is an object' });
  const found = `got ${shown(given)}`;
  const columns = columnsText(guessColumns(given ?? first));
  if (columns !== undefined) {
    const message = `records must have a known format, ${found}; if these are pairs, add --columns ${columns}`;
    return badInput({ file, message: `${message}; docs/data.md lists all formats` });
  }
  const other = OTHER_SHAPES.find(({ matches }) => matches(first));
  if (other !== undefined)
    return badInput({ file, message: `records must have a known format, ${found}: ${other.what}; ${other.advice}` });
  const names = Object.keys(first);
  const near = formats
    .map((format) => ({ format, shared: sharedNames(names, format) }))
    .filter(({ shared }) => shared > 0)
    .toSorted((a, b) => b.shared - a.shared)
    .slice(0, NAMED)
    .map(({ format: { name, description } }) => `${name} (${description})`);
  const nearest = near.length === 0 ? '' : `the nearest are ${near.join('; ')}; `;
  return badInput({
    file,
    message: `records must have a known format, ${found}; ${nearest}name the fields with --columns prompt=COLUMN,... or rename them; docs/data.md lists all formats`,
  });
}

/** Columns as they are typed; undefined for none, and for a name that the command line cannot spell. */
function columnsText(columns: ColumnNames | undefined): string | undefined {
  const moved = Object.entries(columns ?? {}).filter(([field, column]) => field !== column);
  if (moved.length === 0 || moved.some(([, column]) => /[,"$`\\]/.test(column))) return undefined;
  const text = moved.map((pair) => pair.join('=')).join(',');
  return /^[\w.=,-]+$/.test(text) ? text : `"${text}"`;
}

/** How much of a format's fields the names have: a whole for each of its own, less for one that is nearly so. */
function sharedNames(names: readonly string[], { description }: DataFormat): number {
  const [fields = ''] = description.split(/: (?:texts|lists)/);
  const words = Array.from(new Set(fields.match(/[a-zA-Z_]{3,}/g) ?? [])).filter(
    (word) => !/score|label|rank|rating/.test(word),
  );
  const found = names.map((name) =>
    words.includes(name) ? 1 : nearestName(name.toLowerCase(), words) === undefined ? 0 : 0.5,
  );
  return found.reduce((sum: number, share) => sum + share, 0) - words.length / 100;
}

function isAnswer(name: string, value: unknown): boolean {
  const isText = typeof value === 'string' || Array.isArray(value) || isObject(value);
  return (
    isText && /answer|response|completion|output|chosen|rejected|generation|reply|summary|target|label/i.test(name)
  );
}
