import type { OnnxNode, OnnxTensor } from '../../onnx/index.ts';
import type { ModelConfig } from '../../models/index.ts';
import { node } from './onnx-node.ts';

/** exp(HIDDEN) is 0 in float32 beside any real score, and a row that sees nothing is still finite. */
const HIDDEN = -1e9;

const tensorNode = (name: string, tensor: Omit<OnnxTensor, 'name'>): OnnxNode =>
  node('Constant', [], [name], { value: { tensor: { name, ...tensor } } });

function int64s(name: string, values: readonly number[], isScalar = false): OnnxNode {
  const data = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  return tensorNode(name, { type: 'int64', dims: isScalar ? [] : [values.length], data });
}

function float(name: string, value: number): OnnxNode {
  return tensorNode(name, { type: 'float32', dims: [], data: new Uint8Array(Float32Array.of(value).buffer) });
}

/** `type` is ONNX's number: 6 int32, 9 bool. */
function cast(from: string, to: string, type: number): OnnxNode {
  return node('Cast', [from], [to], { to: { int: type } });
}

function shapeOf(name: string, parts: readonly string[]): OnnxNode {
  return node('Concat', parts, [name], { axis: { int: 0 } });
}

/** The windows that layers have, each once. */
function windowsOf({ slidingWindow }: ModelConfig): readonly (number | undefined)[] {
  return [...new Set(slidingWindow)];
}

function biasName(window: number | undefined): string {
  return window === undefined ? 'bias' : `bias.${window}`;
}

/**
 * What all layers share: tokens and positions in one row, shapes, and the bias [batch, 1, S, total] of each window: 0 where a new token
 * sees a slot (it stands before it or is it, within the window, and the mask lets it), HIDDEN elsewhere.
 */
export function maskNodes(config: ModelConfig): OnnxNode[] {
  const { heads, keyValueHeads, headSize } = config;
  return [
    int64s('all', [-1]),
    int64s('zero', [0], true),
    int64s('one', [1], true),
    int64s('axis0', [0]),
    int64s('axis1', [1]),
    int64s('n_heads', [heads]),
    int64s('n_kv', [keyValueHeads]),
    int64s('n_size', [headSize]),
    int64s('n_vocabulary', [config.vocabularySize]),
    // Keeps the rows of a matrix and joins its blocks.
    int64s('matrix_shape', [0, -1]),
    int64s('attended_flat', [-1, heads * headSize]),
    float('hidden', HIDDEN),
    float('seen', 0),
    float('attention_scale', config.attentionScale),
    ...(config.attentionSoftCap === undefined ? [] : [float('attention_cap', config.attentionSoftCap)]),
    node('Reshape', ['input_ids', 'all'], ['tokens64']),
    cast('tokens64', 'in.tokens', 6),
    node('Reshape', ['position_ids', 'all'], ['positions64']),
    cast('positions64', 'in.positions', 6),
    node('Shape', ['input_ids'], ['n_batch'], { start: { int: 0 }, end: { int: 1 } }),
    node('Shape', ['input_ids'], ['n_new'], { start: { int: 1 }, end: { int: 2 } }),
    node('Shape', ['attention_mask'], ['n_total'], { start: { int: 1 }, end: { int: 2 } }),
    shapeOf('query_shape', ['n_batch', 'n_new', 'n_heads', 'n_size']),
    shapeOf('key_shape', ['n_batch', 'n_new', 'n_kv', 'n_size']),
    shapeOf('grouped_shape', ['n_batch', 'n_kv', 'all', 'n_size']),
    shapeOf('scores_shape', ['n_batch', 'n_heads', 'n_new', 'n_total']),
    shapeOf('grouped_scores_shape', ['n_batch', 'n_kv', 'all', 'n_total']),
    shapeOf('seen_shape', ['n_batch', 'n_heads', 'n_new', 'n_size']),
    shapeOf('logits_shape', ['n_batch', 'n_new', 'n_vocabulary']),
    node('Squeeze', ['n_total', 'axis0'], ['total']),
    node('Squeeze', ['n_new', 'axis0'], ['new']),
    node('Sub', ['total', 'new'], ['past']),
    node('Range', ['past', 'total', 'one'], ['from']),
    node('Unsqueeze', ['from', 'axis1'], ['from_column']),
    node('Range', ['zero', 'total', 'one'], ['to']),
    node('Unsqueeze', ['to', 'axis0'], ['to_row']),
    node('LessOrEqual', ['to_row', 'from_column'], ['before']),
    cast('attention_mask', 'mask_bool', 9),
    node('Unsqueeze', ['mask_bool', 'axis1'], ['mask_rows']),
    ...windowsOf(config).flatMap((window) => biasNodes(window)),
  ];
}

