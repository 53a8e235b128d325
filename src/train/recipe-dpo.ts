import type { HostTensor } from '../core/index.ts';
import { loadPreferencePairs, type RowSet, type TokenizedPair } from '../data/index.ts';
import { objective } from '../objectives/index.ts';
import { pairLossGraph } from './batch-graphs.ts';
import { pairMicroBatch } from './batches.ts';
import type { RecipeContext, RecipeResult } from './context.ts';
import { pairMetrics } from './metrics.ts';
import { allMicroBatches, firstEpochMicroBatches } from './loop.ts';
import type { OpenedModel } from './prepare.ts';
import { isReferenceStored, referenceLogps, type ReferenceIdentity } from './reference.ts';
import { compilePairScores, referenceOfModel, type Reference } from './reference-model.ts';
import { openInputs, type RunInputs } from './inputs.ts';
import { samplePrompts } from './samples.ts';
import { openSession, trainInRunFolder, type Session } from './session.ts';
import { loadOptions, loadTrainingData, type TrainingData } from './training-data.ts';
import type { DpoSpecification } from './specification.ts';
import { rowsOf, type Measure, type Split, type Task } from './task.ts';

/**
 * Preference optimization, from a specification to a run folder: open the model, tokenise the pairs, compute the reference
 * once, train, save. Throws bad-input, run-failed and cancelled as its parts do; nothing half-written is left behind.
 */
export async function trainDpo(specification: DpoSpecification, context: RecipeContext): Promise<RecipeResult> {
  const inputs = await openInputs(specification, context);
  let session: Session | undefined;
  try {
    const { opened } = inputs;
    const data = await loadTrainingData(specification, { inputs, context }, (sources) =>
      loadPreferencePairs(sources, loadOptions(specification, { opened, context })),
    );
    const lacking = await lackingReference(inputs, data, context);
    session = await openSession(specification, inputs, { context, ...(lacking && { reference: lacking.config }) });
    const reference = await openReference(specification, inputs, session);
    const logpsOf = async (pairs: RowSet<TokenizedPair>, groups: number[][]): Promise<PairsWithReference> => {
      const { logps } = await referenceLogps({
        identity: identityOf(reference.fingerprint, pairs),
        pairs,
        cache: context.referenceCache,
        open: reference.open,
        groups,
        ...(context.listener.onReference === undefined ? {} : { onProgress: context.listener.onReference }),
        ...(context.signal === undefined ? {} : { signal: context.signal }),
      });
      return { pairs, reference: logps };
    };
    // Cut as the policy will see them: where it is the reference, both then have the same bits in step 1 and in evaluation 0.
    const train = await logpsOf(data.train, firstEpochMicroBatches(rowsOf(data.train), specification));
    const heldOut =
      data.heldOut &&
      (await logpsOf(data.heldOut, allMicroBatches(rowsOf(data.heldOut), specification.microBatchTokens)));
    await reference.dispose();
    const loss = { objective: objective(specification.objective.name), options: specification.objective.options };
    return await trainInRunFolder({
      session,
      specification,
      context,
      task: pairTask({ train, heldOut }, specification.objective.options['beta'] ?? 1),
      graphs: {
        train: pairLossGraph(session.policy.training, { ...loss, parameters: session.policy.parameters }),
        evaluate: pairLossGraph(session.policy.evaluation, { ...loss, parameters: [] }),
      },
      reports: data.reports,
      promptsOf: (tokenizer) => samplePrompts(data.heldOut ?? data.train, tokenizer, specification.samples),
      identity: {
        reference: {
          weights: reference.fingerprint,
          model: specification.reference ?? specification.model,
          adapter: specification.adapter ?? null,
          precision: 'float32',
        },
        data: { train: data.train.fingerprint, heldOut: data.heldOut?.fingerprint ?? null, rows: data.train.count },
      },
    });
  } finally {
    await session?.dispose();
    await inputs.close();
  }
}

/** The policy's own start, or the model that --reference names. */
async function openReference(
  { microBatchTokens }: DpoSpecification,
  { reference }: RunInputs,
  { device, policy, model }: Session,
): Promise<Reference> {
  if (reference !== undefined) return referenceOfModel(device, reference, microBatchTokens);
  const resident = new Map([...model.weights, ...policy.initial]);
  return {
    fingerprint: policy.startFingerprint,
    open: () => compilePairScores(device, policy.reference, { label: 'reference', resident, microBatchTokens }),
    dispose: async () => {},
  };
}

function identityOf(weights: string, { fingerprint: rows }: RowSet<TokenizedPair>): ReferenceIdentity {
  return { weights, rows, precision: 'float32' };
}

/** The model of --reference, where it must be loaded because log-probabilities of it are not stored. */
async function lackingReference(
  { reference }: RunInputs,
  { train, heldOut }: TrainingData<TokenizedPair>,
  { referenceCache }: RecipeContext,
): Promise<OpenedModel | undefined> {
  if (reference === undefined) return undefined;
  const weights = await reference.files.checkpoint.fingerprint();
  for (const pairs of heldOut === undefined ? [train] : [train, heldOut])
    if (!(await isReferenceStored(identityOf(weights, pairs), referenceCache, pairs.count))) return reference;
  return undefined;
}

interface PairsWithReference {
  readonly pairs: RowSet<TokenizedPair>;
  /** [2 * count] */
  readonly reference: Float32Array<ArrayBuffer>;
}

function pairTask(
  splits: { readonly train: PairsWithReference; readonly heldOut: PairsWithReference | undefined },
  beta: number,
): Task {
  const of = (split: Split): PairsWithReference => (split === 'train' ? splits.train : splits.heldOut!);
  return {
    train: rowsOf(splits.train.pairs),
    heldOut: splits.heldOut && rowsOf(splits.heldOut.pairs),
    lossScale: (rows) => 1 / rows.length,
    batch: (split, rows) => {
      const { pairs, reference } = of(split);
      const batch = pairMicroBatch(rows.map((row) => pairs.row(row)));
      const data = Float32Array.from(rows.flatMap((row) => [reference[2 * row]!, reference[2 * row + 1]!]));
      const referenceTensor: HostTensor = { dtype: 'float32', shape: [rows.length, 2], data };
      return { ...batch, inputs: { ...batch.inputs, referenceLogps: referenceTensor } };
    },
    measure: () => measurePairs(beta),
  };
}

/** pairMetrics over the micro-batches of pairLossGraph. */
export function measurePairs(beta: number): Measure {
  const sums = pairMetrics(beta);
  return {
    add: ({ counts, inputs }, { losses, logps, entropies, meanLogits }) =>
      sums.add({
        losses: losses!.data,
        logps: logps!.data,
        entropies: entropies!.data,
        meanLogits: meanLogits!.data,
        counts,
        referenceLogps: inputs['referenceLogps']!.data,
      }),
    result: sums.result,
  };
}
