import { badInput } from '../../core/index.ts';

/** Kinds of data files by their endings; packed text counts as what it unpacks to. */
const KINDS: readonly (readonly [kind: string, ending: RegExp])[] = [
  ['JSON lines', /\.(jsonl|ndjson)(\.(gz|zst|zstd))?$/i],
  ['JSON', /\.json(\.(gz|zst|zstd))?$/i],
  ['Parquet', /\.parquet$/i],
  ['CSV', /\.(csv|tsv|tab)(\.(gz|zst|zstd))?$/i],
];

/** What lies beside data and is none: what says something about it, and what starts with a dot. */
const NOT_DATA = /(^|\/)(dataset_infos?\.json|dataset_dict\.json|split\.json|state\.json|\.[^/]*)$/;

/** What data may end with, for messages. */
export const DATA_ENDINGS = '.jsonl, .json, .parquet, .csv, .tsv; packed as .gz or .zst';

/** The kind of a data file, undefined when its name says that it is none. */
export function dataKindOf(path: string): string | undefined {
  if (NOT_DATA.test(path)) return undefined;
  return KINDS.find(([, ending]) => ending.test(path))?.[0];
}

/**
 * The split that a file's path says it is of: train of train.jsonl, data/train-00000-of-00002-3f2a.parquet, helpful/train/0000.parquet and
 * default/partial-train/0000.parquet; undefined where it says none.
 */
export function splitOf(path: string): string | undefined {
  const parts = path.split('/');
  const stem = parts.at(-1)!.replace(/\.(jsonl|ndjson|json|parquet|csv|tsv|tab)(\.(gz|zst|zstd))?$/i, '');
  const isShard = /^\d+$/.test(stem);
  const named = isShard
    ? (parts.at(-2) ?? '').replace(/^partial-/, '')
    : stem.replace(/-\d{5}-of-\d{5}(-[0-9a-f]+)?$/, '');
  const split = SPLIT_NAME.exec(named)?.[0];
  if (split !== undefined) return split;
  return parts.slice(0, -1).findLast((part) => SPLIT_NAME.test(part));
}

/** train, test_prefs, validation-2; the words that data sets call their splits by. */
const SPLIT_NAME = /^(train|training|test|testing|validation|valid|val|dev|eval|held-?out)([._-].*)?$/i;

/** Files of one split, and the splits that there are. */
export interface SplitSelection {
  readonly files: readonly string[];
  /** undefined where the files say no split. */
  readonly split: string | undefined;
  /** All splits, sorted. */
  readonly splits: readonly string[];
}

/**
 * The files of the wanted split; without one, those of the only split or of `train`, and files that say no split where none does.
 * Rows that somebody set aside for testing must not be trained on because they lie in the same folder. Undefined when the wanted
 * split is not there, or none can be taken without a guess.
 */
export function selectSplit(files: readonly string[], wanted?: string): SplitSelection | undefined {
  const bySplit = groupBy(files, splitOf);
  const splits = [...bySplit.keys()].filter((split) => split !== undefined).toSorted();
  const taken = (split: string | undefined): SplitSelection | undefined => {
    const found = bySplit.get(split);
    return found === undefined ? undefined : { files: found.toSorted(), split, splits };
  };
  if (wanted !== undefined) {
    const named = files.filter((file) => hasName(file, wanted));
    return taken(wanted) ?? (named.length > 0 ? { files: named.toSorted(), split: wanted, splits } : undefined);
  }
  if (splits.length <= 1 && bySplit.size === 1) return taken(splits[0]);
  if (splits.length === 0) return taken(undefined);
  return taken('train') ?? (splits.length === 1 ? taken(splits[0]) : undefined);
}

/** A split by a name of its own: `prefs` is prefs.jsonl, prefs/..., prefs-00000-of-00001.parquet. */
function hasName(path: string, split: string): boolean {
  const name = new RegExp(
    `^(partial-)?${split.replaceAll(/[^\w-]/g, String.raw`\$&`)}(-\\d{5}-of-\\d{5}(-[0-9a-f]+)?)?(\\.[a-z]+){0,2}$`,
    'i',
  );
  return path.split('/').some((part) => name.test(part));
}

/**
 * The data files of a listing, all of one kind. Throws bad-input when there is none, and when there are several kinds: the same rows
 * in two formats would count twice. `where` is the folder, for messages.
 */
export function dataFilesOf(paths: readonly string[], where: string): string[] {
  const data = paths.filter((path) => dataKindOf(path) !== undefined);
  const kinds = groupBy(data, (path) => dataKindOf(path)!);
  if (kinds.size === 1) return data.toSorted();
  if (kinds.size === 0)
    throw badInput({
      file: where,
      message: `a data folder must hold data files (${DATA_ENDINGS}), got ${shortList(paths, 'none')}`,
    });
  const found = [...kinds].map(([kind, files]) => `${files.length} of ${kind} (${shortList(files, '')})`);
  throw badInput({
    file: where,
    message: `a data folder must hold files of one kind, got ${found.join(', ')}; name the files, or a pattern such as ${where}/*.jsonl`,
  });
}

function groupBy<K>(paths: readonly string[], keyOf: (path: string) => K): Map<K, string[]> {
  const groups = new Map<K, string[]>();
  for (const path of paths) {
    const group = groups.get(keyOf(path));
    if (group === undefined) groups.set(keyOf(path), [path]);
    else group.push(path);
  }
  return groups;
}

const MAX_LISTED = 6;

/** A few names and how many more. */
export function shortList(names: readonly string[], none: string): string {
  if (names.length === 0) return none;
  const rest = names.length - MAX_LISTED;
  return names.slice(0, MAX_LISTED).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
