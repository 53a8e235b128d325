import { badInput, problemsOf, type Problem } from '../core/index.ts';
import { parseDpoSpecification, type DpoSpecification } from './specification.ts';
import { flagOf, typedText, withValueAt } from '../options/index.ts';

export type SweepValue = number | string;

/** An option of the grid: its dotted path and the values that it takes. */
export interface SweepAxis {
  readonly path: string;
  readonly values: readonly SweepValue[];
}

/** A run of the grid. */
export interface SweepPoint {
  /** The folder below the sweep's: `beta-0.1_learning-rate-5e-5`. */
  readonly name: string;
  /** The value of each axis, by path. */
  readonly values: Readonly<Record<string, SweepValue>>;
  /** The options of preftune dpo. */
  readonly given: Readonly<Record<string, unknown>>;
  readonly specification: DpoSpecification;
}

export interface SweepPlan {
  readonly axes: readonly SweepAxis[];
  readonly points: readonly SweepPoint[];
}

export interface SweepOptions {
  readonly axes: readonly SweepAxis[];
  /** Options that every run has; `output` is the sweep's folder. */
  readonly given: Readonly<Record<string, unknown>>;
  readonly maxRuns: number;
  /** Where a run of that name goes. */
  readonly folderOf: (name: string) => string;
}

/**
 * Every combination of the axes' values as a run of `preftune dpo`, the last axis fastest. Throws bad-input with all problems at once: a grid without
 * a choice, values given twice, more than `maxRuns` runs, no held-out rows to compare runs on, and what each run's own options have wrong, named
 * with the run where other runs do not have it.
 */
export function planSweep({ axes, given, maxRuns, folderOf }: SweepOptions): SweepPlan {
  const problems = [...gridProblems(axes, maxRuns), ...comparisonProblems(axes, given)];
  const size = sizeOf(axes);
  if (size === 0 || size > maxRuns) throw badInput(problems);
  const names = new Set<string>();
  const attempts = combinations(axes).map((values) => {
    const name = unused(nameOf(values), names);
    names.add(name);
    const own = {
      ...Object.entries(values).reduce((all, [path, value]) => withValueAt(all, path, value), given),
      output: folderOf(name),
    };
    return { name, values, given: own, ...attempt(own) };
  });
  problems.push(...pointProblems(attempts));
  if (problems.length > 0) throw badInput(problems);
  return { axes, points: attempts.map(({ problems: _none, ...point }) => point as SweepPoint) };
}

function sizeOf(axes: readonly SweepAxis[]): number {
  return axes.reduce((product, { values }) => product * values.length, 1);
}

function gridProblems(axes: readonly SweepAxis[], maxRuns: number): Problem[] {
  const problems = axes.flatMap(({ path, values }): Problem[] => {
    if (values.length === 0)
      return [{ path, message: `${flagOf(path)} must have at least one value, got none; write them with commas` }];
    const twice = values.filter((value, at) => values.indexOf(value) < at);
    return [...new Set(twice)].map((value) => ({
      path,
      message: `${flagOf(path)} must have different values, got ${value} twice; leave one out`,
    }));
  });
  const size = sizeOf(axes);
  if (problems.length === 0 && size === 1)
    problems.push({
      message:
        'sweep: an option must have several values, such as --beta 0.05,0.1,0.3, got one run; take preftune dpo for a single one',
    });
  if (size > maxRuns) {
    const shape = axes.map(({ path, values }) => `${values.length} of ${flagOf(path)}`).join(' x ');
    problems.push({
      path: 'maxRuns',
      message: `sweep: the grid must have at most ${maxRuns} runs, got ${size} (${shape}); leave values out, or raise --max-runs`,
    });
  }
  return problems;
}

/** Runs are compared on rows that none of them saw, the same for all. */
function comparisonProblems(axes: readonly SweepAxis[], given: SweepOptions['given']): Problem[] {
  const { heldOut, heldOutFraction } = given;
  const seeds = axes.find(({ path }) => path === 'seed')?.values.length ?? 1;
  if (heldOut === undefined && !(typeof heldOutFraction === 'number' && heldOutFraction > 0))
    return [
      {
        path: 'heldOut',
        message:
          'sweep: there must be held-out rows to compare runs on, got none; pass --held-out FILE or --held-out-fraction 0.1',
      },
    ];
  if (heldOut === undefined && seeds > 1)
    return [
      {
        path: 'heldOutFraction',
        message: `--held-out-fraction draws other rows for every seed, got ${seeds} seeds; pass --held-out FILE, which preftune data split makes`,
      },
    ];
  return [];
}

function combinations(axes: readonly SweepAxis[]): Record<string, SweepValue>[] {
  return axes.reduce<Record<string, SweepValue>[]>(
    (points, { path, values }) => points.flatMap((point) => values.map((value) => ({ ...point, [path]: value }))),
    [{}],
  );
}

/** Words that every file system takes. */
function nameOf(values: Readonly<Record<string, SweepValue>>): string {
  return Object.entries(values)
    .map(([path, value]) => `${flagOf(path).slice(2)}-${typedText(value)}`)
    .join('_')
    .replaceAll(/[^\w.+-]+/g, '-');
}

function unused(name: string, taken: ReadonlySet<string>): string {
  for (let count = 2, candidate = name; ; candidate = `${name}-${count++}`) if (!taken.has(candidate)) return candidate;
}

interface Attempt {
  readonly specification?: DpoSpecification;
  readonly problems: readonly Problem[];
}

function attempt(given: Readonly<Record<string, unknown>>): Attempt {
  let specification: DpoSpecification | undefined;
  const problems = problemsOf(() => (specification = parseDpoSpecification(given)));
  return { ...(specification && { specification }), problems };
}

/** What is wrong with every run is said once; what is wrong with some names them. */
function pointProblems(points: readonly (Attempt & { readonly name: string })[]): Problem[] {
  const byMessage = new Map<string, { readonly problem: Problem; readonly names: string[] }>();
  for (const { name, problems } of points) {
    for (const problem of problems) {
      const known = byMessage.get(problem.message) ?? { problem, names: [] };
      known.names.push(name);
      byMessage.set(problem.message, known);
    }
  }
  return [...byMessage.values()].map(({ problem, names }) => {
    if (names.length === points.length) return problem;
    const others = names.length > 1 ? ` and ${names.length - 1} more` : '';
    return { ...problem, message: `${names[0]}${others}: ${problem.message}` };
  });
}
