import { badInput, type HostTensor } from '../core/index.ts';
import type { TokenizedCompletion } from '../data/index.ts';
import type { Checkpoint } from '../formats/index.ts';
import { graph, input } from '../graph/index.ts';
import {
  hiddenStates,
  packedAttention,
  packedInputs,
  plainDecoder,
  tokenStatistics,
  withLora,
  type Decoder,
  type LoraConfig,
  type ModelConfig,
} from '../models/index.ts';
import { openDevice, type DeviceTensor } from '../runtime/index.ts';
import { compileBatchProgram, completionMicroBatch, hintsFor, loadModel } from '../policy/index.ts';

/** Weights, and an adapter beside them where it is not inside. */
export interface MeasuredModel {
  readonly config: ModelConfig;
  readonly checkpoint: Checkpoint;
  readonly adapter?: { readonly lora: LoraConfig; readonly weights: ReadonlyMap<string, HostTensor> } | undefined;
}

/** A text of which every token but the first is scored. */
export interface Sample {
  readonly ids: readonly number[];
}

function logpsGraph(decoder: Decoder) {
  const packed = packedInputs();
  const hidden = hiddenStates(decoder, {
    tokens: packed.tokens,
    positions: packed.positions,
    attend: packedAttention(decoder.config, packed),
    rows: input('lossRows', ['U'], 'int32'),
  });
  const predict = input('predict', ['C'], 'int32');
  const targets = input('targets', ['C'], 'int32');
  return graph({ logps: tokenStatistics(decoder, { hidden, predict, targets }).logps });
}

/** Log-probabilities in nats of every token but the first of each sample, one after the other, by the engine that trains. */
export async function sampleLogps(
  { config, checkpoint, adapter }: MeasuredModel,
  samples: readonly Sample[],
  { threads }: { readonly threads?: number | undefined } = {},
): Promise<Float32Array> {
  const device = await openDevice(threads === undefined ? {} : { threads });
  try {
    const { weights } = await loadModel(device, config, checkpoint);
    const resident = new Map<string, DeviceTensor>(weights);
    for (const [name, tensor] of adapter?.weights ?? []) resident.set(name, await device.upload(tensor));
    const plain = plainDecoder(config);
    const decoder = adapter === undefined ? plain : withLora(plain, adapter.lora, { path: 'separate' });
    const hints = hintsFor(256, 256);
    const program = await compileBatchProgram(
      device,
      { evaluate: logpsGraph(decoder) },
      { label: 'export', hints, resident },
    );
    await program.refresh();
    const found: number[] = [];
    for (const [index, { ids }] of samples.entries()) {
      const row: TokenizedCompletion = {
        id: String(index),
        prompt: Int32Array.from(ids.slice(0, 1)),
        completion: Int32Array.from(ids.slice(1)),
      } as TokenizedCompletion;
      const { logps } = await program.evaluate(completionMicroBatch([row], false).inputs);
      found.push(...(logps!.data as Float32Array));
    }
    return Float32Array.from(found);
  } finally {
    await device.dispose();
  }
}

/** How far two sets of log-probabilities stand apart, in nats per token. */
export interface Deviation {
  readonly tokens: number;
  /** Mean of |difference|. */
  readonly mean: number;
  readonly largest: number;
  /** Mean difference, with its sign: how much likelier or less likely the texts became. */
  readonly bias: number;
}

/** Compares log-probabilities of the same tokens. Throws bad-input when there are not as many. */
export function deviationOf(actual: Float32Array, expected: Float32Array): Deviation {
  if (actual.length !== expected.length || actual.length === 0)
    throw badInput(`export: ${expected.length} tokens must be scored, got ${actual.length}; the tokenizer has changed`);
  let [sum, signed, largest] = [0, 0, 0];
  for (const [i, value] of actual.entries()) {
    const difference = value - expected[i]!;
    sum += Math.abs(difference);
    signed += difference;
    // NaN must not pass as small.
    largest = Math.abs(difference) <= largest ? largest : Math.abs(difference);
  }
  return { tokens: actual.length, mean: sum / actual.length, largest, bias: signed / actual.length };
}
