import { z } from 'zod';
import { badInput, type JsonValue, type Problem } from '../core/index.ts';
import type { OptionKind } from './option-kind.ts';
import { flagOf, optionsOf, valueAt, withValueAt, type Option } from './option-list.ts';
import { fieldNames, idleProblem, isMissing, schemaProblems } from './option-problems.ts';
import type { OptionSchema } from './option.ts';

export type GivenOptions = Readonly<Record<string, unknown>>;

/** Options with their defaults, or everything that is wrong with them. */
export type ReadOptions<T> = { readonly options: T } | { readonly problems: readonly Problem[] };

export interface ReadOptionsRequest<S extends OptionSchema> {
  /** Nested, without defaults. */
  readonly given: GivenOptions;
  /** What the combination of options rules out. It also sees options that stand in for those that are missing or wrong. */
  readonly check?: ((options: z.output<S>, given: GivenOptions) => readonly Problem[]) | undefined;
  /** How problems call an option; its flag, where nothing is said. */
  readonly nameOf?: (path: string) => string;
  /** Whether options that are missing are no problem, since something that may have them was not understood. */
  readonly mayLack?: boolean;
}

/**
 * Reads options: what the schema finds wrong, options that another one makes idle, and what `check` finds, all of it. Where the schema finds
 * something, the rest is checked all the same: wrong values are left out, and required ones replaced.
 */
export function readOptions<S extends OptionSchema>(
  schema: S,
  { given, check, nameOf = flagOf, mayLack = false }: ReadOptionsRequest<S>,
): ReadOptions<z.output<S>> {
  const options = optionsOf(schema);
  const idle = (values: unknown): Problem[] => idleProblems(options, given, values as GivenOptions);
  const checked = (values: unknown): readonly Problem[] => check?.(values as z.output<S>, given) ?? [];
  const result = schema.safeParse(given, { reportInput: true });
  if (result.success) {
    const problems = [...idle(result.data), ...checked(result.data)];
    return problems.length > 0 ? { problems } : { options: result.data as z.output<S> };
  }
  const own = (path: string): Option | undefined =>
    options.find((option) => path === option.path || path.startsWith(`${option.path}.`));
  const lacks = mayLack ? result.error.issues.filter(isMissing) : [];
  const told = new z.ZodError(result.error.issues.filter((issue) => !lacks.includes(issue)));
  const problems = schemaProblems(told, {
    nameOf: (path) => nameWithin(path, own(path), nameOf),
    helpOf: (path) => (own(path)?.path === path ? missingHelp(own(path)!) : undefined),
    typeOf: (path) => typeText(own(path)?.kind),
    namesBeside: (path, owner) =>
      own(path.join('.')) === undefined ? options.map((each) => each.path) : fieldNames(schema, path, owner),
    isOption: (path) => own(path) === undefined,
  }).map((problem) => withOwnPath(problem, own));
  const mended = mend(schema, given, own);
  if (mended !== undefined) {
    // A check that reads the values for itself finds the same wrong ones again.
    const known = new Set(problems.map(({ path }) => path));
    const others = checked(mended).filter(({ path }) => path === undefined || !known.has(own(path)?.path ?? path));
    problems.push(...idle(mended), ...others);
  }
  return { problems: distinct(problems) };
}

/**
 * The options, defaults filled in. Throws bad-input with every problem.
 *
 * @example
 * ```ts run
 * import { option, parseOptions } from 'preftune/options';
 * import { z } from 'zod';
 *
 * const schema = z.strictObject({ steps: option(z.int().min(1).default(10), { help: 'steps to take' }) });
 * console.log(parseOptions(schema, {}).steps); // 10
 * try {
 *   parseOptions(schema, { steps: 0 });
 * } catch (error) {
 *   console.log(String(error)); // PreftuneError: --steps must be at least 1, got 0
 * }
 * ```
 */
export function parseOptions<S extends OptionSchema>(
  schema: S,
  given: GivenOptions,
  check?: ReadOptionsRequest<S>['check'],
): z.output<S> {
  const read = readOptions(schema, { given, check });
  if ('problems' in read) throw badInput(read.problems);
  return read.options;
}

