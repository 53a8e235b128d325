import { problemsOf, type Problem } from '../core/index.ts';
import { resolveObjective, type CompatibilityMode, type ResolvedObjective } from '../objectives/index.ts';
import { OPTIMIZERS, type OptimizerName, type OptimizerOptions } from '../optim/index.ts';
import {
  flagOf,
  flagProblem,
  idleProblem,
  metaOf,
  parseOptions,
  valuesOf,
  type GivenOptions,
} from '../options/index.ts';
import type { TrlVersion } from '../data/index.ts';
import { trlProblems, trlRulesOf } from './specification-trl.ts';
import { adapterProblems } from './specification-adapter.ts';
import { bestProblems, keptCheckpoints, type KeptCheckpoints } from './specification-best.ts';
import {
  givenOfReferenceUpdate,
  movingReferenceProblems,
  referenceUpdateOf,
  referenceUpdateProblems,
  type ReferenceUpdate,
} from './specification-reference.ts';
import {
  defaultLora,
  LOSS_SHAPE,
  OBJECTIVE_SHAPE,
  REFERENCE_SHAPE,
  SCHEMAS,
  SFT_SHAPE,
  type CommonFields,
  type DpoFields,
  type LoraSpecification,
  type ScoreSpecification,
  type SftFields,
} from './specification-schema.ts';

/**
 * The specification of a run: everything that changes its result, with every default written out. All problems are reported
 * at once, and an option that has no effect in the chosen combination is refused by name.
 */
export type CommonSpecification = Omit<CommonFields, 'lora' | 'learningRate' | 'optimizer' | keyof KeptCheckpoints> &
  KeptCheckpoints & {
    /** Undefined when every weight is trained or an adapter is continued. */
    readonly lora: LoraSpecification | undefined;
    readonly learningRate: number;
    readonly optimizer: { readonly name: OptimizerName; readonly options: OptimizerOptions };
  };

export interface ObjectiveSpecification {
  /** A loss, a preset or a weighted list. */
  readonly name: string;
  /** Options as given, and the beta that the loss has without one. */
  readonly options: Readonly<Record<string, number | string>>;
  readonly compat?: CompatibilityMode;
  /** Whether the rows' own margins and weights are used. */
  readonly margins?: true;
  readonly weights?: true;
  readonly betaSchedule?: { readonly name: 'linear' | 'cosine'; readonly end: number };
}

export type DpoSpecification = CommonSpecification & {
  readonly recipe: 'dpo';
  readonly reference?: string | undefined;
  readonly referenceUpdate?: ReferenceUpdate;
  readonly objective: ObjectiveSpecification;
};

export type SftSpecification = CommonSpecification & {
  readonly recipe: 'sft';
  readonly loss: 'completion' | 'last' | 'all';
  readonly compat?: TrlVersion;
  readonly chosenOfPairs: boolean;
  readonly initialise: boolean;
};

/** Options given that the combination makes idle. */
function idleOptions(given: GivenOptions, parsed: CommonFields): Problem[] {
  const problems: Problem[] = [];
  const loraPaths = Object.keys((given['lora'] ?? {}) as object).map((name) => `lora.${name}`);
  const idleLora = (because: string): void =>
    void problems.push(...loraPaths.map((path) => idleProblem(path, because)));
  if (parsed.method === 'full') {
    idleLora('with --method full');
    if (parsed.adapter !== undefined) problems.push(idleProblem('adapter', 'with --method full'));
  } else if (parsed.adapter !== undefined) idleLora('with --adapter, which continues an adapter as it was configured');
  problems.push(...adapterProblems(parsed), ...baseProblems(parsed));
  if (parsed.heldOut !== undefined && parsed.heldOutFraction > 0)
    problems.push(idleProblem('heldOutFraction', 'with --held-out'));
  if (parsed.heldOut === undefined && parsed.heldOutFraction === 0 && parsed.evaluateSteps !== undefined)
    problems.push(idleProblem('evaluateSteps', 'without --held-out or --held-out-fraction'));
  if (parsed.order === 'sequential' && parsed.lengthBuckets)
    problems.push(idleProblem('lengthBuckets', 'with --order sequential'));
  if (parsed.device !== 'cpu' && parsed.threads !== undefined)
    problems.push(idleProblem('threads', `with --device ${parsed.device}`));
  const uses = OPTIMIZERS[parsed.optimizer.name].uses as readonly string[];
  for (const [name, value] of Object.entries(parsed.optimizer)) {
    if (name === 'name' || value === undefined || uses.includes(name)) continue;
    problems.push(
      idleProblem(
        `optimizer.${name}`,
        `with --optimizer.name ${parsed.optimizer.name}, which takes ${uses.map((use) => flagOf(`optimizer.${use}`)).join(', ')}`,
      ),
    );
  }
  return problems;
}

