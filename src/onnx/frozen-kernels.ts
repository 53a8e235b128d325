import { BLOCK_WIDTH, type Node, type NodeOf } from '../graph/index.ts';
import type { KernelChoice } from '../passes/index.ts';
import type { Emitter } from './emitter.ts';
import { denseProduct } from './frozen-rules.ts';
import { sliceAxis } from './shape-rules.ts';

const MICROSOFT = 'com.microsoft';

/** accuracy_level of MatMulNBits: x in float32, or rounded to 8 bits block by block. */
const [EXACT_INPUT, ROUNDED_INPUT] = [0, 4];

/** Rows of zeros are divided by this instead of by 0. */
const LEAST_ROW_MAXIMUM = 1e-37;

/** x [m, k] as uint8 with zero point 128 and a scale for each row: x_ij is about maximum_i (q_ij - 128) / 127. */
interface RoundedRows {
  readonly rounded: string;
  /** [m, 1] */
  readonly maximum: string;
  /** x - its rounded value, rounded in the same way with steps 254 times as small. */
  readonly rest: () => string;
}

/** The steps of a row's largest magnitude, and those of what one of its steps leaves, at most half of it. */
const STEPS = 127;
const REST_STEPS = 127 * 254;

/**
 * Each row by its own largest magnitude: what a token gives must not depend on which tokens stand beside it, and a gradient's rows
 * differ by orders of magnitude. Readers of one x share the result.
 */
function roundRows(x: string, emitter: Emitter): RoundedRows {
  const { emit, once, float, int64s } = emitter;
  const keep = { attributes: { keepdims: { int: 1 } } };
  // Two reductions cost a third of one over |x|, which is a pass that writes.
  const maximum = once(`row maximum ${x}`, () => {
    const [high, low] = ['ReduceMax', 'ReduceMin'].map((reduce) => emit(reduce, [x, int64s([1])], keep));
    return emit('Max', [high!, emit('Neg', [low!]), float(LEAST_ROW_MAXIMUM)]);
  });
  const rows = { attributes: { axis: { int: 0 } } };
  const stepsOf = (count: number): string =>
    once(`steps ${count} of rows ${x}`, () =>
      emit('Reshape', [emit('Mul', [maximum, float(1 / count)]), int64s([-1])]),
    );
  const zeroPoints = once(`zero points ${x}`, () =>
    emit('Expand', [zeroPoint(emitter), emit('Shape', [stepsOf(STEPS)])]),
  );
  const rounded = once(`rounded rows ${x}`, () => emit('QuantizeLinear', [x, stepsOf(STEPS), zeroPoints], rows));
  const rest = (): string => {
    const left = emit('Sub', [x, emit('DequantizeLinear', [rounded, stepsOf(STEPS), zeroPoints], rows)]);
    return emit('QuantizeLinear', [left, stepsOf(REST_STEPS), zeroPoints], rows);
  };
  return { rounded, maximum, rest };
}

function zeroPoint(emitter: Emitter): string {
  return emitter.tensor({ dtype: 'uint8', shape: [], data: Uint8Array.of(128) });
}

/**
 * x W^T = diag(r) (x' q^T) diag(s) in whole numbers, with x' = x / r rounded to 8 bits. The other way round s scales columns of x
 * instead: x W = (x diag(s)) q. One copy of q serves both: turning it costs a few per cent of the product.
 */
export function integerProduct(choice: KernelChoice, emitter: Emitter): void {
  const node = choice.results[0] as NodeOf<'frozenMatmul'>;
  const { emit, float } = emitter;
  const [x, q, scale] = choice.reads.map((read) => emitter.valueOf(read)) as [string, string, string];
  const { transposeB, isFine } = node.attributes;
  const { rounded, maximum, rest } = roundRows(transposeB ? x : emit('Mul', [x, scale]), emitter);
  const constant = transposeB ? emitter.turnedConstant(choice.reads[1]!) : undefined;
  const turned = (): string => emit('Transpose', [q], { attributes: { perm: { ints: [1, 0] } } });
  const matrix = transposeB ? (constant ?? turned()) : q;
  const columnScale = transposeB ? scale : float(1);
  const product = (rows: string, steps: number): string =>
    emit('MatMulIntegerToFloat', [rows, matrix, float(1 / steps), columnScale, zeroPoint(emitter)], {
      domain: MICROSOFT,
    });
  const fine = (): string => {
    if (constant === undefined) return emit('Add', [product(rounded, STEPS), product(rest(), REST_STEPS)]);
    // Few rows, to decode: reading the matrix is what takes time, so both go through it at once.
    const both = product(emit('Concat', [rounded, rest()], { attributes: { axis: { int: 0 } } }), STEPS);
    const halves = { attributes: { axis: { int: 0 }, num_outputs: { int: 2 } }, outputs: 2 };
    const [high, low] = emitter.emitMany('Split', [both], halves) as [string, string];
    return emit('Add', [high, emit('Mul', [low, float(STEPS / REST_STEPS)])]);
  };
  emitter.bind(node as Node, emit('Mul', [isFine === true ? fine() : product(rounded, STEPS), maximum]));
}

/** x W^T by the runtime's own product with blocks; for x W they are unpacked into float32 first. */
export function blockProduct(choice: KernelChoice, emitter: Emitter): void {
  const node = choice.results[0] as NodeOf<'frozenMatmul'>;
  const { emit, int64s } = emitter;
  const { columns, transposeB, isRounded } = node.attributes;
  const [n, blocks] = choice.reads[1]!.shape as readonly [number, number];
  const [x, packed, scale] = choice.reads.map((read) => emitter.valueOf(read)) as [string, string, string];
  if (transposeB) {
    const attributes = {
      K: { int: columns },
      N: { int: n },
      bits: { int: 4 },
      block_size: { int: BLOCK_WIDTH },
      accuracy_level: { int: isRounded === true ? ROUNDED_INPUT : EXACT_INPUT },
    };
    emitter.bind(node as Node, emit('MatMulNBits', [x, packed, scale], { domain: MICROSOFT, attributes }));
    return;
  }
  const rows = emitter.tensor({ dtype: 'int32', shape: [n], data: Int32Array.from({ length: n }, (_, i) => i) });
  const attributes = {
    bits: { int: 4 },
    block_size: { int: BLOCK_WIDTH },
    gather_axis: { int: 0 },
    quantize_axis: { int: 1 },
  };
  const flat = emit('Reshape', [packed, int64s([n, (blocks * BLOCK_WIDTH) / 2])]);
  const wide = emit('GatherBlockQuantized', [flat, rows, scale], { domain: MICROSOFT, attributes });
  const dense = columns === blocks * BLOCK_WIDTH ? wide : sliceAxis(emitter, wide, { axis: 1, start: 0, end: columns });
  emitter.bind(node as Node, denseProduct(node, emitter, dense));
}
