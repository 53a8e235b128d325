import { RANDOM_MULTIPLIERS, dimProduct, type NodeOf } from '../graph/index.ts';
import { castTo, type Emitter } from './emitter.ts';
import { iota, reshapeTo } from './shape-rules.ts';

const SHIFT_RIGHT = { direction: { text: 'RIGHT' } } as const;

/**
 * randomUniform, the same bits as randomWord: everything in uint32, whose products wrap as Math.imul does. The first
 * product depends on the shape alone and is shared.
 */
export function randomUniform(node: NodeOf<'randomUniform'>, emitter: Emitter): string {
  const { emit, integer } = emitter;
  const [first, second, third] = RANDOM_MULTIPLIERS;
  const count = dimProduct(node.shape);
  const word = (value: number): string => integer('uint32', value);
  const folded = (bits: string, shift: number): string =>
    emit('BitwiseXor', [bits, emit('BitShift', [bits, word(shift)], { attributes: SHIFT_RIGHT })]);

  const positions = emitter.once(`random positions ${count}`, () =>
    emit('Mul', [castTo(emitter, iota(emitter, count), 'uint32'), word(first)]),
  );
  let bits = emit('Add', [positions, castTo(emitter, emitter.valueOf(node.inputs[0]!), 'uint32')]);
  for (let round = 0; round < 2; round++) {
    bits = emit('Mul', [folded(bits, 16), word(second)]);
    bits = emit('Mul', [folded(bits, 13), word(third)]);
    bits = folded(bits, 16);
  }
  const top = castTo(emitter, emit('BitShift', [bits, word(8)], { attributes: SHIFT_RIGHT }), 'float32');
  return reshapeTo(emitter, emit('Mul', [top, emitter.float(2 ** -24)]), { from: [count], to: node.shape });
}
