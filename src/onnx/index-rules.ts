import { dimProduct, type Node, type NodeOf, type Shape } from '../graph/index.ts';
import type { Emitter } from './emitter.ts';
import { expandTo, flattenLeading, reshapeTo, zeros } from './shape-rules.ts';

function scatter({ emit }: Emitter, [target, index, updates]: readonly [string, string, string], axis: number): string {
  const attributes = { axis: { int: axis }, reduction: { text: 'add' } };
  return emit('ScatterElements', [target, index, updates], { attributes });
}

/**
 * Rows added at their index. ScatterElements, not ScatterND: the latter runs its updates in parallel in ONNX Runtime and
 * loses some where an index repeats.
 */
function scatterAdd(node: NodeOf<'scatterAdd'>, emitter: Emitter): string {
  const [updates, index] = node.inputs as [Node, Node];
  const lead = index.shape.length;
  const count = dimProduct(index.shape);
  const width = dimProduct(updates.shape.slice(lead));
  const rows = reshapeTo(emitter, emitter.valueOf(updates), { from: updates.shape, to: [count, width] });
  const column = reshapeTo(emitter, emitter.valueOf(index), { from: index.shape, to: [count, 1] });
  const places = expandTo(emitter, column, { from: [count, 1], to: [count, width] });
  const flat: Shape = [node.attributes.rows, width];
  return reshapeTo(emitter, scatter(emitter, [zeros(emitter, flat), places, rows], 0), { from: flat, to: node.shape });
}

/** A row of zeros stands behind the others, where index -1 finds it: ONNX counts negative indices from the end. */
function permuteRows(node: Node, emitter: Emitter): string {
  const [x, index, inverse] = node.inputs as [Node, Node, Node];
  const flat = flattenLeading(x.shape, inverse.shape.length);
  const rows = reshapeTo(emitter, emitter.valueOf(x), { from: x.shape, to: flat });
  const tail = flat.slice(1);
  const row = emitter.once(`zeros ${tail.join(' ')}`, () => zeros(emitter, [1, ...tail]));
  const extended = emitter.emit('Concat', [rows, row], { attributes: { axis: { int: 0 } } });
  return emitter.emit('Gather', [extended, emitter.valueOf(index)]);
}

/** TensorProto.INT64. */
const INT64 = 7;

/** ScatterND copies x first, except where it writes into x's own memory: then it writes the rows and nothing else. */
function putRows(node: Node, emitter: Emitter): string {
  const [x, updates, at] = node.inputs.map((input) => emitter.valueOf(input)) as [string, string, string];
  const places = emitter.once(`int64 ${at}`, () => emitter.emit('Cast', [at], { attributes: { to: { int: INT64 } } }));
  return emitter.emit('ScatterND', [x, places, updates]);
}

export const INDEX_RULES = {
  gather: (node: Node, emitter: Emitter) => {
    const [x, index] = node.inputs as [Node, Node];
    return emitter.emit('Gather', [emitter.valueOf(x), emitter.valueOf(index)]);
  },
  scatterAdd,
  permuteRows,
  putRows,
  takeAlong: (node: Node, emitter: Emitter) => {
    const [x, index] = node.inputs as [Node, Node];
    const attributes = { axis: { int: -1 } };
    return emitter.emit('GatherElements', [emitter.valueOf(x), emitter.valueOf(index)], { attributes });
  },
  scatterAddAlong: (node: Node, emitter: Emitter) => {
    const [updates, index] = node.inputs as [Node, Node];
    return scatter(emitter, [zeros(emitter, node.shape), emitter.valueOf(index), emitter.valueOf(updates)], -1);
  },
} as const;
