import { ROW_KINDS } from '../data/index.ts';
import type { Term } from './term.ts';
import { badInput, type Problem } from '../core/index.ts';
import { COMPATIBILITY_MODES, type CompatibilityMode } from './compatibility.ts';
import type { Coupling, Loss, LossKind } from './definition.ts';
import { composeLoss, type ComposedLoss } from './compose.ts';
import { parseObjective, type TermText } from './parse-objective.ts';
import { LOSSES } from './registry.ts';
import { fillOptions, idleOption, isCompatibilityTopic, lackOf, optionsUnder } from './resolve-options.ts';
import type { ObjectiveReward } from './reward.ts';
import type { LengthDesensitising } from './scores.ts';
import type { StatisticName } from './statistics.ts';

/** What a user asks for. */
export interface ObjectiveRequest {
  /** `sigmoid`, a preset, or a weighted list as parseObjective reads it. */
  readonly objective: string;
  /** Options of all terms that take them. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly compat?: CompatibilityMode;
  /** Whether the rows have margins, and weights. */
  readonly margins?: boolean;
  readonly weights?: boolean;
}

interface ResolvedFacts {
  /** Losses, weights and the options that differ from defaults, as parseObjective reads them. */
  readonly text: string;
  readonly terms: readonly Term[];
  readonly needsReference: boolean;
  readonly coupling: Coupling;
  readonly needs: readonly StatisticName[];
  readonly margins: boolean;
  readonly weights: boolean;
  /** First values of the running values, by `<loss>/<name>`. */
  readonly state: Readonly<Record<string, number>>;
  /** The implicit reward in metrics: that of the first term with a reference; without one, of the first that has a beta. */
  readonly reward: ObjectiveReward;
  /** A term makes the chosen answers likely by themselves. */
  readonly imitates: boolean;
}

/** An objective ready to be built into a graph. `kind` decides what statistics it takes. */
export type ResolvedObjective = {
  readonly [K in LossKind]: ResolvedFacts & { readonly kind: K; readonly loss: ComposedLoss<K> };
}[LossKind];

interface Resolution {
  readonly compat: CompatibilityMode | undefined;
  readonly shared: Readonly<Record<string, unknown>>;
  readonly problems: Problem[];
  /** Shared options that changed something in a term. */
  readonly effective: Set<string>;
  /** What shared options lacked. */
  readonly lacks: Map<string, string>;
}

function given(values: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(values).filter(([, value]) => value !== undefined);
}

function resolveTerm(term: TermText, { compat, shared, problems, effective, lacks }: Resolution): Term {
  const loss: Loss = LOSSES[term.name];
  const { specs, fixed } = optionsUnder(loss, compat);
  const isTaken = ([name]: readonly [string, unknown]): boolean => Object.hasOwn(specs, name);
  const subject = `objective ${term.name}${compat === undefined ? '' : ` under compat ${compat}`}`;
  for (const entry of given(term.options))
    if (!isTaken(entry)) problems.push(idleOption(entry[0], subject, Object.keys(specs)));
  const inherited = given(shared).filter((entry) => isTaken(entry) && !Object.hasOwn(term.options, entry[0]));
  const options = fillOptions(specs, { ...Object.fromEntries(inherited), ...term.options }, problems);
  for (const [name] of inherited) {
    const lack = lackOf(specs[name]!, options);
    if (lack === undefined) effective.add(name);
    else lacks.set(name, lack);
  }
  for (const [name] of given(term.options).filter(isTaken)) {
    const lack = lackOf(specs[name]!, options);
    if (lack !== undefined) problems.push(lackProblem(name, `of ${term.name}`, lack));
  }
  const values = { ...fixed, ...options };
  return { loss, weight: term.weight, options: values, ownBeta: Object.hasOwn(term.options, 'beta') };
}

function lackProblem(path: string, where: string, lack: string): Problem {
  return { path, message: `${path}: ${where} has an effect only with ${lack}; set that or remove it` };
}

/** Problems of shared options that reach no term. */
function sharedProblems(text: string, terms: readonly TermText[], resolution: Resolution): Problem[] {
  const { compat, shared, effective, lacks } = resolution;
  const taken = new Set(terms.flatMap(({ name }) => Object.keys(optionsUnder(LOSSES[name], compat).specs)));
  return given(shared).flatMap(([path]) => {
    if (effective.has(path)) return [];
    if (!taken.has(path))
      return [
        idleOption(path, `objective ${text}${compat === undefined ? '' : ` under compat ${compat}`}`, [...taken]),
      ];
    const lack = lacks.get(path);
    if (lack !== undefined) return [lackProblem(path, `objective ${text}`, lack)];
    return [{ path, message: `${path}: has no effect, as every term of ${text} that takes it has its own; remove it` }];
  });
}

function combinationProblems(text: string, terms: readonly Term[], request: ObjectiveRequest): Problem[] {
  const problems: Problem[] = [];
  const { compat } = request;
  const kinds = new Set(terms.map(({ loss }) => loss.kind));
  if (kinds.size > 1) {
    const told = terms.map(({ loss }) => `${loss.name} (${ROW_KINDS[loss.kind].many})`).join(', ');
    problems.push({
      path: 'objective',
      message: `objective: all terms must take the same kind of rows, got ${told}; train on one kind`,
    });
  }
  // In TRL's modes the tokens of pairs and of single answers differ, whatever the loss.
  const hasTokens = compat !== 'original' && !kinds.has('ranking');
  if (compat !== undefined && !hasTokens && !terms.some(({ loss }) => isCompatibilityTopic(loss, compat)))
    problems.push({
      path: 'compat',
      message: `compat: has no effect with objective ${text}, which has one version; remove it`,
    });
  if (request.margins === true && !terms.some(({ loss }) => loss.takesMargins))
    problems.push({
      path: 'margins',
      message: `margins: have no effect with objective ${text}, which does not compare a scaled reward difference; drop the column`,
    });
  const unweighted = terms.filter(({ loss }) => !loss.takesWeights);
  const weighted = request.weights === true && unweighted.length > 0;
  if (weighted)
    problems.push({
      path: 'weights',
      message: `weights: must not be given with ${unweighted.map(({ loss }) => loss.name).join(', ')}, whose losses belong to no single row; drop the column`,
    });
  return problems;
}

