import { formatLine } from '../data/index.ts';
import { fieldUseLines } from '../data/index.ts';
import { PreftuneError } from '../core/index.ts';
import { loadPairs, type RowSet, type TokenizedPair, allMicroBatches, rowsOf } from '../data/index.ts';
import {
  checkPositions,
  loadOptions,
  openInputs,
  openPolicy,
  pairMicroBatch,
  sourceOf,
  type BatchProgram,
  type OpenedPolicy,
  type RunContext,
  type RunInputs,
} from '../policy/index.ts';
import { referenceFolder } from './node-reference-store.ts';
import { referenceLogps } from './reference.ts';
import { compileScores, referenceOfModel, type Reference } from './reference-model.ts';
import { scoreReward, type ScoreReward } from './node-score-reward.ts';
import {
  answerScores,
  summariseScores,
  type PairScore,
  type ScoreMeasure,
  type ScoreSummary,
} from './score-summary.ts';
import type { ScoreSpecification } from '../specification/index.ts';

export interface Scores {
  readonly count: number;
  row(index: number): PairScore;
  /** The rewards of a row's answers; undefined where there are none. */
  rewards(index: number): { readonly chosen: number; readonly rejected: number } | undefined;
  readonly summary: ScoreSummary;
}

/**
 * Log-probabilities of both answers of every pair under a model, an adapter on it, and a reference (another model, or the model without the
 * adapter). The reference's are stored in and taken from the same cache as training's. Throws as the recipes do; cancelled when the signal fires.
 *
 * @example
 * ```ts
 * import { parseScoreSpecification, scorePairs } from 'preftune';
 *
 * const specification = parseScoreSpecification({ model: 'model.gguf', adapter: 'run/adapter', data: 'pairs.jsonl' });
 * const scores = await scorePairs(specification, {
 *   resolve: async (named) => named,
 *   referenceCache: 'reference-cache',
 *   listener: {},
 * });
 * console.log(scores.summary, scores.row(0));
 * ```
 */
export async function scorePairs(specification: ScoreSpecification, context: RunContext): Promise<Scores> {
  const reward = scoreReward(specification);
  const inputs = await openInputs({ ...specification, takesAdapted: true }, context);
  let policy: OpenedPolicy | undefined;
  try {
    const { opened } = inputs;
    const origins: (string | undefined)[] = [];
    const {
      rows: pairs,
      tokenisation,
      formats,
      fieldUse,
    } = await loadPairs(inputs.data, {
      ...loadOptions(specification, undefined, { inputs, context }),
      onPair: ({ meta }) => origins.push(meta?.source),
    });
    for (const format of formats) context.listener.onNote?.(`${format.file}: ${formatLine(format)}`);
    for (const line of fieldUseLines(fieldUse)) context.listener.onNote?.(line);
    context.listener.onTokenised?.('train', tokenisation);
    checkPositions(pairs, { model: opened.config, reference: inputs.reference?.config }, 'data');
    const { device, threads, microBatchTokens } = specification;
    policy = await openPolicy(sourceOf(inputs), {
      purpose: 'scoring',
      device,
      threads,
      microBatchTokens,
      reference: inputs.reference && sourceOf({ opened: inputs.reference, adapter: inputs.reference.adapter }),
      availableBytes: context.availableBytes,
    });
    if (reward.note !== undefined) context.listener.onNote?.(reward.note);
    const reference = await referenceOf(specification, { inputs, policy, reward });
    const known = reference && (await referenceScores(reference, { specification, context, pairs }));
    const { decoder, resident } = policy;
    const program = await compileScores(policy.device, decoder, { label: 'score', resident, microBatchTokens });
    const logps = await computeLogps(program, { pairs, microBatchTokens, context });
    return scoresOf(pairs, { logps, reference: known, origins, specification, reward });
  } finally {
    await policy?.dispose();
    await inputs.close();
  }
}

/** The model that --reference names, else, for rewards that are measured from one, the model itself where an adapter stands on it. */
async function referenceOf(
  specification: ScoreSpecification,
  options: { readonly inputs: RunInputs; readonly policy: OpenedPolicy; readonly reward: ScoreReward },
): Promise<Reference | undefined> {
  const { inputs, policy, reward } = options;
  const { device, base, model } = policy;
  const { microBatchTokens } = specification;
  if (inputs.reference !== undefined) return referenceOfModel(device, inputs.reference, { microBatchTokens });
  if (inputs.adapter === undefined || specification.referenceFree !== undefined || !reward.needsReference)
    return undefined;
  return {
    fingerprint: await inputs.opened.files.checkpoint.fingerprint(),
    precision: 'float32',
    open: () => compileScores(device, base, { label: 'reference', resident: model.weights, microBatchTokens }),
    dispose: async () => {},
  };
}

