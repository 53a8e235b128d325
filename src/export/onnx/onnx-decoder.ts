import { graph, input, type Graph } from '../../graph/index.ts';
import {
  encodeModel,
  lowerToOnnx,
  type FrozenValue,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from '../../onnx/index.ts';
import { hiddenStates, logits, parameterSpecs, plainDecoder, type ModelConfig } from '../../models/index.ts';
import { optimise } from '../../passes/index.ts';
import { cachedAttentionNodes, maskNodes } from './onnx-attention.ts';
import { node } from './onnx-node.ts';
import type { OnnxType } from './onnx-types.ts';

/** A decoder as an ONNX graph without weights, and the weights that it wants. */
export interface OnnxDecoder {
  readonly onnx: OnnxGraph;
  /** Tensors of the graph in the order in which their elements stand in the data file. */
  readonly weights: readonly FrozenValue[];
}

/**
 * The model up to attention and behind it, by the same functions as training's: inputs tokens and positions [T] and what attention gave
 * (attended/<layer>), outputs scores [T, V] and each layer's query, key and value.
 */
function decoderGraph(config: ModelConfig): Graph {
  const decoder = plainDecoder(config);
  const outputs: Record<string, ReturnType<typeof input>> = {};
  const hidden = hiddenStates(decoder, {
    tokens: input('tokens', ['T'], 'int32'),
    positions: input('positions', ['T'], 'int32'),
    attend: ({ q, k, v }, layer) => {
      Object.assign(outputs, { [`query/${layer}`]: q, [`key/${layer}`]: k, [`value/${layer}`]: v });
      return input(`attended/${layer}`, ['T', config.heads * config.headSize]);
    },
  });
  return optimise(graph({ scores: logits(decoder, hidden), ...outputs })).body;
}

const INT64 = 'int64';
const BATCH = 'batch_size';

/**
 * The decoder with a key/value cache: inputs input_ids, attention_mask, position_ids (int64 [batch, sequence], the mask over past and new tokens),
 * past_key_values.<layer>.key and .value (float32 [batch, KV, past, d]); outputs logits [batch, sequence, V] and present.<layer>.key and .value. Padding
 * stands on the left, hidden by the mask.
 *
 * Source: the names and shapes of Optimum's text-generation-with-past, which transformers.js reads.
 */
export function onnxDecoder(config: ModelConfig, type: OnnxType): OnnxDecoder {
  const source = decoderGraph(config);
  const weightNames = new Set(parameterSpecs(config).map(({ name }) => name));
  const frozen = inputNames(source).filter((name) => weightNames.has(name));
  const lowered = lowerToOnnx(source, { target: 'portable', frozen });
  const weights = lowered.frozen;
  const widened = weights.flatMap((value) => widenNodes(value, type));
  const kept = lowered.onnx.initializers.filter((tensor) => tensor.data instanceof Uint8Array);
  const layers = Array.from({ length: config.layers }, (_, layer) => layer);
  const nodes = [
    ...maskNodes(config),
    ...widened,
    ...lowered.onnx.nodes,
    ...layers.flatMap((layer) => cachedAttentionNodes(config, layer)),
    node('Reshape', ['out.scores', 'logits_shape'], ['logits']),
  ];
  const cache = (name: string, length: string): OnnxValue[] =>
    layers.flatMap((layer) =>
      ['key', 'value'].map((part): OnnxValue => ({
        name: `${name}.${layer}.${part}`,
        type: 'float32',
        shape: [BATCH, config.keyValueHeads, length, config.headSize],
      })),
    );
  const onnx: OnnxGraph = {
    name: 'decoder',
    nodes: inOrder(nodes),
    inputs: [
      { name: 'input_ids', type: INT64, shape: [BATCH, 'sequence_length'] },
      { name: 'attention_mask', type: INT64, shape: [BATCH, 'total_sequence_length'] },
      { name: 'position_ids', type: INT64, shape: [BATCH, 'sequence_length'] },
      ...cache('past_key_values', 'past_sequence_length'),
    ],
    outputs: [
      { name: 'logits', type: 'float32', shape: [BATCH, 'sequence_length', config.vocabularySize] },
      ...cache('present', 'total_sequence_length'),
    ],
    initializers: kept,
  };
  return { onnx, weights };
}

/** Whether a weight is stored in fewer bits than it is computed with: matrices are. */
export function isCompact({ shape }: FrozenValue, type: OnnxType): boolean {
  return type !== 'fp32' && shape.length === 2;
}

/** Columns that share a scale in 8 bits, where rows are made of such blocks; else a row shares one. */
const BLOCK_COLUMNS = 32;

/** [rows, blocks, width] in which a matrix of 8 bits is stored. */
export function blockedShape([rows, columns]: readonly [number, number]): readonly [number, number, number] {
  return columns % BLOCK_COLUMNS === 0 ? [rows, columns / BLOCK_COLUMNS, BLOCK_COLUMNS] : [rows, 1, columns];
}

/**
 * Makes float32 of a compact weight, which ONNX Runtime does once, when it loads the model: of <name>.half, or of <name>.int8 [rows, blocks, width] times
 * <name>.scale [rows, blocks, 1].
 */
function widenNodes(value: FrozenValue, type: OnnxType): OnnxNode[] {
  if (!isCompact(value, type)) return [];
  const { onnxName } = value;
  if (type === 'fp16') return [node('Cast', [`${onnxName}.half`], [onnxName], { to: { int: 1 } })];
  return [
    node('Cast', [`${onnxName}.int8`], [`${onnxName}.whole`], { to: { int: 1 } }),
    node('Mul', [`${onnxName}.whole`, `${onnxName}.scale`], [`${onnxName}.blocks`]),
    node('Reshape', [`${onnxName}.blocks`, 'matrix_shape'], [onnxName]),
  ];
}

function inputNames(source: Graph): string[] {
  return lowerToOnnx(source, { target: 'portable' }).inputs.map(({ name }) => name);
}

/** Every node behind those that it reads, as ONNX wants it; what is ready first comes first. */
function inOrder(nodes: readonly OnnxNode[]): OnnxNode[] {
  const makers = new Map(nodes.flatMap((one) => one.outputs.map((name) => [name, one] as const)));
  const [done, ordered] = [new Set<OnnxNode>(), [] as OnnxNode[]];
  const stack = nodes.toReversed();
  while (stack.length > 0) {
    const one = stack.at(-1)!;
    const missing = one.inputs
      .map((name) => makers.get(name))
      .filter((maker) => maker !== undefined && !done.has(maker)) as OnnxNode[];
    if (done.has(one)) stack.pop();
    else if (missing.length > 0) stack.push(...missing);
    else {
      stack.pop();
      done.add(one);
      ordered.push(one);
    }
  }
  return ordered;
}

/** The bytes of the model file, with its weights in a data file beside it at the places given. */
export function encodeDecoder({ onnx }: OnnxDecoder, weights: readonly OnnxTensor[]): Uint8Array<ArrayBuffer> {
  return encodeModel({ ...onnx, initializers: [...onnx.initializers, ...weights] });
}
