import type { ValueRules } from './value.ts';
import { ELEMENTWISE_RULES } from './elementwise-rules.ts';
import { FROZEN_RULES } from './frozen-rules.ts';
import { INDEX_RULES } from './index-rules.ts';
import { LINEAR_RULES } from './linear-rules.ts';
import { REDUCE_RULES } from './reduce-rules.ts';
import { SHAPE_RULES } from './shape-rules.ts';
import { SOURCE_RULES } from './source-rules.ts';
import { VOCABULARY_RULES } from './vocabulary-rules.ts';

/** How each node kind is computed; the formulas stand beside the kinds in graph/node.ts. */
export const RULES: ValueRules = {
  ...SOURCE_RULES,
  ...ELEMENTWISE_RULES,
  ...REDUCE_RULES,
  ...LINEAR_RULES,
  ...FROZEN_RULES,
  ...SHAPE_RULES,
  ...INDEX_RULES,
  ...VOCABULARY_RULES,
};
