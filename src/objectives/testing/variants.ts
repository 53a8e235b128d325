import type { Loss, LossOptions } from '../definition.ts';
import { LOSSES, type LossName } from '../registry.ts';
import { resolveObjective, type ObjectiveRequest, type ResolvedObjective } from '../resolve.ts';

/** Sets of options that reach every branch of an option. */
const BRANCHES: Readonly<Record<string, readonly LossOptions[]>> = {
  fDivergence: [
    { fDivergence: 'forward_kl' },
    { fDivergence: 'js_divergence' },
    { fDivergence: 'alpha_divergence', fAlpha: 0.5 },
    { fDivergence: 'alpha_divergence', fAlpha: 3, fAlphaForm: 'trl' },
  ],
  fOffset: [
    { fDivergence: 'js_divergence', fOffset: 'trl' },
    { fDivergence: 'forward_kl', fOffset: 'trl' },
  ],
  ldAlpha: [{ ldAlpha: 0.25 }, { ldAlpha: 0.25, ldSides: 'policy' }],
  weighting: [{ weighting: 'wpo' }, { weighting: 'wpo', wpoClamp: 'none' }],
  labelSmoothing: [{ labelSmoothing: 0.2 }],
  betaFilter: [{ betaFilter: 0 }],
  maxReward: [{ maxReward: 1 }],
  cpoAlpha: [{ cpoAlpha: 0 }],
  dpopLambda: [{ dpopLambda: 2 }],
  desirableWeight: [{ desirableWeight: 1.33, undesirableWeight: 0.5 }],
};

function branchesOf({ options }: Loss): LossOptions[] {
  const own = Object.entries(options).flatMap(([name, spec]) => {
    if (BRANCHES[name] !== undefined) return BRANCHES[name];
    const hasCondition = spec.effective !== undefined;
    return 'choices' in spec && !hasCondition ? spec.choices.map((choice) => ({ [name]: choice })) : [];
  });
  return [{}, ...own];
}

/** Every loss with every branch of its options, at one beta. */
export function variantsOf(name: LossName, beta: number): { label: string; request: ObjectiveRequest }[] {
  const loss: Loss = LOSSES[name];
  const shared = loss.options['beta'] === undefined ? {} : { beta };
  const requests = branchesOf(loss).map((branch): ObjectiveRequest => ({
    objective: name,
    options: { ...shared, ...branch },
  }));
  const margins = loss.takesMargins ? [{ objective: name, options: shared, margins: true }] : [];
  return [...requests, ...margins].map((request) => ({
    label: `${name} ${JSON.stringify(request.options)}${request.margins === true ? ' margins' : ''}`,
    request,
  }));
}

export type Variant = { readonly label: string; readonly objective: ResolvedObjective };

/** All losses of a kind. */
export function allVariants(kind: Loss['kind'], beta: number): Variant[] {
  return (Object.keys(LOSSES) as LossName[])
    .filter((name) => LOSSES[name].kind === kind)
    .flatMap((name) => variantsOf(name, beta))
    .map(({ label, request }) => ({ label, objective: resolveObjective(request) }));
}
