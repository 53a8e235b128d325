import { graph, verifyGraph, type Graph } from '../graph/index.ts';
import { contractRowSums } from './contract.ts';
import { hoist } from './hoist.ts';
import { reassociate, type DimHints } from './reassociate.ts';
import { recompute, type RecomputeLevel } from './recompute.ts';
import { shareSubexpressions } from './share.ts';
import { simplify } from './simplify.ts';

export interface OptimiseOptions {
  /** Typical values of symbolic dimensions. */
  readonly hints?: DimHints;
  /** Inputs that keep their value for many runs; what depends on them alone is computed once. Default: none. */
  readonly isInvariant?: (inputName: string) => boolean;
  /** Outputs of the forward pass and the memory that its kept values may take; without it nothing is recomputed. */
  readonly recompute?: { readonly forwardOutputs: readonly string[]; readonly budgetBytes: number };
}

export interface Optimised {
  /** See Hoisted. */
  readonly once: Graph;
  readonly body: Graph;
  readonly level: RecomputeLevel;
  /** Estimated bytes of values kept for the backward pass; 0 when not asked for. */
  readonly keptBytes: number;
}

/**
 * Every pass in order, each graph verified: share, simplify, regroup products, contract row sums, hoist, recompute.
 *
 * @example
 * ```ts run
 * import { graph, input, optimise, printGraph } from 'preftune';
 * import { add, matmul, mul, transpose } from 'preftune/graph';
 *
 * const [x, w] = [input('x', ['T', 4]), input('w', [3, 4])];
 * const y = matmul(mul(add(x, 0), 2), transpose(w, [1, 0]));
 * console.log(printGraph(optimise(graph({ y })).body));
 * // %0 = input "x" : float32 [T, 4]
 * // %1 = input "w" : float32 [3, 4]
 * // %2 = matmul %0 %1 transposeB=true scale=2 : float32 [T, 3]
 * // return y=%2
 * ```
 */
export function optimise(
  source: Graph,
  { hints = {}, isInvariant, recompute: memory }: OptimiseOptions = {},
): Optimised {
  const passes: ((current: Graph) => Graph)[] = [
    shareSubexpressions,
    simplify,
    shareSubexpressions,
    (current) => reassociate(current, hints),
    contractRowSums,
    simplify,
    shareSubexpressions,
  ];
  let current = source;
  for (const pass of passes) {
    current = pass(current);
    verifyGraph(current);
  }
  const { once, body } = isInvariant === undefined ? { once: graph({}), body: current } : hoist(current, isInvariant);
  verifyGraph(once);
  if (memory === undefined) return { once, body, level: 'nothing', keptBytes: 0 };
  const recomputed = recompute(body, { ...memory, hints });
  verifyGraph(recomputed.graph);
  return { once, body: recomputed.graph, level: recomputed.level, keptBytes: recomputed.keptBytes };
}
