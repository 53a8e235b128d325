import type { HostTensor } from '../core/index.ts';
import { loadPreferencePairs, type RowSet, type TokenizedPair } from '../data/index.ts';
import { objective } from '../objectives/index.ts';
import { pairLossGraph } from './batch-graphs.ts';
import { pairMicroBatch } from './batches.ts';
import type { RecipeContext, RecipeResult } from './context.ts';
import { pairMetrics } from './metrics.ts';
import { referenceLogps, type ReferenceLogps } from './reference.ts';
import { compilePairScores, openReferenceModel, type Reference } from './reference-model.ts';
import { openInputs } from './inputs.ts';
import { openSession, trainInRunFolder, type Session } from './session.ts';
import { loadOptions, loadTrainingData } from './training-data.ts';
import type { DpoSpecification } from './specification.ts';
import { rowsOf, type Split, type Task } from './task.ts';

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
    session = await openSession(specification, inputs);
    const reference = await openReference(specification, { context, path: inputs.reference }, session);
    const logpsOf = (pairs: RowSet<TokenizedPair>): Promise<ReferenceLogps> =>
      referenceLogps({
        identity: { weights: reference.fingerprint, rows: pairs.fingerprint, precision: 'float32' },
        pairs,
        cache: context.referenceCache,
        open: reference.open,
        microBatchTokens: specification.microBatchTokens,
        ...(context.listener.onReference === undefined ? {} : { onProgress: context.listener.onReference }),
        ...(context.signal === undefined ? {} : { signal: context.signal }),
      });
    const train = { pairs: data.train, reference: (await logpsOf(data.train)).logps };
    const heldOut = data.heldOut && { pairs: data.heldOut, reference: (await logpsOf(data.heldOut)).logps };
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
  specification: DpoSpecification,
  { context, path }: { readonly context: RecipeContext; readonly path: string | undefined },
  session: Session,
): Promise<Reference> {
  const { device, policy, model, tokenizer } = session;
  const { microBatchTokens } = specification;
  if (path !== undefined)
    return openReferenceModel(path, { device, tokenizer, microBatchTokens, onWarning: context.listener.onWarning });
  const resident = new Map([...model.weights, ...policy.initial]);
  return {
    fingerprint: policy.startFingerprint,
    open: () => compilePairScores(device, policy.reference, { label: 'reference', resident, microBatchTokens }),
    dispose: async () => {},
  };
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
    measure: () => {
      const sums = pairMetrics(beta);
      return {
        add: (batch, outputs) =>
          sums.add({
            losses: outputs['losses']!.data,
            logps: outputs['logps']!.data,
            entropies: outputs['entropies']!.data,
            meanLogits: outputs['meanLogits']!.data,
            counts: batch.counts,
            referenceLogps: batch.inputs['referenceLogps']!.data,
          }),
        result: sums.result,
      };
    },
  };
}