function baseProblem(message: string): Problem {
  return { path: 'basePrecision', message };
}

/** A base is kept compactly under an adapter alone, and on the CPU alone. */
function baseProblems({ basePrecision, method, device }: CommonFields): Problem[] {
  if (basePrecision === 'float32') return [];
  return [
    ...(method === 'full'
      ? [
          baseProblem(
            `--base-precision must be float32 with --method full, which trains every weight, got ${basePrecision}; train an adapter`,
          ),
        ]
      : []),
    ...(device === 'cpu'
      ? []
      : [
          baseProblem(
            `--base-precision must be float32 with --device ${device}, got ${basePrecision}; compact products are proven on the cpu alone`,
          ),
        ]),
  ];
}

/** The rate where none is given: the field says it. */
function usualRate(recipe: 'dpo' | 'sft', method: CommonFields['method']): number {
  return metaOf(SCHEMAS[recipe].shape.learningRate)!.usuallyBy!.values[method] as number;
}

function resolveCommon(recipe: 'dpo' | 'sft', parsed: CommonFields, changesBeta = false): CommonSpecification {
  const { name, ...given } = parsed.optimizer;
  const options = {
    ...OPTIMIZERS[name].defaults,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  };
  const usesAdapter = parsed.method === 'lora' && parsed.adapter === undefined;
  return {
    ...parsed,
    ...keptCheckpoints(parsed, { name: recipe, changesBeta }),
    lora: usesAdapter ? (parsed.lora ?? defaultLora()) : undefined,
    learningRate: parsed.learningRate ?? usualRate(recipe, parsed.method),
    optimizer: { name, options },
  };
}

/** The objective of a specification, ready to be built into a graph. Throws bad-input as resolveObjective does. */
export function objectiveOf({ name, options, ...rest }: ObjectiveSpecification): ResolvedObjective {
  const { compat, margins, weights } = rest;
  return resolveObjective({
    objective: name,
    options,
    ...(compat && { compat }),
    ...(margins && { margins }),
    ...(weights && { weights }),
  });
}

function objectiveSpecification(fields: DpoFields): ObjectiveSpecification {
  const all = fields as Readonly<Record<string, unknown>>;
  const options = Object.fromEntries(
    Object.keys(LOSS_SHAPE).flatMap((name) => (all[name] === undefined ? [] : [[name, all[name]]])),
  ) as ObjectiveSpecification['options'];
  const { objective: name, compat, margins, weights, betaSchedule, betaEnd } = fields;
  const specification: ObjectiveSpecification = {
    name,
    options,
    ...(compat !== undefined && { compat }),
    ...(margins && { margins }),
    ...(weights && { weights }),
    ...(betaSchedule !== 'constant' && betaEnd !== undefined && { betaSchedule: { name: betaSchedule, end: betaEnd } }),
  };
  const { terms } = objectiveOf(specification);
  const [only] = terms;
  const beta = terms.length === 1 && !only!.ownBeta ? only!.options['beta'] : undefined;
  return beta === undefined ? specification : { ...specification, options: { beta, ...options } };
}

function objectiveProblems(fields: DpoFields): Problem[] {
  let problems: readonly Problem[] = [];
  const thrown = problemsOf(() => {
    problems = combinationProblems(fields, objectiveOf(objectiveSpecification(fields)));
  });
  return [...thrown.map(flagProblem), ...problems];
}