/** The objective in canonical form: what reads back to the same terms, without shared options or a mode. */
function printTerms(terms: readonly Term[]): string {
  return terms
    .map(({ loss, weight, options }) => {
      const changed = Object.entries(options).filter(([name, value]) => {
        const spec = loss.options[name]!;
        return value !== spec.default && lackOf(spec, options) === undefined;
      });
      const bracket = changed.length === 0 ? '' : `(${changed.map(([name, value]) => `${name}=${value}`).join(',')})`;
      return `${loss.name}${bracket}${weight === 1 ? '' : `:${weight}`}`;
    })
    .join(',');
}

/** Statistics that the common options ask for, and those of the loss itself. */
function needsOf({ loss, options }: Term): readonly StatisticName[] {
  const shared: StatisticName[] = [];
  if (options['ldAlpha'] !== undefined && options['ldAlpha'] !== 1) {
    shared.push('sharedLogps');
    if (options['ldSides'] === 'both') shared.push('sharedReferenceLogps');
  }
  if (options['weighting'] === 'wpo') shared.push('logCollision');
  return [...shared, ...loss.needs(options)];
}

function hasBeta({ options }: Term): boolean {
  return typeof options['beta'] === 'number';
}

/** Which term gives the reward: one that compares answers, and with a reference where there is one. */
function rewardTerm(terms: readonly Term[]): Term {
  return terms.find((term) => term.loss.needsReference && hasBeta(term)) ?? terms.find(hasBeta) ?? terms[0]!;
}

/** Rewards are of what the loss sees; logps/* are so under TRL's modes alone, where one ldAlpha holds for losses and metrics. */
function rewardOf(terms: readonly Term[], { compat }: ObjectiveRequest): ObjectiveReward {
  const { loss, options, ownBeta } = rewardTerm(terms);
  const { beta, ldAlpha, ldSides } = options;
  const isWeighed = ldAlpha !== undefined && ldAlpha !== 1;
  return {
    form: loss.reward,
    beta: typeof beta === 'number' ? beta : 1,
    hasOwnBeta: ownBeta,
    ...(isWeighed && { lengths: { ldAlpha, ldSides } as LengthDesensitising }),
    weighsLogps: isWeighed && compat !== undefined && compat !== 'original',
  };
}

function factsOf(terms: readonly Term[], request: ObjectiveRequest): ResolvedFacts {
  return {
    text: printTerms(terms),
    terms,
    needsReference: terms.some(({ loss }) => loss.needsReference),
    coupling: terms.some(({ loss, options }) => loss.coupling(options) === 'batch') ? 'batch' : 'rows',
    needs: [...new Set(terms.flatMap(needsOf))],
    margins: request.margins === true,
    weights: request.weights === true,
    state: Object.fromEntries(
      terms.flatMap(({ loss, options }) =>
        Object.entries(loss.state(options)).map(([name, value]) => [`${loss.name}/${name}`, value]),
      ),
    ),
    reward: rewardOf(terms, request),
    imitates: terms.some(({ loss, options }) => loss.imitates(options)),
  };
}

/**
 * An objective from what a user asks for. Throws bad-input with every problem: what parseObjective refuses, options that no term takes or
 * that lack another option to have an effect, values out of range, terms of different kinds, a compatibility mode, margins or
 * weights that change nothing.
 *
 * @example
 * ```ts run
 * import { resolveObjective } from 'preftune';
 *
 * const objective = resolveObjective({ objective: 'sigmoid', options: { beta: 0.2 } });
 * console.log(objective.text, objective.kind, objective.needsReference); // sigmoid(beta=0.2) pair true
 * ```
 */
export function resolveObjective(request: ObjectiveRequest): ResolvedObjective {
  const { compat } = request;
  if (compat !== undefined && !COMPATIBILITY_MODES.includes(compat))
    throw badInput({
      path: 'compat',
      message: `compat: must be one of ${COMPATIBILITY_MODES.join(', ')}, got ${JSON.stringify(compat)}`,
    });
  const texts = parseObjective(request.objective);
  const resolution: Resolution = {
    compat,
    shared: request.options ?? {},
    problems: [],
    effective: new Set(),
    lacks: new Map(),
  };
  const terms = texts.map((text) => resolveTerm(text, resolution));
  const name = texts.map((text) => text.name).join(',');
  const problems = [
    ...sharedProblems(name, texts, resolution),
    ...resolution.problems,
    ...combinationProblems(name, terms, request),
  ];
  // A value out of range is found once for each term that takes it.
  const messages = new Set<string>();
  const distinct = problems.filter(({ message }) => !messages.has(message) && messages.add(message));
  if (distinct.length > 0) throw badInput(distinct);
  const facts = factsOf(terms, request);
  return { ...facts, kind: terms[0]!.loss.kind, loss: composeLoss(terms) } as ResolvedObjective;
}
