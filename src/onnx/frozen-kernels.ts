import { BLOCK_WIDTH, type Node, type NodeOf } from '../graph/index.ts';
import type { KernelChoice } from '../passes/index.ts';
import type { Emitter } from './emitter.ts';
import { denseProduct } from './frozen-rules.ts';
import { sliceAxis } from './shape-rules.ts';

const MICROSOFT = 'com.microsoft';

/** Rows of zeros are divided by this instead of by 0. */
const LEAST_ROW_MAXIMUM = 1e-37;

/** x [m, k] as uint8 with zero point 128 and a scale for each row: x_ij is about maximum_i (q_ij - 128) / 127. */
interface RoundedRows {
  readonly rounded: string;
  /** [m, 1] */
  readonly maximum: string;
}

/**
 * Each row by its own largest magnitude: what a token gives must not depend on which tokens stand beside it, and a gradient's rows
 * differ by orders of magnitude. Readers of one x share the result.
 */
function roundRows(x: string, emitter: Emitter): RoundedRows {
  const { emit, once, float, int64s } = emitter;
  const maximum = once(`row maximum ${x}`, () => {
    const largest = emit('ReduceMax', [emit('Abs', [x]), int64s([1])], { attributes: { keepdims: { int: 1 } } });
    return emit('Max', [largest, float(LEAST_ROW_MAXIMUM)]);
  });
  const rounded = once(`rounded rows ${x}`, () =>
    emit('QuantizeLinear', [emit('Div', [x, maximum]), float(1 / 127), zeroPoint(emitter)]),
  );
  return { rounded, maximum };
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
  const { transposeB } = node.attributes;
  const { rounded, maximum } = roundRows(transposeB ? x : emit('Mul', [x, scale]), emitter);
  const step = float(1 / 127);
  const matrix = transposeB ? emit('Transpose', [q], { attributes: { perm: { ints: [1, 0] } } }) : q;
  const columnScale = transposeB ? scale : float(1);
  const product = emit('MatMulIntegerToFloat', [rounded, matrix, step, columnScale, zeroPoint(emitter)], {
    domain: MICROSOFT,
  });
  emitter.bind(node as Node, emit('Mul', [product, maximum]));
}

/** x W^T by the runtime's own product with blocks; for x W they are unpacked into float32 first. */
export function blockProduct(choice: KernelChoice, emitter: Emitter): void {
  const node = choice.results[0] as NodeOf<'frozenMatmul'>;
  const { emit, int64s } = emitter;
  const { columns, transposeB } = node.attributes;
  const [n, blocks] = choice.reads[1]!.shape as readonly [number, number];
  const [x, packed, scale] = choice.reads.map((read) => emitter.valueOf(read)) as [string, string, string];
  if (transposeB) {
    const attributes = {
      K: { int: columns },
      N: { int: n },
      bits: { int: 4 },
      block_size: { int: BLOCK_WIDTH },
      accuracy_level: { int: 0 },
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
