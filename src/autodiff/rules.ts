import type { CotangentRules } from './cotangent.ts';
import { ELEMENTWISE_RULES } from './elementwise-rules.ts';
import { LINEAR_RULES } from './linear-rules.ts';
import { MOVEMENT_RULES } from './movement-rules.ts';
import { REDUCE_RULES } from './reduce-rules.ts';
import { VOCABULARY_RULES } from './vocabulary-rules.ts';

/** The vector-Jacobian rule of every node kind. */
export const RULES: CotangentRules = {
  input: () => [],
  constant: () => [],
  iota: () => [],
  dimSize: () => [],
  randomUniform: () => [undefined],
  ...ELEMENTWISE_RULES,
  ...REDUCE_RULES,
  ...LINEAR_RULES,
  ...MOVEMENT_RULES,
  ...VOCABULARY_RULES,
};
