/** What to say of a name that is nothing on this computer: a path that was mistyped is told at once, before anybody is asked for it. */
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { editDistance, type Problem } from '../core/index.ts';
import { cachedRepo } from './hub-cache.ts';
import { parseHubId } from './hub-files.ts';

/** Of a name that is nothing here. */
export interface MissingName {
  /** Without split and revision. */
  readonly id: string;
  /** As it was written. */
  readonly named: string;
  readonly revision: string | undefined;
  readonly kind: 'model' | 'dataset';
  /** The hub's cache folder: what it holds is no slip. */
  readonly cacheDir: string;
}

const FILE_NAME = /\.(gguf|jsonl?|gz|zst|parquet|csv|tsv|txt|safetensors)$/i;
const PATH = /^([./~\\]|[A-Za-z]:[\\/])|[\\/]$|\\/;
const WANTED = { model: 'the model must be a folder or .gguf file', dataset: 'the data must be a file or folder' };

/** Names of a folder that are looked through for a near one. */
const MOST_NAMES = 5000;
const MOST_SHOWN = 5;

/**
 * What is wrong with the name; undefined where the hub may be asked. A hub id is exactly owner/name, with more behind it where a file of the repository is meant. Where
 * `owner` is a folder here, or nearly the whole name is, both may have been meant, and one has to say which: the hub's with its revision.
 */
export function missingPath(missing: MissingName): Problem | undefined {
  const reading = readingOf(missing);
  if (reading === 'hub') return undefined;
  const { id, named, kind } = missing;
  const noun = FILE_NAME.test(id) ? 'file' : 'folder';
  const [owner] = id.split('/');
  const where = reading === 'either' && existsSync(owner!) ? `, where ${owner}/ is a folder` : '';
  const advice = adviceFor(id);
  const isBare = !id.includes('/') && !PATH.test(named) && noun === 'folder';
  const other =
    reading === 'either'
      ? ` For the hub's repository of this name write ${id}@main`
      : isBare
        ? ` A name of the hub has its owner before it: owner/${id}`
        : '';
  const end = other === '' || advice.endsWith('?') ? '' : '.';
  const message = `${WANTED[kind]} that exists, got no such ${noun} here${where}; ${advice}${end}${other}`;
  return { file: named, message };
}

function readingOf({ id, named, revision, kind, cacheDir }: MissingName): 'path' | 'hub' | 'either' {
  const hubId = parseHubId(id);
  if (PATH.test(named) || hubId === undefined) return 'path';
  if (existsSync(cachedRepo(cacheDir, { kind, id: hubId.repo }).folder)) return 'hub';
  const parts = id.split('/');
  // owner/name/file.gguf may be a file of the hub; no repository is called name.gguf.
  if (parts.length === 1 || (parts.length === 2 && FILE_NAME.test(id))) return 'path';
  return revision === undefined && (existsSync(parts[0]!) || nearPath(id) !== undefined) ? 'either' : 'hub';
}

/** What the user may have meant, or what there is. */
function adviceFor(path: string): string {
  if (path.startsWith('~')) return homeAdvice(path);
  const near = nearPath(path) ?? insideFolders(path);
  if (near !== undefined) return `did you mean ${near}?`;
  const above = existingAbove(path);
  const names = visibleNames(above);
  const shown = names.slice(0, MOST_SHOWN).join(', ') + (names.length > MOST_SHOWN ? ', ...' : '');
  return `check the path (${above} ${names.length === 0 ? 'is empty' : `holds ${shown}`})`;
}

function homeAdvice(path: string): string {
  let home: string;
  try {
    home = homedir();
  } catch {
    return 'only a shell knows ~; write the folder out';
  }
  return `only a shell knows ~, at the start of a word; write ${join(home, path.slice(1))}`;
}

function existingAbove(path: string): string {
  let at = dirname(resolve(path));
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  return at;
}

/** The path with each part that is not there replaced by a near one; undefined where that makes none that exists. */
export function nearPath(path: string): string | undefined {
  const parts = path.split('/').filter((part) => part !== '');
  let at = isAbsolute(path) ? '/' : '';
  for (const part of parts) {
    const next = join(at, part);
    const name = existsSync(next) ? part : nearName(part, visibleNames(at === '' ? '.' : at));
    if (name === undefined) return undefined;
    at = join(at, name);
  }
  return path.startsWith('./') ? `./${at}` : at;
}

/** A folder of this one that holds the name: `models/x` for `x`. */
function insideFolders(path: string): string | undefined {
  const name = basename(path);
  for (const folder of visibleNames('.')) {
    const names = visibleNames(folder);
    if (names.includes(name)) return join(folder, name);
  }
  return undefined;
}

/** The same in other letters, one that goes on where this one ends, else the one that fewest slips make of it. */
function nearName(name: string, names: readonly string[]): string | undefined {
  const plain = name.toLowerCase();
  const same = names.find((one) => one.toLowerCase() === plain);
  if (same !== undefined) return same;
  const ending = FILE_NAME.exec(plain)?.[0] ?? '';
  const stem = plain.slice(0, plain.length - ending.length);
  const isLonger = (one: string): boolean => stem.length >= 3 && one.startsWith(stem) && one.endsWith(ending);
  const longer = names.filter((one) => isLonger(one.toLowerCase()));
  if (longer.length > 0) return longer.toSorted((a, b) => a.length - b.length)[0];
  const slips = names.map((one) => ({ one, distance: editDistance(plain, one.toLowerCase()) }));
  const [best] = slips.toSorted((a, b) => a.distance - b.distance);
  return best !== undefined && best.distance <= Math.max(1, Math.floor(plain.length / 3)) ? best.one : undefined;
}

function visibleNames(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => !name.startsWith('.') && name !== 'node_modules')
      .slice(0, MOST_NAMES)
      .toSorted();
  } catch {
    // A file, or a folder that may not be read: nothing to suggest.
    return [];
  }
}
