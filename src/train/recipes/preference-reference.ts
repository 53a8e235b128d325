import type { JsonValue } from '../../core/index.ts';
import { rowsOf, type RowSet } from '../../data/index.ts';
import type { ResolvedObjective } from '../../objectives/index.ts';
import { referenceStatistics, type OpenedModel, type RunInputs } from '../../policy/index.ts';
import {
  compileScores,
  isReferenceStored,
  referenceLogps,
  referenceOfModel,
  type Reference,
  type ReferenceIdentity,
  type ReferenceStore,
  type ReferenceValues,
  type ScoredRows,
} from '../../score/index.ts';
import { totalStepsOf, type DpoSpecification } from '../../specification/index.ts';
import type { RecipeContext } from '../context.ts';
import { firstEpochBatches, firstEpochMicroBatches } from '../loop/epochs.ts';
import { evaluationMicroBatches } from '../loop/evaluation.ts';
import type { Session } from '../session.ts';
import type { PlannedPreferences } from './preference-data.ts';
import type { TokenizedPreference } from './preference-rows.ts';
import { evaluationUnit, type PreferenceReference } from './preference-task.ts';

/** For what a reference is computed. */
export interface ReferenceWork {
  readonly specification: DpoSpecification;
  readonly objective: ResolvedObjective;
  readonly data: PlannedPreferences;
  readonly store: ReferenceStore;
  readonly context: Pick<RecipeContext, 'listener' | 'signal'>;
}

/** The model of --reference, where it must be loaded because log-probabilities of it are not stored. A run of few steps needs those of few rows. */
export async function lackingReference(
  { reference }: RunInputs,
  { specification, objective, data, store }: ReferenceWork,
): Promise<OpenedModel | undefined> {
  if (reference === undefined || !objective.needsReference) return undefined;
  const other = { fingerprint: await reference.files.checkpoint.fingerprint(), precision: 'float32' };
  const { train, heldOut, stages, preferences } = data;
  const { width } = preferences;
  const trained = firstEpochBatches(rowsOf(train), specification, totalStepsOf(stages)).flat();
  const wanted = [{ set: train, rows: trained }];
  if (heldOut !== undefined)
    wanted.push({ set: heldOut, rows: Array.from({ length: heldOut.count }, (_, row) => row) });
  for (const { set, rows } of wanted)
    if (!(await isReferenceStored(identityOf(other, set, objective), store, { count: set.count, width, rows })))
      return reference;
  return undefined;
}

/** What the reference says of the rows, computed or taken from the store, and what run.json says of it. */
export interface ComputedReference {
  readonly values: PreferenceReference;
  /** null where the objective has no reference. */
  readonly identity: JsonValue;
}

/**
 * The log-probabilities of the rows under the reference. Rows are cut as the policy will see them: where it is the reference, both then have the same bits in
 * step 1 and in evaluation 0. Under a reference that moves only held-out rows have some, from where it started.
 */
export async function computeReference(
  session: Session,
  inputs: RunInputs,
  work: ReferenceWork,
): Promise<ComputedReference> {
  const { specification, objective, data } = work;
  const { referenceUpdate: update, microBatchTokens } = specification;
  if (!objective.needsReference) return { values: {}, identity: null };
  const { train, heldOut, stages } = data;
  const reference = await openReference(session, inputs, work);
  try {
    const trainValues =
      update === undefined
        ? await valuesOf(reference, train, {
            ...work,
            groups: firstEpochMicroBatches(rowsOf(train), specification, totalStepsOf(stages)),
          })
        : undefined;
    const unit = evaluationUnit(objective, specification);
    const heldOutValues =
      heldOut &&
      (await valuesOf(reference, heldOut, {
        ...work,
        groups: evaluationMicroBatches(rowsOf(heldOut), microBatchTokens, unit),
      }));
    return {
      values: { train: trainValues, heldOut: heldOutValues, update },
      identity: {
        weights: reference.fingerprint,
        model: specification.reference ?? specification.model,
        adapter: specification.adapter ?? null,
        precision: reference.precision,
      },
    };
  } finally {
    await reference.dispose();
  }
}

/** The policy's own start, or the model that --reference names. */
async function openReference(
  { device, policy, model }: Session,
  { reference }: RunInputs,
  { specification: { microBatchTokens }, objective, data }: ReferenceWork,
): Promise<Reference> {
  const { width } = data.preferences;
  const statistics = referenceStatistics(objective);
  if (reference !== undefined) return referenceOfModel(device, reference, { microBatchTokens, statistics, width });
  const resident = new Map([...model.weights, ...policy.initial]);
  return {
    fingerprint: policy.startFingerprint,
    precision: model.base?.arithmetic ?? 'float32',
    open: () =>
      compileScores(device, policy.reference, { label: 'reference', resident, microBatchTokens, statistics, width }),
    dispose: async () => {},
  };
}

async function valuesOf(
  reference: Reference,
  set: RowSet<TokenizedPreference>,
  {
    objective,
    data,
    store,
    context: { listener, signal },
    groups,
  }: ReferenceWork & { readonly groups: readonly (readonly number[])[] },
): Promise<ReferenceValues> {
  const { width, batch } = data.preferences;
  const rows: ScoredRows = { set, width, batch: (numbers) => batch(numbers.map((row) => set.row(row))) };
  const { values } = await referenceLogps({
    identity: identityOf(reference, set, objective),
    rows,
    store,
    open: reference.open,
    groups,
    ...(listener.onReference === undefined ? {} : { onProgress: listener.onReference }),
    ...(signal === undefined ? {} : { signal }),
  });
  return values;
}

function identityOf(
  { fingerprint: weights, precision }: Pick<Reference, 'fingerprint' | 'precision'>,
  { fingerprint: rows }: RowSet<TokenizedPreference>,
  objective: ResolvedObjective,
): ReferenceIdentity {
  const statistics = referenceStatistics(objective);
  return { weights, rows, precision, ...(statistics.length > 0 && { statistics }) };
}
