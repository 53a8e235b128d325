import { notRows } from '../records.ts';
import { SAVED_TO_DISK } from '../reading/foreign-files.ts';
import { badInput, messageOf } from '../../core/index.ts';
import { DATA_ENDINGS, dataFilesOf, dataKindOf, selectSplit, shortList } from './data-files.ts';
import { fileSource } from './node-source.ts';
import type { DataSource } from './source.ts';

/** Characters that make a name a pattern. */
const PATTERN = /[*?[\]{}]/;
const MAX_FILES = 100_000;

/** Files that a path stands for. */
export interface LocatedFiles {
  readonly sources: readonly DataSource[];
  /** Lines for people: which split was taken, which files of a folder are no data. */
  readonly notes: readonly string[];
}

/**
 * The files that a path or pattern stands for, in the order of their names (by code units, so the same everywhere):
 * - a file: itself, whatever it is called;
 * - a folder: its data files, not those of subfolders, all of one kind; where their names say splits (train.jsonl, test.jsonl), the
 *   wanted split, or the only one, or train;
 * - a pattern (`data/*.jsonl`, `data/**` + `/*.parquet`, `{a,b}.csv`): every data file that it matches.
 *
 * Rejects with bad-input for a path that does not exist, a folder without data or with several kinds, a split that is not there, and
 * a pattern that matches nothing.
 */
export async function filesOfPath(path: string, split?: string): Promise<LocatedFiles> {
  const { stat } = await import('node:fs/promises');
  const found = await stat(path).catch(() => undefined);
  if (found === undefined && isPattern(path)) return filesOfPattern(path, split);
  if (found?.isDirectory() === true) return filesOfFolder(path, split);
  if (split !== undefined && found !== undefined)
    throw badInput({ file: path, message: `a file has no splits, got :${split}; leave it out, or name the folder` });
  if (found !== undefined) return { sources: [fileSource(path)], notes: [] };
  throw badInput({ file: path, message: 'data must be a readable file or folder, got no such file' });
}

/**
 * The sources of filesOfPath.
 *
 * @example
 * ```ts run
 * import { sourcesOfPath } from 'preftune';
 *
 * const sources = await sourcesOfPath('pairs.jsonl');
 * console.log(sources.map(({ name }) => name)); // [ 'pairs.jsonl' ]
 * ```
 */
export async function sourcesOfPath(path: string): Promise<DataSource[]> {
  return [...(await filesOfPath(path)).sources];
}

/** Whether a name is a pattern; a file that is called so goes first. */
export function isPattern(path: string): boolean {
  return PATTERN.test(path);
}

async function filesOfFolder(folder: string, split: string | undefined): Promise<LocatedFiles> {
  const { readdir } = await import('node:fs/promises');
  const { join } = await import('node:path');
  let entries;
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    throw badInput(
      { file: folder, message: `data must be a readable file or folder, got ${messageOf(error)}` },
      { cause: error },
    );
  }
  const names = entries
    .filter((entry) => !entry.isDirectory())
    .map(({ name }) => name)
    .toSorted();
  const folders = entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted();
  const isSaved =
    names.includes('dataset_dict.json') ||
    (names.includes('state.json') && names.some((name) => name.endsWith('.arrow')));
  if (isSaved) throw notRows(folder, SAVED_TO_DISK);
  if (names.every((name) => dataKindOf(name) === undefined) && folders.length > 0)
    throw badInput({
      file: folder,
      message: `a data folder must hold data files (${DATA_ENDINGS}), got none beside the folders ${shortList(folders, '')}; name one of them, or a pattern such as ${folder}/**/*.parquet`,
    });
  const data = dataFilesOf(names, folder);
  const selection = selectSplit(data, split);
  if (selection === undefined) throw noSplit(folder, split, data);
  const others = names.filter((name) => !data.includes(name) && !name.startsWith('.'));
  return {
    sources: selection.files.map((name) => fileSource(join(folder, name))),
    notes: [
      ...splitNote(folder, selection, split),
      ...(others.length > 0 ? [`${folder}: not data: ${shortList(others, '')}`] : []),
    ],
  };
}

async function filesOfPattern(pattern: string, split: string | undefined): Promise<LocatedFiles> {
  const { glob } = await import('tinyglobby');
  const matched = await glob(pattern, { onlyFiles: true, expandDirectories: false, absolute: pattern.startsWith('/') });
  if (matched.length > MAX_FILES)
    throw badInput({
      file: pattern,
      message: `a pattern must match at most ${MAX_FILES} files, got ${matched.length}; name a folder`,
    });
  const data = matched.filter((path) => dataKindOf(path) !== undefined);
  if (data.length === 0) {
    const found = matched.length === 0 ? 'none' : `only ${shortList(matched.toSorted(), '')}`;
    throw badInput({ file: pattern, message: `the pattern must match data files (${DATA_ENDINGS}), got ${found}` });
  }
  const selection = split === undefined ? { files: data.toSorted(), split, splits: [] } : selectSplit(data, split);
  if (selection === undefined) throw noSplit(pattern, split, data);
  return { sources: selection.files.map((file) => fileSource(file)), notes: [] };
}

function noSplit(where: string, split: string | undefined, files: readonly string[]) {
  const message =
    split === undefined
      ? `one split must be named, got ${shortList(files, '')}; write ${where}:NAME`
      : `data must have the split ${split}, got ${shortList(files, 'none')}`;
  return badInput({ file: where, message });
}

/** Says which split was taken where nobody named one and there are several. */
export function splitNote(
  where: string,
  { split, splits }: { readonly split: string | undefined; readonly splits: readonly string[] },
  wanted: string | undefined,
): string[] {
  const others = splits.filter((name) => name !== split);
  if (wanted !== undefined || split === undefined || others.length === 0) return [];
  return [`${where}: the split ${split} is taken; there are also ${others.join(', ')} (write ${where}:${others[0]})`];
}
