import type { JsonValue } from '../../core/index.ts';
import { rowsOf, type RowSet } from '../../data/index.ts';
import type { ResolvedObjective } from '../../objectives/index.ts';
import { referenceStatistics, type OpenedModel, type RunInputs, type RunListener } from '../../policy/index.ts';
import {
  compileScores,
  isReferenceStored,
  referenceLogps,
  referenceOfModel,
  type Reference,
  type ReferenceIdentity,
  type ReferenceStore,
  type ReferenceValues,
} from '../../score/index.ts';
import { totalStepsOf, type DpoSpecification, type ReferenceUpdate } from '../../specification/index.ts';
import { firstEpochBatches, firstEpochMicroBatches } from '../loop/epochs.ts';
import { evaluationMicroBatches } from '../loop/evaluation.ts';
import type { Session } from '../session.ts';
import type { PlannedPreferences } from './preference-data.ts';
import { preferenceRows, type PreferenceSets, type TokenizedPreference } from './preference-rows.ts';
import { evaluationUnit, type PreferenceReference, type PreferenceSteps } from './preference-task.ts';

export interface ReferenceRows {
  readonly objective: ResolvedObjective;
  readonly rows: PreferenceSets;
  readonly steps: PreferenceSteps;
  /** The reference of training follows the policy. */
  readonly update?: ReferenceUpdate | undefined;
  readonly store: ReferenceStore;
  readonly listener?: Pick<RunListener, 'onReference'>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The log-probabilities of the rows under a reference, computed or taken from the store. Rows are cut as the policy will see them: where it is the
 * reference, both then have the same bits in step 1 and in evaluation 0. A run of few steps needs those of few rows. Where the reference moves, only
 * held-out rows have some, from where it started. Throws cancelled, and bad-input for values that are not finite.
 */
export async function computeReference(
  reference: Reference,
  { rows: { train, heldOut }, update, ...work }: ReferenceRows,
): Promise<PreferenceReference> {
  const { objective, steps } = work;
  if (!objective.needsReference) return {};
  const preferences = preferenceRows(objective, { train, heldOut });
  const valuesOf = async (
    set: RowSet<TokenizedPreference>,
    groups: readonly (readonly number[])[],
  ): Promise<ReferenceValues> => {
    const { values } = await referenceLogps({
      identity: identityOf(reference, set, objective),
      rows: { set, width: preferences.width, batch: (rows) => preferences.batch(rows.map((row) => set.row(row))) },
      store: work.store,
      open: reference.open,
      groups,
      ...(work.listener?.onReference === undefined ? {} : { onProgress: work.listener.onReference }),
      ...(work.signal === undefined ? {} : { signal: work.signal }),
    });
    return values;
  };
  const { microBatchTokens, stages } = steps;
  const unit = evaluationUnit(objective, steps);
  return {
    train:
      update === undefined
        ? await valuesOf(train, firstEpochMicroBatches(rowsOf(train), steps, totalStepsOf(stages)))
        : undefined,
    heldOut: heldOut && (await valuesOf(heldOut, evaluationMicroBatches(rowsOf(heldOut), microBatchTokens, unit))),
    update,
  };
}

export interface ReferenceScores {
  readonly objective: ResolvedObjective;
  /** Answers of a row. */
  readonly width: number;
  readonly microBatchTokens: number;
}

/** The policy's own start as the reference, or another model where there is one, whose weights are loaded when they are needed. */
export async function openReference(
  { device, policy, model }: Pick<Session, 'device' | 'policy' | 'model'>,
  other: OpenedModel | undefined,
  { objective, width, microBatchTokens }: ReferenceScores,
): Promise<Reference> {
  const scores = { microBatchTokens, statistics: referenceStatistics(objective), width };
  if (other !== undefined) return referenceOfModel(device, other, scores);
  const resident = new Map([...model.weights, ...policy.initial]);
  return {
    fingerprint: policy.startFingerprint,
    precision: model.base?.arithmetic ?? 'float32',
    open: () => compileScores(device, policy.reference, { label: 'reference', resident, ...scores }),
    dispose: async () => {},
  };
}

/** The model of --reference, where it must be loaded because log-probabilities of it are not stored. */
export async function lackingReference(
  { reference }: RunInputs,
  { specification, objective, data, store }: LackingOptions,
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

/** Whether every log-probability that a run needs of this reference is stored. */
export async function isKnownReference(
  reference: Pick<Reference, 'fingerprint' | 'precision'>,
  { objective, rows: { train, heldOut }, steps, update, store }: Omit<ReferenceRows, 'listener' | 'signal'>,
): Promise<boolean> {
  const { width } = preferenceRows(objective, { train, heldOut });
  const trained =
    update === undefined ? firstEpochBatches(rowsOf(train), steps, totalStepsOf(steps.stages)).flat() : [];
  const all = Array.from({ length: heldOut?.count ?? 0 }, (_, row) => row);
  const wanted = [{ set: train, rows: trained }, ...(heldOut === undefined ? [] : [{ set: heldOut, rows: all }])];
  for (const { set, rows } of wanted)
    if (
      rows.length > 0 &&
      !(await isReferenceStored(identityOf(reference, set, objective), store, { count: set.count, width, rows }))
    )
      return false;
  return true;
}

export interface LackingOptions {
  readonly specification: DpoSpecification;
  readonly objective: ResolvedObjective;
  readonly data: PlannedPreferences;
  readonly store: ReferenceStore;
}

/** What run.json says of the reference. */
export function describeReference(
  { fingerprint, precision }: Reference,
  { reference, model, adapter }: DpoSpecification,
): JsonValue {
  return { weights: fingerprint, model: reference ?? model, adapter: adapter ?? null, precision };
}

function identityOf(
  { fingerprint: weights, precision }: Pick<Reference, 'fingerprint' | 'precision'>,
  { fingerprint: rows }: RowSet<TokenizedPreference>,
  objective: ResolvedObjective,
): ReferenceIdentity {
  const statistics = referenceStatistics(objective);
  return { weights, rows, precision, ...(statistics.length > 0 && { statistics }) };
}
