/** Models that are not where a run found them: known again by a cheap mark of their files, and then by all of their weights where the adapter is put on them. */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { isObject, type JsonObject } from '../../core/index.ts';
import { readHubSettings } from '../../hub/index.ts';
import { readRunFile } from '../../store/index.ts';

/** The bytes of a model's weights, and a digest of samples of them: two models that differ anywhere in training differ in these. */
export interface ModelMark extends JsonObject {
  readonly sizeBytes: number;
  readonly samples: string;
}

/** Bytes that are read at the start, in the middle and at the end of each file. */
const SAMPLE_BYTES = 1 << 16;
/** Paths that are looked at, and models among them. */
const MOST_PATHS = 5000;
const MOST_CANDIDATES = 500;
const LEVELS_ABOVE = 3;

/** The mark of a folder's safetensors or GGUF files, or of one file; undefined where there are none. */
export function markOf(path: string): ModelMark | undefined {
  const files = weightFiles(path);
  if (files.length === 0) return undefined;
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for (const file of files) {
    const { size } = statSync(file);
    sizeBytes += size;
    hash.update(`${size}\n`);
    for (const at of [0, Math.floor(size / 2), Math.max(0, size - SAMPLE_BYTES)]) hash.update(bytesAt(file, at));
  }
  return { sizeBytes, samples: hash.digest('hex') };
}

function weightFiles(path: string): string[] {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) return [];
  if (!status.isDirectory()) return [path];
  return namesIn(path)
    .filter((name) => /\.(safetensors|gguf)$/i.test(name))
    .map((name) => join(path, name))
    .filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile() === true)
    .toSorted();
}

function bytesAt(file: string, at: number): Buffer {
  const handle = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(SAMPLE_BYTES);
    return bytes.subarray(0, readSync(handle, bytes, 0, SAMPLE_BYTES, at));
  } finally {
    closeSync(handle);
  }
}

/** A model that may be the one that a run names. */
export interface FoundModel {
  readonly path: string;
  /** Its files are those that the run was trained on, as far as their marks tell; else it has the same name alone. */
  readonly isMarked: boolean;
}

/**
 * Looks for the model of a run that is not at its path: beside the run and above it, where the path would be, here, in folders called models there, and in the hub's cache. The one
 * with the mark that run.json has; of a run of an earlier version, which has none, one of the same name.
 */
export function findMovedModel(run: string, missing: string): FoundModel | undefined {
  const { places } = readRunFile(run);
  const mark = isObject(places) && isObject(places['model']) ? (places['model'] as ModelMark) : undefined;
  const candidates = candidatesFor(run, missing);
  if (mark === undefined) {
    const path = candidates.find((one) => basename(one) === basename(missing));
    return path === undefined ? undefined : { path, isMarked: false };
  }
  for (const path of candidates) {
    const size = weightFiles(path).reduce((sum, file) => sum + statSync(file).size, 0);
    if (size === mark.sizeBytes && markOf(path)?.samples === mark.samples) return { path, isMarked: true };
  }
  return undefined;
}

/** Folders and .gguf files that could be models, those with the wanted name first. */
function candidatesFor(run: string, missing: string): string[] {
  const folders = ['.', dirname(missing)];
  for (let at = dirname(resolve(run)), level = 0; level < LEVELS_ABOVE; at = dirname(at), level++) folders.push(at);
  const looked = new Set([...folders, ...folders.map((one) => join(one, 'models'))].map((one) => resolve(one)));
  // Nobody keeps models beside the system's own folders.
  looked.delete(resolve('/'));
  const beside = [...looked].flatMap(inside);
  // A model is often put into a folder, or one of two is renamed.
  const all = [...beside, ...beside.slice(0, MOST_CANDIDATES).flatMap(inside)].slice(0, MOST_PATHS);
  const found = [...all, ...cachedModels()].filter(isModelPath).slice(0, MOST_CANDIDATES);
  const rank = (path: string): number => Number(basename(path) !== basename(missing));
  return found.toSorted((a, b) => rank(a) - rank(b));
}

function inside(folder: string): string[] {
  return namesIn(folder).map((name) => join(folder, name));
}

function isModelPath(path: string): boolean {
  if (extname(path).toLowerCase() === '.gguf') return existsSync(path);
  return existsSync(join(path, 'config.json')) || namesIn(path).some((name) => /\.gguf$/i.test(name));
}

/** The models of the hub's cache, and their single .gguf files. */
function cachedModels(): string[] {
  // What the cache holds is a place to look, and decides nothing.
  const { cacheDir } = readHubSettings(process.env);
  return namesIn(cacheDir)
    .filter((name) => name.startsWith('models--'))
    .flatMap((name) => inside(join(cacheDir, name, 'snapshots')))
    .flatMap((folder) => [folder, ...inside(folder).filter((path) => /\.gguf$/i.test(path))]);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Not a folder, or one that may not be read: nothing to find there.
    return [];
  }
}