function combinationProblems(fields: DpoFields, objective: ResolvedObjective): Problem[] {
  const problems: Problem[] = [];
  const { reference, adapter, method, betaSchedule, betaEnd } = fields;
  problems.push(
    ...movingReferenceProblems(fields, objective),
    ...trlProblems(trlRulesOf(fields.compat, objective), fields),
  );
  if (!objective.needsReference && reference !== undefined)
    problems.push(idleProblem('reference', `with --objective ${fields.objective}, which has no reference`));
  const isFresh = reference === undefined && adapter === undefined && method === 'lora';
  if (objective.needs.includes('sequentialKl') && !isFresh)
    problems.push({
      path: 'objective',
      message: `--objective ${fields.objective} compares whole distributions with the reference, which must be the model under a new adapter; leave out --reference, --adapter and --method full`,
    });
  if (betaSchedule === 'constant' && betaEnd !== undefined)
    problems.push(idleProblem('betaEnd', 'with --beta-schedule constant'));
  if (betaSchedule !== 'constant') {
    if (betaEnd === undefined)
      problems.push({ path: 'betaEnd', message: `--beta-end is required with --beta-schedule ${betaSchedule}` });
    if (!objective.terms.some(({ options, ownBeta }) => !ownBeta && options['beta'] !== undefined))
      problems.push(idleProblem('betaSchedule', `with --objective ${fields.objective}, no term of which takes beta`));
  }
  return problems;
}

/** What the combination of the options of dpo rules out. `given` has no defaults. */
export function dpoProblems(fields: DpoFields, given: GivenOptions): Problem[] {
  return [
    ...idleOptions(given, fields),
    ...bestProblems(fields, given, {
      name: 'dpo',
      changesBeta: fields.betaSchedule !== 'constant',
      hasStages: fields.referenceUpdate === 'stepwise',
    }),
    ...referenceUpdateProblems(fields),
    ...objectiveProblems(fields),
  ];
}

/** The specification that options of dpo without problems give. */
export function dpoSpecificationOf(fields: DpoFields): DpoSpecification {
  const { reference } = fields;
  const referenceUpdate = referenceUpdateOf(fields);
  const apart = { ...REFERENCE_SHAPE, ...OBJECTIVE_SHAPE, ...LOSS_SHAPE };
  const common = Object.entries(valuesOf(fields, SCHEMAS.dpo.shape)).filter(([name]) => !Object.hasOwn(apart, name));
  return {
    ...resolveCommon('dpo', Object.fromEntries(common) as unknown as CommonFields, fields.betaSchedule !== 'constant'),
    recipe: 'dpo',
    reference,
    ...(referenceUpdate && { referenceUpdate }),
    objective: objectiveSpecification(fields),
  };
}

/**
 * The specification of `preftune dpo`. Throws bad-input with all problems.
 *
 * @example
 * ```ts run
 * import { parseDpoSpecification, PreftuneError } from 'preftune';
 *
 * const { output, batchSize } = parseDpoSpecification({ model: 'model.gguf', data: 'pairs.jsonl', output: 'run' });
 * console.log(output, batchSize); // run 8
 * try {
 *   parseDpoSpecification({ model: 'model.gguf', data: 'pairs.jsonl', output: 'run', beta: -1, batchSize: 0 });
 * } catch (error) {
 *   if (error instanceof PreftuneError) console.log(error.problems.map(({ path }) => path)); // [ 'batchSize', 'beta' ]
 * }
 * ```
 */
export function parseDpoSpecification(given: GivenOptions): DpoSpecification {
  return dpoSpecificationOf(parseOptions(SCHEMAS.dpo, given, dpoProblems));
}

/** What the combination of the options of sft rules out. `given` has no defaults. */
export function sftProblems(fields: SftFields, given: GivenOptions): Problem[] {
  const { compat } = fields;
  const rules = compat && ({ version: compat, trainer: 'sft' } as const);
  const problems = [
    ...idleOptions(given, fields),
    ...bestProblems(fields, given, { name: 'sft' }),
    ...trlProblems(rules, fields),
  ];
  if (compat !== undefined && fields.loss === 'last')
    problems.push({
      path: 'loss',
      message: `--loss last has no effect with --compat ${compat}, which scores all of a conversation; leave one of them out`,
    });
  if (fields.initialise && fields.method !== 'full')
    problems.push({
      path: 'initialise',
      message: '--initialise starts from random weights, which must all be trained; add --method full',
    });
  return problems;
}