async function referenceScores(
  reference: Reference,
  options: {
    readonly specification: ScoreSpecification;
    readonly context: RunContext;
    readonly pairs: RowSet<TokenizedPair>;
  },
): Promise<Float32Array> {
  const { specification, context, pairs } = options;
  const { listener, signal } = context;
  try {
    const { values } = await referenceLogps({
      identity: { weights: reference.fingerprint, rows: pairs.fingerprint, precision: reference.precision },
      rows: {
        set: pairs,
        width: 2,
        batch: (group) => pairMicroBatch(group.map((row) => pairs.row(row))),
      },
      store: referenceFolder(context.referenceCache, { onUnwritable: listener.onWarning }),
      open: reference.open,
      groups: allMicroBatches(rowsOf(pairs), specification.microBatchTokens),
      ...(listener.onReference === undefined ? {} : { onProgress: listener.onReference }),
      ...(signal === undefined ? {} : { signal }),
    });
    return values.logps;
  } finally {
    await reference.dispose();
  }
}

/** [2 * rows]: chosen and rejected of each row. */
async function computeLogps(
  program: BatchProgram,
  options: {
    readonly pairs: RowSet<TokenizedPair>;
    readonly microBatchTokens: number;
    readonly context: RunContext;
  },
): Promise<Float32Array> {
  const { pairs, microBatchTokens, context } = options;
  await program.refresh();
  const logps = new Float32Array(2 * pairs.count);
  let done = 0;
  for (const group of allMicroBatches(rowsOf(pairs), microBatchTokens)) {
    if (context.signal?.aborted === true)
      throw new PreftuneError('cancelled', `score: stopped after ${done} of ${pairs.count} pairs; nothing was printed`);
    const { logps: values } = await program.evaluate(pairMicroBatch(group.map((row) => pairs.row(row))).inputs);
    group.forEach((row, i) => {
      for (const side of [0, 1]) logps[2 * row + side] = values!.data[2 * i + side]!;
    });
    done += group.length;
    context.listener.onScored?.(done, pairs.count);
  }
  return logps;
}

function scoresOf(
  pairs: RowSet<TokenizedPair>,
  scored: {
    readonly logps: Float32Array;
    readonly reference: Float32Array | undefined;
    readonly origins: readonly (string | undefined)[];
    readonly specification: ScoreSpecification;
    readonly reward: ScoreReward;
  },
): Scores {
  const { logps, reference, origins, specification, reward } = scored;
  const { referenceFree } = specification;
  const hasRewards = reference !== undefined || (!reward.needsReference && referenceFree === undefined);
  const measure: ScoreMeasure = hasRewards ? 'reward' : referenceFree === 'average' ? 'mean-logps' : 'logps';
  const row = (index: number): PairScore => {
    const { id, prompt, chosen, rejected, chosenMask, rejectedMask } = pairs.row(index);
    const source = origins[index];
    return {
      id,
      ...(source === undefined ? {} : { source }),
      tokens: {
        prompt: prompt.length,
        chosen: countScored(chosen, chosenMask),
        rejected: countScored(rejected, rejectedMask),
      },
      chosenLogps: logps[2 * index]!,
      rejectedLogps: logps[2 * index + 1]!,
      ...(reference === undefined
        ? {}
        : { referenceChosenLogps: reference[2 * index]!, referenceRejectedLogps: reference[2 * index + 1]! }),
    };
  };
  const summary = summariseScores(
    Array.from({ length: pairs.count }, (_, index) => row(index)),
    { measure, ...reward, prompts: pairs.promptHashes },
  );
  const rewards = (index: number) => (hasRewards ? answerScores(row(index), { measure, ...reward }) : undefined);
  return { count: pairs.count, row, rewards, summary };
}

/** Tokens of an answer that count: of several turns the assistant's. */
function countScored(ids: Int32Array, mask: Int32Array | undefined): number {
  return mask === undefined ? ids.length : mask.reduce((sum, one) => sum + one, 0);
}