function biasNodes(window: number | undefined): OnnxNode[] {
  const name = biasName(window);
  const within =
    window === undefined
      ? [node('Identity', ['before'], [`${name}.within`])]
      : [
          int64s(`${name}.window`, [window], true),
          node('Sub', ['from_column', 'to_row'], [`${name}.distance`]),
          node('Less', [`${name}.distance`, `${name}.window`], [`${name}.near`]),
          node('And', ['before', `${name}.near`], [`${name}.within`]),
        ];
  return [
    ...within,
    node('And', [`${name}.within`, 'mask_rows'], [`${name}.visible`]),
    node('Where', [`${name}.visible`, 'seen', 'hidden'], [`${name}.flat`]),
    node('Unsqueeze', [`${name}.flat`, 'axis1'], [name]),
  ];
}

/** cap * tanh(scaled / cap), where the model caps its scores. */
function cappedNodes({ attentionSoftCap }: ModelConfig, own: (name: string) => string): OnnxNode[] {
  if (attentionSoftCap === undefined) return [];
  return [
    node('Div', [own('scaled'), 'attention_cap'], [own('shares')]),
    node('Tanh', [own('shares')], [own('bent')]),
    node('Mul', [own('bent'), 'attention_cap'], [own('capped')]),
  ];
}

const HEADS_FIRST = { perm: { ints: [0, 2, 1, 3] } } as const;

/** Attention of a layer over its cache: the new keys and values behind the past ones, softmax(scores + bias) V. */
export function cachedAttentionNodes(config: ModelConfig, layer: number): OnnxNode[] {
  const own = (name: string): string => `attention.${layer}.${name}`;
  const fresh = (part: 'key' | 'value'): OnnxNode[] => [
    node('Reshape', [`out.${part}/${layer}`, 'key_shape'], [own(`${part}.rows`)]),
    node('Transpose', [own(`${part}.rows`)], [own(`${part}.new`)], HEADS_FIRST),
    node('Concat', [`past_key_values.${layer}.${part}`, own(`${part}.new`)], [`present.${layer}.${part}`], {
      axis: { int: 2 },
    }),
  ];
  return [
    ...fresh('key'),
    ...fresh('value'),
    node('Reshape', [`out.query/${layer}`, 'query_shape'], [own('query.rows')]),
    node('Transpose', [own('query.rows')], [own('query.heads')], HEADS_FIRST),
    node('Reshape', [own('query.heads'), 'grouped_shape'], [own('query')]),
    node('Transpose', [`present.${layer}.key`], [own('key.turned')], { perm: { ints: [0, 1, 3, 2] } }),
    node('MatMul', [own('query'), own('key.turned')], [own('products')]),
    node('Mul', [own('products'), 'attention_scale'], [own('scaled')]),
    ...cappedNodes(config, own),
    node(
      'Reshape',
      [own(config.attentionSoftCap === undefined ? 'scaled' : 'capped'), 'scores_shape'],
      [own('scores')],
    ),
    node('Add', [own('scores'), biasName(config.slidingWindow[layer])], [own('biased')]),
    node('Softmax', [own('biased')], [own('weights')], { axis: { int: -1 } }),
    node('Reshape', [own('weights'), 'grouped_scores_shape'], [own('weights.grouped')]),
    node('MatMul', [own('weights.grouped'), `present.${layer}.value`], [own('seen.grouped')]),
    node('Reshape', [own('seen.grouped'), 'seen_shape'], [own('seen.heads')]),
    node('Transpose', [own('seen.heads')], [own('seen.rows')], HEADS_FIRST),
    node('Reshape', [own('seen.rows'), 'attended_flat'], [`in.attended/${layer}`]),
  ];
}