/** What a value must be, where the schema's own word would say less. */
function typeText(kind: OptionKind | undefined): string | undefined {
  if (kind?.type === 'pairs') return 'name=text,name=text with each name once, or an object of texts';
  const isInteger = kind?.type === 'integer' || (kind?.type === 'values' && kind.of.type === 'integer');
  return isInteger ? 'a whole number' : undefined;
}

/** Choices that a message about a missing option lists. */
const FEW_CHOICES = 12;

/** What is said of an option that must be given: its help, and where these are few its choices. */
function missingHelp({ meta: { help }, kind }: Option): string {
  if (kind.type !== 'choice' || kind.choices.length > FEW_CHOICES) return help;
  return kind.choices.every((choice) => help.includes(choice)) ? help : `${help}: ${kind.choices.join(', ')}`;
}

/** An option's name, and where in its value: `--judges[0].model`; an item of a list is told with the list. */
function nameWithin(path: string, option: Option | undefined, nameOf: (path: string) => string): string {
  if (option === undefined) return nameOf(path);
  const rest = path.slice(option.path.length + 1);
  if (rest === '' || /^\d+$/.test(rest)) return nameOf(option.path);
  const steps = rest.split('.').map((step) => (/^\d+$/.test(step) ? `[${step}]` : `.${step}`));
  return nameOf(option.path) + steps.join('');
}

/** A problem inside a value belongs to the option. */
function withOwnPath(problem: Problem, own: (path: string) => Option | undefined): Problem {
  const path = problem.path === undefined ? undefined : own(problem.path)?.path;
  return path === undefined ? problem : { ...problem, path };
}

/** The options that the schema would have found right: what is wrong is left out, and what must be given stands in for itself. */
function mend(schema: OptionSchema, given: GivenOptions, own: (path: string) => Option | undefined): unknown {
  let values = given;
  // From behind, so that items of a list keep their places.
  for (const path of wrongPaths(schema, given).toReversed()) {
    const option = own(path);
    const item = option?.kind.type === 'list' ? path.slice(option.path.length + 1) : '';
    const list = item === '' ? undefined : (valueAt(values, option!.path) as readonly unknown[] | undefined);
    const kept = list?.filter((_, place) => String(place) !== item);
    values = withValueAt(values, option?.path ?? path, kept?.length === 0 ? undefined : kept);
  }
  for (const { path, isRequired, kind } of optionsOf(schema))
    if (isRequired && valueAt(values, path) === undefined) values = withValueAt(values, path, standIn(kind));
  const result = schema.safeParse(values);
  return result.success ? result.data : undefined;
}

/** Where a schema finds something wrong. */
function wrongPaths(schema: OptionSchema, given: GivenOptions): string[] {
  const issues = schema.safeParse(given).error?.issues ?? [];
  return issues.flatMap((issue) => {
    const keys = issue.code === 'unrecognized_keys' ? issue.keys : undefined;
    return keys === undefined ? [issue.path.join('.')] : keys.map((key) => [...issue.path, key].join('.'));
  });
}

/** A value of a kind that says nothing. */
function standIn(kind: OptionKind): JsonValue {
  switch (kind.type) {
    case 'choice':
      return kind.choices[0] ?? '-';
    case 'list':
      return [kind.choices?.[0] ?? '-'];
    case 'number':
    case 'integer':
      return 1;
    case 'boolean':
      return false;
    default:
      return '-';
  }
}

/** Options that were given and that another option's value makes idle. */
function idleProblems(options: readonly Option[], given: GivenOptions, values: GivenOptions): Problem[] {
  return options.flatMap(({ path, meta: { onlyWith } }): Problem[] => {
    if (onlyWith === undefined || valueAt(given, path) === undefined) return [];
    const { option, values: wanted } = onlyWith;
    const [flag, other] = [flagOf(path), flagOf(option)];
    if (wanted === undefined) {
      const message = `${flag} has no effect without ${other}; add it or leave ${flag} out`;
      return valueAt(given, option) === undefined ? [{ path, message }] : [];
    }
    const isTaken = [valueAt(values, option)].flat().some((value) => wanted.includes(String(value)));
    return isTaken ? [] : [idleProblem(path, `without ${other} ${wanted.join(' or ')}`)];
  });
}

function distinct(problems: readonly Problem[]): Problem[] {
  const seen = new Set<string>();
  return problems.filter(({ message }) => !seen.has(message) && seen.add(message));
}
