import { isObject, badInput, type Problem, type JsonObject, type JsonValue } from '../../core/index.ts';
import { flagOf, type SweepAxis, type SweepValue } from '../../specification/index.ts';
import { pathOf, type OptionEntry } from '../frame/command.ts';
import { readText } from '../frame/options.ts';
import { recipeOptions, REFERENCE_CACHE, SHOW_TOKENS } from './training-options.ts';

const SWEEP_GROUP = 'Sweep:';

/** Options that decide which rows there are, or only how runs are watched and computed: one value for the whole sweep. */
const ONE_VALUE: readonly string[] = [
  'heldOutFraction',
  'maxLength',
  'maxPromptLength',
  'logSteps',
  'evaluateSteps',
  'samples',
  'checkpointSteps',
  'keepCheckpoints',
  'device',
  'threads',
  'microBatchTokens',
  'memoryBudgetMb',
];

const DPO_OPTIONS = recipeOptions('dpo');

function takesValues(option: OptionEntry): boolean {
  const { type } = option;
  const isOne = type === 'number' || type === 'integer' || typeof type !== 'string';
  return isOne && !ONE_VALUE.includes(pathOf(option));
}

function isObjective(option: OptionEntry): boolean {
  return pathOf(option) === 'objective';
}

/** What preftune dpo takes, with lists where a list makes sense, and what belongs to the grid. */
export const SWEEP_OPTIONS: readonly OptionEntry[] = [
  ...DPO_OPTIONS.map((option): OptionEntry => {
    const { default: value, ...rest } = option;
    const kept = value === undefined ? {} : { default: value };
    if (pathOf(option) === 'output')
      return { ...option, help: "the sweep's folder, with a run folder for each run", isRequired: true };
    if (isObjective(option)) return { ...rest, ...kept, type: 'texts', help: `${option.help}; a list, or repeated` };
    if (!takesValues(option)) return option;
    const choices = typeof option.type === 'string' ? '' : ` (${option.type.join(', ')})`;
    return { ...rest, ...kept, type: 'values', help: `${option.help}${choices}; several with commas` };
  }),
  {
    flag: '--max-runs',
    type: 'integer',
    default: 24,
    help: 'refuse a grid of more runs',
    group: SWEEP_GROUP,
  },
  {
    flag: '--sort',
    type: ['accuracy', 'loss'],
    default: 'accuracy',
    help: 'by which held-out figure runs are ordered; losses compare only under one objective and one beta',
    group: SWEEP_GROUP,
  },
  {
    flag: '--resume',
    type: 'boolean',
    help: 'continue the sweep in --output: finished runs stay, an interrupted one goes on, values that are new are added',
    group: SWEEP_GROUP,
  },
  REFERENCE_CACHE,
  SHOW_TOKENS,
];

/** Options of the sweep and the command line, which no run has. */
const OWN_OPTIONS: readonly string[] = ['maxRuns', 'sort', 'resume', 'showTokens', 'referenceCache'];

/** The options of runs among those given: lists as they were written. */
export function runOptions(given: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(given).filter(([name]) => !OWN_OPTIONS.includes(name)));
}

/** The value at a dotted path of at most two names. */
function valueAt(given: JsonObject, path: string): JsonValue | undefined {
  const [first, second] = path.split('.') as [string, string | undefined];
  const value = given[first];
  return second === undefined ? value : (value as JsonObject | undefined)?.[second];
}

/** The texts of an option: `sigmoid,ipo` are two objectives, `sigmoid:0.8,sft:0.2` is one mixture. */
function textsOf(option: OptionEntry, value: JsonValue): string[] {
  const texts = [value].flat().map(String);
  if (!isObjective(option)) return texts;
  return texts.flatMap((text) => {
    const items = text.split(',').map((item) => item.trim());
    return items.some((item) => item.includes(':')) ? [text] : items.filter((item) => item !== '');
  });
}

export interface ReadGrid {
  /** Options with several values, and those of `axes`, in the order of --help. */
  readonly axes: readonly SweepAxis[];
  /** All other options, as preftune dpo takes them. */
  readonly given: Record<string, unknown>;
}

/** Takes lists apart. `kept`: paths that are axes though they may have one value. Throws bad-input with every value that its option does not take. */
export function readGrid(given: JsonObject, kept: readonly string[] = []): ReadGrid {
  const problems: Problem[] = [];
  const axes: SweepAxis[] = [];
  const rest = JSON.parse(JSON.stringify(given)) as Record<string, unknown>;
  for (const option of DPO_OPTIONS) {
    if (!takesValues(option) && !isObjective(option)) continue;
    const path = pathOf(option);
    const value = valueAt(given, path);
    if (value === undefined) continue;
    const values = textsOf(option, value).flatMap((text): SweepValue[] => {
      const reading = readText(option.type, text);
      if ('value' in reading) return [reading.value as SweepValue];
      problems.push({ path, message: `${flagOf(path)} ${reading.problem}` });
      return [];
    });
    if (values.length === 1 && !kept.includes(path)) setAt(rest, path, values[0]!);
    else {
      setAt(rest, path, undefined);
      axes.push({ path, values });
    }
  }
  if (problems.length > 0) throw badInput(problems);
  return { axes, given: rest };
}

function setAt(object: Record<string, unknown>, path: string, value: SweepValue | undefined): void {
  const [first, second] = path.split('.') as [string, string | undefined];
  const inner = second === undefined ? object : (object[first] as Record<string, unknown>);
  if (value === undefined) delete inner[second ?? first];
  else inner[second ?? first] = value;
}

/**
 * The options of a sweep that goes on: those that it began with, those that are given now over them, and of lists both, so that a value can be
 * added. Which options have several values stays: they are in the names of the runs.
 */
export function continuedOptions(stored: JsonObject, given: JsonObject, axes: readonly string[]): JsonObject {
  const merged = mergeObjects(stored, given) as Record<string, JsonValue>;
  const problems: Problem[] = [];
  for (const option of DPO_OPTIONS.filter((one) => takesValues(one) || isObjective(one))) {
    const path = pathOf(option);
    const [before, now] = [valueAt(stored, path), valueAt(given, path)];
    if (now === undefined) continue;
    const [old, added] = [before === undefined ? [] : textsOf(option, before), textsOf(option, now)];
    if (axes.includes(path)) setAt(merged, path, [...new Set([...old, ...added])] as unknown as SweepValue);
    else if (added.length > 1)
      problems.push({
        path,
        message: `${flagOf(path)} must have one value to go on with this sweep, whose runs differ in ${axes.map(flagOf).join(', ')}, got ${added.join(', ')}; choose another --output`,
      });
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
