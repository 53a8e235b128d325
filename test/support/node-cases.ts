import type { NodeKind } from '../../src/graph/index.ts';
import type { NodeCase } from './case-builder.ts';
import { INDEX_CASES, MATMUL_CASES, VOCABULARY_CASES } from './contraction-cases.ts';
import { FROZEN_CASES } from './frozen-cases.ts';
import { BINARY_CASES, COMPARE_CASES, SELECT_CASES, UNARY_CASES } from './elementwise-cases.ts';
import { REDUCE_CASES, SHAPE_CASES, SOURCE_CASES } from './tensor-cases.ts';

export type { BuiltCase, NodeCase } from './case-builder.ts';

/**
 * For every node kind the situations in which it must be right: symbolic dimensions, broadcasting, rank 0 to 4, axes without
 * elements, the ends of each domain. The interpreter, the gradient rules and the lowering to ONNX are each tested on all.
 */
export const NODE_CASES = {
  ...SOURCE_CASES,
  ...UNARY_CASES,
  ...BINARY_CASES,
  ...COMPARE_CASES,
  ...SELECT_CASES,
  ...REDUCE_CASES,
  ...MATMUL_CASES,
  ...FROZEN_CASES,
  ...SHAPE_CASES,
  ...INDEX_CASES,
  ...VOCABULARY_CASES,
} satisfies Record<NodeKind, readonly NodeCase[]>;
