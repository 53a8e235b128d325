import { dimProduct, type Node, type NodeOf } from '../graph/index.ts';
import type { KernelChoice, KernelName } from '../passes/index.ts';
import type { Attributes, Emitter } from './emitter.ts';
import { polynomial } from './elementwise-rules.ts';
import { blockProduct, integerProduct } from './frozen-kernels.ts';
import { gemmAttributes } from './linear-rules.ts';
import { logSumExpFrom } from './reduce-rules.ts';
import { chunkRowsOf } from './row-chunks.ts';
import { reshapeTo } from './shape-rules.ts';
import { scoresAndProbabilities, weightedRows } from './vocabulary-rules.ts';

export interface KernelOptions {
  /** The most bytes of float32 scores that a chunk of a vocabulary reduction holds. */
  readonly chunkBytes: number;
}

type KernelRule = (choice: KernelChoice, emitter: Emitter, options: KernelOptions) => void;

const MICROSOFT = 'com.microsoft';

/** What a symbolic vocabulary or row count is taken for when chunks are cut. */
const ASSUMED_VOCABULARY = 65_536;
const ASSUMED_ROWS = 2048;

function read(choice: KernelChoice, emitter: Emitter): string[] {
  return choice.reads.map((node) => emitter.valueOf(node));
}

/** One operator of com.microsoft that gives the last result. */
function contrib(operator: string, attributes: (node: Node) => Attributes): KernelRule {
  return (choice, emitter) => {
    const node = choice.results.at(-1)!;
    const options = { domain: MICROSOFT, attributes: attributes(node) };
    emitter.bind(node, emitter.emit(operator, read(choice, emitter), options));
  };
}

/** SimplifiedLayerNormalization gives the inverse RMS as its second output. */
const rmsNorm: KernelRule = (choice, emitter) => {
  const parts = choice.results.at(-1)!.inputs.flatMap(({ inputs }) => inputs);
  const inverse = parts.find((node) => node.kind === 'inverseRms' && node.inputs[0] === choice.reads[0])!;
  const { epsilon } = (inverse as NodeOf<'inverseRms'>).attributes;
  const attributes = { axis: { int: -1 }, epsilon: { float: epsilon }, stash_type: { int: 1 } };
  const outputs = choice.results.length;
  const [normed, scale] = emitter.emitMany('SimplifiedLayerNormalization', read(choice, emitter), {
    attributes,
    outputs,
  });
  emitter.bind(choice.results.at(-1)!, normed!);
  if (scale !== undefined) emitter.bind(inverse, scale);
};

/** RotaryEmbedding over one row of tokens [1, T, heads d]: position t is row t of the angles, counted from offset 0. */
const rope: KernelRule = (choice, emitter) => {
  const node = choice.results[0]!;
  const [x, cosine] = choice.reads as [Node, Node];
  const [heads, width] = [x.shape.at(-2) as number, x.shape.at(-1) as number];
  const tokens = dimProduct(x.shape.slice(0, -2));
  const flat = [1, tokens, heads * width];
  const [value, c, s] = read(choice, emitter) as [string, string, string];
  const rows = reshapeTo(emitter, value, { from: x.shape, to: flat });
  const angles = [c, s].map((table) => {
    const shapes = { from: cosine.shape, to: [tokens, width / 2] };
    return emitter.once(`angles ${table}`, () => reshapeTo(emitter, table, shapes));
  });
  const rotated = emitter.emit('RotaryEmbedding', [rows, emitter.int64s([0]), ...angles], {
    domain: MICROSOFT,
    attributes: { num_heads: { int: heads }, interleaved: { int: 0 } },
  });
  emitter.bind(node, reshapeTo(emitter, rotated, { from: flat, to: x.shape }));
};

const productPlus: KernelRule = (choice, emitter) => {
  const { attributes } = choice.covered[0] as NodeOf<'matmul'>;
  const sum = emitter.emit('Gemm', read(choice, emitter), { attributes: gemmAttributes(attributes) });
  emitter.bind(choice.results[0]!, sum);
};

function rowsThatFit(width: Node['shape'][number], assumed: number, { chunkBytes }: KernelOptions): number {
  const scores = typeof width === 'number' ? width : assumed;
  return Math.max(1, Math.floor(chunkBytes / (4 * Math.max(1, scores))));
}

/** For each chunk of rows of h: scores, their softmax p, and of these logSumExp and p e. */
const vocabularyRows: KernelRule = (choice, emitter, options) => {
  const [h, e] = choice.reads as [Node, Node];
  const [rows, words, width] = [h.shape[0]!, e.shape[0]!, h.shape[1]!];
  const most = rowsThatFit(words, ASSUMED_VOCABULARY, options);
  const reduce = (chunk: string): string[] => {
    const { scores, probabilities } = scoresAndProbabilities(emitter, chunk, emitter.valueOf(e));
    return choice.results.map((node) =>
      node.kind === 'logSumExpMatmul'
        ? logSumExpFrom(emitter, { scores, probabilities, rank: 2 })
        : emitter.emit('MatMul', [probabilities, emitter.valueOf(e)]),
    );
  };
  if (typeof rows === 'number' && rows <= most) {
    const values = reduce(emitter.valueOf(h));
    for (const [i, node] of choice.results.entries()) emitter.bind(node, values[i]!);
    return;
  }
  const chunks = chunkRowsOf(emitter, emitter.valueOf(h), { rows, width, most });
  const body = emitter.body(['float32'], ([chunk]) =>
    reduce(chunk!).map((value) => ({ value, type: 'float32' as const })),
  );
  const attributes = { body: { graph: body }, num_scan_inputs: { int: 1 } };
  const stacked = emitter.emitMany('Scan', [chunks.stacked], { attributes, outputs: choice.results.length });
  for (const [i, node] of choice.results.entries()) {
    emitter.bind(node, chunks.join(stacked[i]!, node.kind === 'logSumExpMatmul' ? [] : [width]));
  }
};

