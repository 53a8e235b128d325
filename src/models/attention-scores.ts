import { matmul, type Node } from '../graph/index.ts';
import { softCapped } from './activation.ts';
import type { ModelTraits } from './model-config.ts';

/** q k^T times the model's scale, within its soft cap, before a mask: queries [..., n, d], keys [..., m, d] -> [..., n, m]. */
export function attentionScores(
  { attentionScale, attentionSoftCap }: Pick<ModelTraits, 'attentionScale' | 'attentionSoftCap'>,
  queries: Node,
  keys: Node,
): Node {
  return softCapped(matmul(queries, keys, { transposeB: true, scale: attentionScale }), attentionSoftCap);
}
