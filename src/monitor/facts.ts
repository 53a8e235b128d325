import { PreftuneError, type JsonObject } from '../core/index.ts';
import type { ResolvedObjective } from '../objectives/index.ts';
import { objectiveOf, type ObjectiveSpecification } from '../specification/index.ts';
import type { ObjectiveFacts, RunFacts, RunSettings } from './finding.ts';

/** Losses that are -log sigma(0) where policy and reference are the same, whatever the rows. */
const LN2_LOSSES: ReadonlySet<string> = new Set([
  'sigmoid',
  'robust',
  'sigmoid_norm',
  'ld_dpo',
  'dpop',
  'tdpo1',
  'tdpo2',
  'chi_po',
  'aot',
  'aot_unpaired',
]);

/** What a specification, as run.json holds it, says about its metrics. */
export function factsOf(specification: JsonObject, totalSteps?: number): RunFacts {
  const { recipe } = specification;
  const objective = recipe === 'dpo' ? resolved(specification['objective']) : undefined;
  return {
    recipe: recipe === 'sft' || recipe === 'dpo' ? recipe : undefined,
    beta: objective && hasBeta(objective) ? objective.reward.beta : undefined,
    firstLoss: objective && firstLossOf(objective),
    totalSteps,
    objective: objective && objectiveFacts(objective),
    settings: settingsOf(specification),
  };
}

/** Undefined for an objective of another version, which this one does not know. */
function resolved(value: JsonObject[string] | undefined): ResolvedObjective | undefined {
  const given = { options: {}, ...(value as Partial<ObjectiveSpecification> | undefined) };
  try {
    return objectiveOf(given as ObjectiveSpecification);
  } catch (thrown) {
    if (thrown instanceof PreftuneError || thrown instanceof TypeError) return undefined;
    throw thrown;
  }
}

function hasBeta({ terms }: ResolvedObjective): boolean {
  return terms.some(({ options }) => options['beta'] !== undefined);
}

function firstLossOf({ terms, margins, weights }: ResolvedObjective): number | undefined {
  const [only] = terms;
  const { weighting, ldAlpha = 1, ldSides } = only!.options;
  const isPlain = terms.length === 1 && only!.weight === 1 && !margins && !weights && weighting !== 'wpo';
  const startsAtReference = ldAlpha === 1 || ldSides === 'both';
  return isPlain && startsAtReference && LN2_LOSSES.has(only!.loss.name) ? Math.LN2 : undefined;
}

function objectiveFacts(objective: ResolvedObjective): ObjectiveFacts {
  const { terms, kind, needsReference, reward, imitates } = objective;
  const options = terms.map((term) => term.options);
  const smoothing = options.flatMap(({ labelSmoothing }) => (labelSmoothing === undefined ? [] : [labelSmoothing]));
  return {
    losses: terms.map(({ loss }) => loss.name),
    kind,
    needsReference,
    imitates,
    reward: reward.form,
    startsAtReference: reward.lengths?.ldSides !== 'policy',
    lowersChosen: terms.some(({ loss }) => loss.lowersChosen),
    risesAtStart: terms.some(({ loss }) => loss.risesAtStart),
    dividesByLength: terms.some(({ loss, options: own }) => loss.dividesByLength(own)),
    takesOutLength: options.some(({ ldAlpha = 1 }) => ldAlpha !== 1),
    canSmooth: smoothing.length > 0 && smoothing.every((value) => value === 0),
  };
}

function settingsOf({ lora, adapter, method, ...rest }: JsonObject): RunSettings {
  const number = (name: string): number | undefined => {
    const value = rest[name];
    return typeof value === 'number' ? value : undefined;
  };
  return {
    method:
      method === 'full'
        ? 'full'
        : method === 'lora' || lora !== undefined || adapter !== undefined
          ? 'lora'
          : undefined,
    epochs: number('epochs'),
    warmupRatio: number('warmupRatio'),
    maxGradientNorm: number('maxGradientNorm'),
  };
}
