/** Where a run's files were when it began, so that its folder works from any directory, and together with them at another place. */
import { existsSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { isObject, type JsonObject } from '../core/index.ts';
import { readRunFile } from './run-folder.ts';

/**
 * What run.json says under `places`: the folder that paths of the specification are relative to, from the run folder and from the root. Either finds it again: the first
 * where runs and models were moved together, the second where the run alone was.
 */
export interface RunPlaces extends JsonObject {
  readonly fromRun: string;
  readonly fromRoot: string;
}

/** The places of a run that begins in this process. */
export function placesOf(output: string): RunPlaces {
  const fromRoot = process.cwd();
  return { fromRun: relative(resolve(output), fromRoot) || '.', fromRoot };
}

/**
 * Where something is that a run's specification names by its path, with what stands behind one (`:split`, `=0.3`): the path as it can be written here. Undefined where it is
 * nowhere, as a name of the hub is. A run of an earlier version did not say where it began: its paths are looked for here, then in each folder above it.
 */
export function placeInRun(run: string, text: string): string | undefined {
  const [, path, rest] = /^(.*?)((?::[^:@=/\\]+)?(?:=[\d.]+)?)$/s.exec(text) as unknown as [string, string, string];
  for (const [named, behind] of rest === ''
    ? [[text, '']]
    : [
        [text, ''],
        [path, rest],
      ]) {
    const found = basesOf(run)
      .map((base) => resolve(base, named!))
      .find((one) => existsSync(one) || isPatternIn(one));
    if (found !== undefined) return `${shownHere(found, named!)}${behind}`;
  }
  return undefined;
}

function basesOf(run: string): string[] {
  const places = placesIn(run);
  if (places !== undefined) return [join(resolve(run), places.fromRun), places.fromRoot, '.'];
  const above: string[] = ['.'];
  for (let at = dirname(real(run)); dirname(at) !== at; at = dirname(at)) above.push(at);
  return above;
}

function placesIn(run: string): RunPlaces | undefined {
  const { places } = readRunFile(run);
  if (!isObject(places)) return undefined;
  const { fromRun, fromRoot } = places;
  return typeof fromRun === 'string' && typeof fromRoot === 'string' ? (places as RunPlaces) : undefined;
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

/** A pattern such as data/*.jsonl, whose folder exists. */
function isPatternIn(path: string): boolean {
  return /[*?[{]/.test(path) && existsSync(path.slice(0, path.search(/[*?[{]/)).replace(/[^/\\]*$/, '') || '.');
}

/** As it was written where that names it from here, else the shorter of the ways to write it. */
function shownHere(path: string, written: string): string {
  if (isAbsolute(written) || resolve(written) === path) return written;
  return shownPath(path);
}

/** A path as people write it: relative to here where that is shorter and does not climb far. */
export function shownPath(path: string): string {
  const near = relative('', path);
  return near !== '' && near.length < path.length && !near.startsWith(join('..', '..', '..')) ? near : path;
}
