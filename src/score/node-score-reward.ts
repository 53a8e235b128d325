import { isObject, PreftuneError } from '../core/index.ts';
import { resolveObjective, type RewardForm } from '../objectives/index.ts';
import { parseModelAndAdapter, runOfAdapter } from '../policy/index.ts';
import { objectiveOf, type ObjectiveSpecification, type ScoreSpecification } from '../specification/index.ts';
import { readRunFile } from '../store/index.ts';

/** Whose rewards are shown: those of an objective, as training measures them. */
export interface ScoreReward {
  /** `simpo`, as docs/objectives.md has it. */
  readonly objective: string;
  readonly form: RewardForm;
  readonly beta: number;
  readonly needsReference: boolean;
  /** What a user should know of them. */
  readonly note?: string;
}

/**
 * The rewards of --objective, else of the run that is scored, else of DPO; beta is --beta, else the objective's own. Rewards that take more of an answer than the sum of its
 * log-probabilities are DPO's, with a note. Throws bad-input for an objective that there is not.
 */
export function scoreReward({ model, adapter, objective, beta }: ScoreSpecification): ScoreReward {
  const own = objective === undefined ? objectiveOfRun({ model, adapter }) : undefined;
  const resolved =
    own === undefined
      ? resolveObjective({ objective: objective ?? 'sigmoid', ...(beta !== undefined && { options: { beta } }) })
      : objectiveOf(own);
  const { reward, needsReference } = resolved;
  const name = own?.name ?? objective ?? 'sigmoid';
  // A run whose beta changed ended with the last one.
  const ownBeta = (!reward.hasOwnBeta && own?.betaSchedule?.end) || reward.beta;
  const shown = { objective: name, form: reward.form, beta: beta ?? ownBeta, needsReference };
  const lacks = reward.form === 'sequential-kl' ? 'a divergence of every token' : reward.lengths && 'weights of tokens';
  if (lacks === undefined) return shown;
  const note = `rewards of ${name} need ${lacks}, which score does not compute; beta x (log-probability - the reference's) is shown`;
  return { ...shown, form: 'answer', note };
}

/** What a run was trained with, where the model or its adapter is one's; undefined for what training said nothing of, and for sft. */
function objectiveOfRun(named: Pick<ScoreSpecification, 'model' | 'adapter'>): ObjectiveSpecification | undefined {
  const { run, adapter } = parseModelAndAdapter(named);
  const folder = run ?? (adapter && runOfAdapter(adapter));
  if (folder === undefined) return undefined;
  try {
    const { objective } = readRunFile(folder).specification;
    return isObject(objective) ? (objective as unknown as ObjectiveSpecification) : undefined;
  } catch (error) {
    if (error instanceof PreftuneError) return undefined;
    throw error;
  }
}
