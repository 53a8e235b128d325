import { z } from 'zod';
import { badInput, isObject, type JsonObject, type JsonValue, type Problem } from '../../core/index.ts';
import {
  changed,
  flagOf,
  grouped,
  oneOrMore,
  option,
  optionsOf,
  texts,
  valueAt,
  valueOfJson,
  withValueAt,
  type GivenOptions,
  type Option,
  type OptionShape,
} from '../../options/index.ts';
import { SCHEMAS, TRAINING_GROUPS, type SweepAxis, type SweepValue } from '../../specification/index.ts';
import { DRY_RUN, REFERENCE_CACHE, SHOW_TOKENS } from './training-options.ts';

const RUN_OPTIONS = new Map(optionsOf(SCHEMAS.dpo).map((one) => [one.path, one] as const));

/** Numbers and choices may have several values, unless one is for all runs; and so may the objective. */
function takesValues({ path, kind, meta }: Option): boolean {
  if (path === 'objective') return true;
  return ['number', 'integer', 'choice'].includes(kind.type) && meta.isSameInSweep !== true;
}

/** The options that a grid can be made of. */
const AXES = [...RUN_OPTIONS.values()].filter(takesValues);

/** The shape of a run's options with several values where a list makes sense. */
function sweptShape(shape: OptionShape, prefix = ''): OptionShape {
  const fields = Object.entries(shape).map(([name, field]) => {
    const one = RUN_OPTIONS.get(`${prefix}${name}`);
    if (one !== undefined) return [name, takesValues(one) ? sweptField(one) : field];
    const inner = (field as z.ZodOptional<z.ZodObject>).unwrap();
    return [name, z.strictObject(sweptShape(inner.shape as OptionShape, `${prefix}${name}.`)).optional()];
  });
  return Object.fromEntries(fields) as OptionShape;
}

function sweptField({ path, bare, default: usual, meta }: Option): z.ZodType {
  const values = path === 'objective' ? texts() : oneOrMore(bare);
  const field = usual === undefined ? values.optional() : values.default(usual as string);
  return option(field, path === 'objective' ? { ...meta, help: `${meta.help}; a list, or repeated` } : meta);
}

const OWN_SHAPE = {
  output: changed(SCHEMAS.dpo.shape.output, { help: "the sweep's folder, with a run folder for each run" }),
  ...grouped('Sweep', {
    sort: option(z.enum(['accuracy', 'loss']).default('accuracy'), {
      help: 'by which held-out figure runs are ordered; losses compare only under one objective and one beta',
      isCommon: true,
    }),
    maxRuns: option(z.int().min(1).default(24), { help: 'refuse a grid of more runs' }),
    resume: option(z.boolean().default(false), {
      help: 'continue the sweep in --output: finished runs stay, an interrupted one goes on, values that are new are added',
      isCommon: true,
    }),
  }),
  dryRun: DRY_RUN,
  referenceCache: REFERENCE_CACHE,
  showTokens: SHOW_TOKENS,
};

/** What preftune dpo takes, with lists where a list makes sense, and what belongs to the grid. */
export const SWEEP_SCHEMA = z.strictObject({
  // Options of runs are read from what is given, by path.
  ...(sweptShape(SCHEMAS.dpo.shape) as Record<never, never>),
  ...OWN_SHAPE,
});
export type SweepCommandOptions = z.output<typeof SWEEP_SCHEMA>;

export const SWEEP_GROUPS = ['Model and data', 'Sweep', ...TRAINING_GROUPS] as const;

/** The values of an option: `sigmoid,ipo` are two objectives, `sigmoid:0.8,sft:0.2` is one mixture. */
function valuesOfAxis({ path, kind }: Option, value: unknown): SweepValue[] {
  if (path !== 'objective')
    return [valueOfJson({ type: 'values', of: kind }, value as JsonValue)].flat() as SweepValue[];
  return [value].flat().flatMap((text) => {
    const items = String(text)
      .split(',')
      .map((item) => item.trim());
    return items.some((item) => item.includes(':')) ? [String(text)] : items.filter((item) => item !== '');
  });
}

export interface ReadGrid {
  /** Options with several values, and those of `kept`, whose order stays: the names of runs follow it. */
  readonly axes: readonly SweepAxis[];
  /** All other options, as preftune dpo takes them. */
  readonly given: GivenOptions;
}

/** Takes lists apart. `kept`: paths that are axes though they may have one value. */
export function readGrid(given: GivenOptions, kept: readonly string[] = []): ReadGrid {
  const axes: SweepAxis[] = [];
  let rest = given;
  const placeOf = ({ path }: Option): number => (kept.includes(path) ? kept.indexOf(path) : kept.length);
  for (const axis of AXES.toSorted((a, b) => placeOf(a) - placeOf(b))) {
    const { path } = axis;
    const value = valueAt(given, path);
    if (value === undefined) continue;
    const values = valuesOfAxis(axis, value);
    const isOne = values.length === 1 && !kept.includes(path);
    rest = withValueAt(rest, path, isOne ? values[0] : undefined);
    if (!isOne) axes.push({ path, values });
  }
  return { axes, given: rest };
}

/**
 * The options of a sweep that goes on: those that it began with, those that are given now over them, and of lists both, so that a value can be
 * added. Which options have several values stays: they are in the names of the runs.
 */
export function continuedOptions(stored: JsonObject, given: JsonObject, axes: readonly string[]): GivenOptions {
  let merged: GivenOptions = mergeObjects(stored, given);
  const problems: Problem[] = [];
  for (const axis of AXES) {
    const { path } = axis;
    const [old, added] = [stored, given].map((values) => {
      const value = valueAt(values, path);
      return value === undefined ? [] : valuesOfAxis(axis, value);
    }) as [SweepValue[], SweepValue[]];
    if (axes.includes(path)) merged = withValueAt(merged, path, [...new Set([...old, ...added])]);
    else if (added.length > 1)
      problems.push({
        path,
        message: `${flagOf(path)} must have one value to go on with this sweep, whose runs differ in ${axes.map(flagOf).join(', ')}, got ${added.join(', ')}; choose another --output`,
      });
    else if (old.length + added.length > 0) merged = withValueAt(merged, path, [...old, ...added].at(-1));
  }
  if (problems.length > 0) throw badInput(problems);
  return merged;
}

function mergeObjects(before: JsonObject, after: JsonObject): JsonObject {
  const merged: Record<string, JsonValue> = { ...before };
  for (const [name, value] of Object.entries(after)) {
    const old = merged[name];
    merged[name] = isObject(old) && isObject(value) ? mergeObjects(old, value) : value;
  }
  return merged;
}
