import { isObject, type JsonRecord } from '../../core/index.ts';

/** What a file is, where it is no file of rows, and what to do with it. */
export interface ForeignFile {
  readonly what: string;
  readonly advice: string;
}

const WAY_OUT =
  "write it as Parquet or JSON lines (in Python: load_from_disk(FOLDER).to_parquet('rows.parquet') or .to_json('rows.jsonl'))";

/** What `datasets` leaves in a folder of save_to_disk. */
export const SAVED_TO_DISK: ForeignFile = { what: "a folder of datasets' save_to_disk (Arrow files)", advice: WAY_OUT };

/** Bytes that files of other kinds begin with. */
const BEGINNINGS: readonly (ForeignFile & { readonly bytes: readonly number[] })[] = [
  { bytes: [0xff, 0xff, 0xff, 0xff], what: 'an Arrow stream (as datasets saves it)', advice: WAY_OUT },
  { bytes: [...'ARROW1'].map((letter) => letter.charCodeAt(0)), what: 'an Arrow file', advice: WAY_OUT },
  { bytes: [0xff, 0xfe], what: 'UTF-16', advice: 'convert it to UTF-8' },
  { bytes: [0xfe, 0xff], what: 'UTF-16', advice: 'convert it to UTF-8' },
  { bytes: [0x50, 0x4b, 0x03, 0x04], what: 'a zip archive', advice: 'unpack it' },
  { bytes: [0x1f, 0x8b], what: 'gzip inside another packing', advice: 'unpack it' },
  { bytes: [0x28, 0xb5, 0x2f, 0xfd], what: 'zstd inside another packing', advice: 'unpack it' },
  { bytes: [0x80, 0x02], what: 'a Python pickle', advice: 'write its rows as JSON lines' },
  { bytes: [0x80, 0x04], what: 'a Python pickle', advice: 'write its rows as JSON lines' },
  { bytes: [0x80, 0x05], what: 'a Python pickle', advice: 'write its rows as JSON lines' },
  { bytes: [0x89, 0x50, 0x4e, 0x47], what: 'a picture (PNG)', advice: 'name a file of rows' },
  { bytes: [0x25, 0x50, 0x44, 0x46], what: 'a PDF', advice: 'name a file of rows' },
];

/** What a file's first bytes say that it is; undefined where it may hold rows. */
export function foreignBytes(head: Uint8Array): ForeignFile | undefined {
  return BEGINNINGS.find(({ bytes }) => bytes.every((byte, index) => head[index] === byte));
}

/** What a text is that was taken for JSON lines or a table; the first one that matches. */
const TEXTS: readonly (ForeignFile & { readonly pattern: RegExp })[] = [
  {
    pattern: /^version https:\/\/git-lfs\.github\.com\//,
    what: 'a Git LFS pointer in place of the file',
    advice: 'fetch the file itself: git lfs pull',
  },
  {
    pattern: /^\s*<(?:!doctype html|html|head|\?xml)/i,
    what: 'an HTML page',
    advice: 'the download failed or wanted a login: fetch the file from its raw address',
  },
  {
    pattern: /^\s*\[?\s*\{\s*'/,
    what: "Python's dicts",
    advice: 'write them as JSON (json.dumps for each row, or DataFrame.to_json(lines=True, orient="records"))',
  },
  {
    pattern: /^\s*\{[^\n]*\},\s*\n\s*\{/,
    what: 'objects with commas between the lines',
    advice: "take the commas away (sed 's/,$//'), or put [ and ] around them and name it .json",
  },
  {
    pattern:
      /^\s*\{\s*"(?:[^"\\]|\\.)*"\s*:\s*\[?\s*(?:"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|\[|\{)?[^}]*\n[\s\S]*?\}\s*\n\s*\{/,
    what: 'objects over several lines',
    advice: 'write one object a line (jq -c . FILE), or put [ and ] around them with commas between, and name it .json',
  },
];

/** Fields under which files keep their rows. */
const WRAPPERS = ['data', 'rows', 'examples', 'instances', 'samples', 'items', 'records', 'train', 'dataset'];

/** What the beginning of a text says that it is, where no record of it could be read. */
export function foreignText(head: string): ForeignFile | undefined {
  const wrapper = wrapperIn(head);
  if (wrapper !== undefined) return wrapped(wrapper);
  const known = TEXTS.find(({ pattern }) => pattern.test(head));
  if (known !== undefined) return known;
  const [first = '', second = ''] = head.split('\n');
  const columns = first.split(/[,;\t]/).length;
  const isTable = !/[[{]/.test(first) && columns > 1 && second.split(/[,;\t]/).length >= columns;
  return isTable ? { what: 'a table (CSV)', advice: 'name it .csv (or .tsv)' } : undefined;
}

/** The first field of an object over several lines that holds a list of objects. */
function wrapperIn(head: string): string | undefined {
  if (!/^\s*\{\s*\n/.test(head)) return undefined;
  return WRAPPERS.find((name) => new RegExp(`^\\s*"${name}"\\s*:\\s*\\[\\s*\\{`, 'm').test(head));
}

function wrapped(name: string): ForeignFile {
  return {
    what: `one object whose rows are under ${name}`,
    advice: `write that list alone (jq .${name} FILE > rows.json)`,
  };
}

/** What the only record of a file is, where it is no row: an object around the rows, or a table of columns. */
export function foreignRecord(record: JsonRecord): ForeignFile | undefined {
  const wrapper = WRAPPERS.find((name) => {
    const value = record[name];
    return Array.isArray(value) && value.length > 0 && value.every(isObject);
  });
  if (wrapper !== undefined) return wrapped(wrapper);
  const columns = Object.values(record);
  const isLists = columns.every((column) => Array.isArray(column) && column.every((cell) => typeof cell === 'string'));
  const isIndexed = columns.every((column) => isObject(column) && Object.hasOwn(column, '0'));
  if (columns.length < 2 || !(isLists || isIndexed)) return undefined;
  return {
    what: 'a table of columns',
    advice: 'write rows (in pandas: to_json(FILE, orient="records", lines=True); in datasets: to_json)',
  };
}
