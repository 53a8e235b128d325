import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { badInput, type Problem, type JsonObject, type JsonValue } from '../core/index.ts';
import { flattenJson, placeInRun, readRunFile, showValue } from '../store/index.ts';
import { flagOf, optionsOf } from '../options/index.ts';
import { SCHEMAS } from './specification-schema.ts';
import { givenOf } from './specification.ts';

/** Options that may change when a run is resumed, as their fields say. */
export const MAY_DIFFER: readonly string[] = [
  ...new Set(
    [SCHEMAS.dpo, SCHEMAS.sft].flatMap((schema) =>
      optionsOf(schema).flatMap(({ path, meta }) => (meta.mayDifferOnResume === true ? [path] : [])),
    ),
  ),
];

/** Options of run.json that earlier versions did not have: a run that lacks them takes what they are now. */
export const ADDED_LATER: readonly string[] = ['keep', 'bestMetric'];

/** What runs of earlier versions do not hold, so that it can be given when they are resumed. */
const UNRECORDED: readonly string[] = ['templateTime', ...ADDED_LATER];

/**
 * The options with which the run in `output` began, for continuing it: `given` may repeat them, and may change those of MAY_DIFFER. Throws
 * bad-input with every option that is given another value, and when there is no run or it is another recipe's.
 */
export function resumedOptions(output: string, recipe: string, given: JsonObject): Record<string, unknown> {
  const { specification } = readRunFile(output);
  if (specification['recipe'] !== recipe) {
    throw badInput({
      file: output,
      message: `must hold a run of ${recipe}, got one of ${showValue(specification['recipe'])}; resume it with preftune ${String(specification['recipe'])}`,
    });
  }
  // Runs of earlier versions gave every row of texts as it stands.
  const stored: Record<string, unknown> = { textRows: 'raw', ...givenOf(specification) };
  const places = placesHere(output, stored);
  const before = new Map(flattenJson(stored as JsonObject));
  const problems: Problem[] = [];
  for (const [path, value] of flattenJson(given)) {
    if (MAY_DIFFER.includes(path) || same(before.get(path), value)) continue;
    if (isSamePlace(output, { before: before.get(path), value })) continue;
    // A model that was moved may be named where it is now: run.json knows its weights.
    if (path === 'model' && isGone(output, before.get(path)) && existsSync(String(value))) {
      places['model'] = value;
      continue;
    }
    if (UNRECORDED.includes(path) && before.get(path) === undefined) continue;
    problems.push({
      file: output,
      path,
      message:
        `${flagOf(path)} must be what the run began with to resume it, got ${showValue(value)} instead of ${showValue(before.get(path))}; ` +
        'leave it out (the run knows its options), or choose another --output',
    });
  }
  if (problems.length > 0) throw badInput(problems);
  const changed = [...MAY_DIFFER, ...UNRECORDED]
    .filter((path) => Object.hasOwn(given, path))
    .map((path) => [path, given[path]] as const);
  return { ...stored, ...places, ...Object.fromEntries(changed) };
}

/** Options that are paths, or names of the hub; what they name is compared by its contents. */
export const PLACED: readonly string[] = ['model', 'adapter', 'reference', 'data', 'heldOut'];

/** The paths of a run as they are from here, where they are others. */
function placesHere(output: string, stored: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const here = (text: unknown): unknown => (typeof text === 'string' ? (placeInRun(output, text) ?? text) : text);
  return Object.fromEntries(
    PLACED.flatMap((path) => {
      const value = stored[path];
      return value === undefined ? [] : [[path, Array.isArray(value) ? value.map(here) : here(value)]];
    }),
  );
}

/** Whether two ways to write a path mean one place. */
function isSamePlace(output: string, { before, value }: { before: JsonValue | undefined; value: JsonValue }): boolean {
  if (Array.isArray(before) && Array.isArray(value))
    return (
      before.length === value.length && before.every((one, i) => isSamePlace(output, { before: one, value: value[i]! }))
    );
  if (typeof before !== 'string' || typeof value !== 'string') return false;
  const place = placeInRun(output, before);
  return value === before || (place !== undefined && resolve(place) === resolve(value));
}

/** Whether a path of the run is at no place any more. */
function isGone(output: string, before: JsonValue | undefined): boolean {
  return typeof before === 'string' && placeInRun(output, before) === undefined;
}

function same(a: JsonValue | undefined, b: JsonValue): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