/**
 * For each chunk of rows e_j: exp(h e_j^T - logSumExp)^T (weight h), which is exactly the chunk's rows of the result.
 * Chunks of rows of h would add a [v, d] matrix once a chunk instead.
 */
const vocabularyOuter: KernelRule = (choice, emitter, options) => {
  const node = choice.results[0]!;
  const { emit } = emitter;
  const [h, e, , normaliser] = choice.reads as [Node, Node, Node, Node | undefined];
  const [rows, words, width] = [h.shape[0]!, e.shape[0]!, h.shape[1]!];
  const most = rowsThatFit(rows, ASSUMED_ROWS, options);
  const weighted = weightedRows(node, emitter);
  const logSums = normaliser === undefined ? logSumsOf(choice, emitter, options) : emitter.valueOf(normaliser);
  const outer = (chunk: string): string => {
    const scores = emit('Gemm', [chunk, emitter.valueOf(h)], { attributes: { transB: { int: 1 } } });
    return emit('MatMul', [emit('Exp', [emit('Sub', [scores, logSums])]), weighted]);
  };
  if (typeof words === 'number' && words <= most) {
    emitter.bind(node, outer(emitter.valueOf(e)));
    return;
  }
  const chunks = chunkRowsOf(emitter, emitter.valueOf(e), { rows: words, width, most });
  const body = emitter.body(['float32'], ([chunk]) => [{ value: outer(chunk!), type: 'float32' }]);
  const attributes = { body: { graph: body }, num_scan_inputs: { int: 1 } };
  emitter.bind(node, chunks.join(emit('Scan', [chunks.stacked], { attributes }), [width]));
};

/** The logSumExp of every row, where no other node computes it. */
function logSumsOf(choice: KernelChoice, emitter: Emitter, options: KernelOptions): string {
  const [h, e] = choice.reads as [Node, Node];
  const row: Node = {
    kind: 'logSumExpMatmul',
    inputs: [h, e],
    attributes: {},
    shape: [h.shape[0]!],
    dtype: 'float32',
  };
  vocabularyRows({ kernel: 'vocabularyRows', results: [row], covered: [], reads: [h, e] }, emitter, options);
  return emitter.valueOf(row);
}

/** pi/2 in three parts of few bits: the products of the first two with a whole number below 2^15 are exact. */
const HALF_PI = [201 / 128, 2029 / 2 ** 22, 7.549789948768648e-8] as const;
const SIN_SERIES = [1, -1 / 6, 1 / 120, -1 / 5040, 1 / 362_880];
const COS_SERIES = [1, -1 / 2, 1 / 24, -1 / 720, 1 / 40_320];

/**
 * sin or cos by reduction to [-pi/4, pi/4] and their series, right to 2e-7 for |x| up to 5e4. WGSL promises 5e-4 within
 * [-pi, pi] and nothing beyond, but rotary angles reach the length of the context.
 */
const sine: KernelRule = (choice, emitter) => {
  const node = choice.results[0]!;
  const { emit, float } = emitter;
  const x = emitter.valueOf(node.inputs[0]!);
  // Not Round, which WebGPU leaves to the CPU.
  const turns = emit('Floor', [emit('Add', [emit('Mul', [x, float(2 / Math.PI)]), float(0.5)])]);
  const rest = HALF_PI.reduce((value, part) => emit('Sub', [value, emit('Mul', [turns, float(part)])]), x);
  const square = emit('Mul', [rest, rest]);
  const sinRest = emit('Mul', [rest, polynomial(square, SIN_SERIES, emitter)]);
  const cosRest = polynomial(square, COS_SERIES, emitter);
  const quarter = node.kind === 'cos' ? emit('Add', [turns, float(1)]) : turns;
  const modulo = (value: string, by: number): string =>
    emit('Sub', [value, emit('Mul', [emit('Floor', [emit('Mul', [value, float(1 / by)])]), float(by)])]);
  const odd = emit('Equal', [modulo(quarter, 2), float(1)]);
  const negative = emit('Less', [float(1.5), modulo(quarter, 4)]);
  const magnitude = emit('Where', [odd, cosRest, sinRest]);
  emitter.bind(node, emit('Where', [negative, emit('Neg', [magnitude]), magnitude]));
};

export const KERNEL_RULES: Readonly<Record<KernelName, KernelRule>> = {
  rmsNorm,
  silu: contrib('QuickGelu', () => ({ alpha: { float: 1 } })),
  rope,
  scaledProduct: contrib('FusedMatMul', (node) => gemmAttributes((node as NodeOf<'matmul'>).attributes)),
  sine,
  integerProduct,
  blockProduct,
  productPlus,
  vocabularyRows,
  vocabularyOuter,
};