/** The specification that options of sft without problems give. */
export function sftSpecificationOf(fields: SftFields): SftSpecification {
  const { loss, compat, initialise, chosenOfPairs } = fields;
  const common = Object.entries(valuesOf(fields, SCHEMAS.sft.shape)).filter(
    ([name]) => !Object.hasOwn(SFT_SHAPE, name),
  );
  const resolved = resolveCommon('sft', Object.fromEntries(common) as unknown as CommonFields);
  return { ...resolved, recipe: 'sft', loss, ...(compat && { compat }), chosenOfPairs, initialise };
}

/**
 * The specification of `preftune sft`. Throws bad-input with all problems.
 *
 * @example
 * ```ts run
 * import { parseSftSpecification } from 'preftune';
 *
 * const specification = parseSftSpecification({ model: 'model.gguf', data: 'answers.jsonl', output: 'run', epochs: 3 });
 * console.log(specification.recipe, specification.epochs); // sft 3
 * ```
 */
export function parseSftSpecification(given: GivenOptions): SftSpecification {
  return sftSpecificationOf(parseOptions(SCHEMAS.sft, given, sftProblems));
}

/** What the combination of the options of score rules out. `given` has no defaults; `isAdapted`: the name of the model says an adapter, as RUN does. */
export function scoreProblems(fields: ScoreSpecification, given: GivenOptions, isAdapted = false): Problem[] {
  const problems: Problem[] = [];
  if (fields.referenceFree !== undefined && fields.reference !== undefined)
    problems.push(idleProblem('referenceFree', 'with --reference'));
  const hasReference = fields.reference !== undefined || fields.adapter !== undefined || isAdapted;
  const { objective, beta } = fields;
  // One that there is not may be without a reference: it is told once.
  let isFree = objective !== undefined;
  if (objective !== undefined)
    for (const problem of problemsOf(() => {
      isFree = !resolveObjective({ objective, ...(beta !== undefined && { options: { beta } }) }).needsReference;
    }))
      problems.push(flagProblem(problem));
  for (const name of ['objective', 'beta'] as const) {
    if (given[name] === undefined) continue;
    if (fields.referenceFree !== undefined)
      problems.push(idleProblem(name, 'with --reference-free, where there are no rewards'));
    else if (!hasReference && !isFree)
      problems.push(idleProblem(name, 'without --reference or --adapter, which rewards are measured by'));
  }
  if (fields.device !== 'cpu' && fields.threads !== undefined)
    problems.push(idleProblem('threads', `with --device ${fields.device}`));
  return problems;
}

/** The specification that options of score without problems give. */
export function scoreSpecificationOf(fields: ScoreSpecification): ScoreSpecification {
  return valuesOf(fields, SCHEMAS.score.shape) as ScoreSpecification;
}

/**
 * The specification of `preftune score`. Throws bad-input with all problems.
 *
 * @example
 * ```ts run
 * import { parseScoreSpecification } from 'preftune';
 *
 * const given = { model: 'model.gguf', adapter: 'run/adapter', data: 'pairs.jsonl', beta: 0.2 };
 * console.log(parseScoreSpecification(given).beta); // 0.2
 * ```
 */
export function parseScoreSpecification(given: GivenOptions): ScoreSpecification {
  return parseOptions(SCHEMAS.score, given, scoreProblems);
}

/** The options that give this specification: the inverse of parsing, as run.json has it. */
export function givenOf(specification: GivenOptions): Record<string, unknown> {
  const { recipe: _recipe, objective, optimizer, referenceUpdate, ...rest } = specification;
  const { name, options } = optimizer as CommonSpecification['optimizer'];
  const uses = OPTIMIZERS[name].uses;
  const loss = objective as DpoSpecification['objective'] | undefined;
  return {
    ...rest,
    optimizer: { name, ...Object.fromEntries(uses.map((option) => [option, options[option]])) },
    ...(loss === undefined ? {} : givenOfObjective(loss)),
    ...givenOfReferenceUpdate(referenceUpdate as ReferenceUpdate | undefined),
  };
}

function givenOfObjective({ name, options, betaSchedule, ...rest }: ObjectiveSpecification): Record<string, unknown> {
  const schedule = betaSchedule && { betaSchedule: betaSchedule.name, betaEnd: betaSchedule.end };
  return { objective: name, ...options, ...rest, ...schedule };
}
