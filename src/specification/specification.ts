import type { z } from 'zod';
import { badInput, PreftuneError, type Problem } from '../core/index.ts';
import { resolveObjective, type CompatibilityMode, type ResolvedObjective } from '../objectives/index.ts';
import { OPTIMIZERS, type OptimizerName, type OptimizerOptions } from '../optim/index.ts';
import { adapterProblems } from './specification-adapter.ts';
import { flagOf, idleProblem, schemaProblems } from './specification-problems.ts';
import {
  givenOfReferenceUpdate,
  movingReferenceProblems,
  REFERENCE_FIELDS,
  referenceUpdateOf,
  referenceUpdateProblems,
  type ReferenceUpdate,
} from './specification-reference.ts';
import {
  defaultLora,
  LOSS_FIELDS,
  SCHEMAS,
  type CommonFields,
  type DpoFields,
  type LoraSpecification,
  type RecipeName,
  type ScoreSpecification,
  type SftFields,
} from './specification-schema.ts';

export type { LoraSpecification, RecipeName, ScoreSpecification } from './specification-schema.ts';

/**
 * The specification of a run: everything that changes its result, with every default written out. All problems are reported
 * at once, and an option that has no effect in the chosen combination is refused by name.
 */
export type CommonSpecification = Omit<CommonFields, 'lora' | 'learningRate' | 'optimizer'> & {
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
  readonly loss: 'completion' | 'all';
  readonly chosenOfPairs: boolean;
  readonly initialise: boolean;
};

type Given = Readonly<Record<string, unknown>>;

/** Learning rates where none is given: TRL's for full DPO, the usual tenfold and more for adapters. */
const LEARNING_RATES = { dpo: { lora: 5e-5, full: 1e-6 }, sft: { lora: 2e-4, full: 2e-5 } } as const;

/** Options given that the combination makes idle. */
function idleOptions(given: Given, parsed: CommonFields): Problem[] {
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

function resolveCommon(recipe: 'dpo' | 'sft', parsed: CommonFields): CommonSpecification {
  const { name, ...given } = parsed.optimizer;
  const options = {
    ...OPTIMIZERS[name].defaults,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  };
  const usesAdapter = parsed.method === 'lora' && parsed.adapter === undefined;
  return {
    ...parsed,
    lora: usesAdapter ? (parsed.lora ?? defaultLora()) : undefined,
    learningRate: parsed.learningRate ?? LEARNING_RATES[recipe][parsed.method],
    optimizer: { name, options },
  };
}

/** What must be given stands in for itself, and what is wrong is left out, so that the rest can be checked all the same. */
const PLACEHOLDERS = { model: '-', data: '-', output: '-' };

/** The fields of a schema, or every problem: the schema's, and those that `check` finds in what the schema accepts. */
function parse<T>(recipe: RecipeName, given: Given, check: (fields: T) => Problem[]): T {
  const schema = SCHEMAS[recipe];
  const options = { reportInput: true };
  const result = schema.safeParse(given, options);
  if (result.success) {
    const problems = check(result.data as T);
    if (problems.length > 0) throw badInput(problems);
    return result.data as T;
  }
  const fields = schema.shape as Readonly<Record<string, z.ZodType>>;
  const problems = schemaProblems(result.error, (path) => fields[path]?.description);
  const wrong = new Set(result.error.issues.map((issue) => issue.path[0]));
  const known = Object.entries(given).filter(([name]) => !wrong.has(name) && Object.hasOwn(schema.shape, name));
  const rest = schema.safeParse({ ...PLACEHOLDERS, ...Object.fromEntries(known) });
  if (rest.success) problems.push(...check(rest.data as T));
  throw badInput(problems);
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
  const given = Object.entries(fields as Readonly<Record<string, unknown>>);
  const options = Object.fromEntries(
    given.filter(([name, value]) => Object.hasOwn(LOSS_FIELDS, name) && value !== undefined),
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
  try {
    const specification = objectiveSpecification(fields);
    return combinationProblems(fields, objectiveOf(specification));
  } catch (thrown) {
    if (!(thrown instanceof PreftuneError)) throw thrown;
    return thrown.problems.map((problem) => ({
      ...problem,
      message: problem.message.replace(/^(\w+):/, (_whole, name: string) => flagOf(name)),
    }));
  }
}

function combinationProblems(fields: DpoFields, objective: ResolvedObjective): Problem[] {
  const problems: Problem[] = [];
  const { reference, adapter, method, betaSchedule, betaEnd } = fields;
  problems.push(...movingReferenceProblems(fields, objective));
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

/** The specification of `preftune dpo`. Throws bad-input with all problems. */
export function parseDpoSpecification(given: Given): DpoSpecification {
  const parsed = parse<DpoFields>('dpo', given, (fields) => [
    ...idleOptions(given, fields),
    ...referenceUpdateProblems(fields),
    ...objectiveProblems(fields),
  ]);
  const { reference } = parsed;
  const referenceUpdate = referenceUpdateOf(parsed);
  const rest = Object.fromEntries(
    Object.entries(parsed).filter(([name]) => !isOfReference(name) && !isOfObjective(name)),
  ) as unknown as CommonFields;
  return {
    ...resolveCommon('dpo', rest),
    recipe: 'dpo',
    reference,
    ...(referenceUpdate && { referenceUpdate }),
    objective: objectiveSpecification(parsed),
  };
}

function isOfReference(name: string): boolean {
  return name === 'reference' || (REFERENCE_FIELDS as readonly string[]).includes(name);
}

function isOfObjective(name: string): boolean {
  return Object.hasOwn(LOSS_FIELDS, name) || OBJECTIVE_FIELDS.has(name);
}

const OBJECTIVE_FIELDS: ReadonlySet<string> = new Set([
  'objective',
  'compat',
  'margins',
  'weights',
  'betaSchedule',
  'betaEnd',
]);

/** The specification of `preftune sft`. Throws bad-input with all problems. */
export function parseSftSpecification(given: Given): SftSpecification {
  const parsed = parse<SftFields>('sft', given, (fields) => {
    const problems = idleOptions(given, fields);
    if (fields.initialise && fields.method !== 'full')
      problems.push({
        path: 'initialise',
        message: '--initialise starts from random weights, which must all be trained; add --method full',
      });
    return problems;
  });
  const { loss, initialise, chosenOfPairs, ...rest } = parsed;
  return { ...resolveCommon('sft', rest), recipe: 'sft', loss, chosenOfPairs, initialise };
}

/** The specification of `preftune score`. Throws bad-input with all problems. */
export function parseScoreSpecification(given: Given): ScoreSpecification {
  return parse<ScoreSpecification>('score', given, (fields) => {
    const problems: Problem[] = [];
    if (fields.referenceFree !== undefined && fields.reference !== undefined)
      problems.push(idleProblem('referenceFree', 'with --reference'));
    if (given['beta'] !== undefined && fields.referenceFree !== undefined)
      problems.push(idleProblem('beta', 'with --reference-free, where there are no rewards'));
    else if (given['beta'] !== undefined && fields.reference === undefined && fields.adapter === undefined)
      problems.push(idleProblem('beta', 'without --reference or --adapter, which rewards are measured by'));
    if (fields.device !== 'cpu' && fields.threads !== undefined)
      problems.push(idleProblem('threads', `with --device ${fields.device}`));
    return problems;
  });
}

/** The options that give this specification: the inverse of parsing, as run.json has it. */
export function givenOf(specification: Given): Record<string, unknown> {
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
