import type { Problem } from '../core/index.ts';
import { idleProblem } from '../options/index.ts';
import type { CommonFields } from './specification-schema.ts';

/** What of the options of a new adapter is idle or impossible together, whatever the model. */
export function adapterProblems({ lora, method, adapter, basePrecision }: CommonFields): Problem[] {
  if (lora === undefined || method === 'full' || adapter !== undefined) return [];
  const problems: Problem[] = [];
  const { variant, plus, plusRatio, pissaIterations } = lora;
  if (plusRatio !== undefined && !plus) problems.push(idleProblem('lora.plusRatio', 'without --lora.plus'));
  if (plus && plusRatio === 1)
    problems.push({
      path: 'lora.plusRatio',
      message: '--lora.plus-ratio must be above 1 with --lora.plus, got 1; leave both out to let A and B learn alike',
    });
  if (pissaIterations !== undefined && variant !== 'pissa')
    problems.push(idleProblem('lora.pissaIterations', `with --lora.variant ${variant}`));
  if (variant === 'dora' && basePrecision !== 'float32')
    problems.push({
      path: 'lora.variant',
      message: `--lora.variant dora must not be given with --base-precision ${basePrecision}; the lengths of its weights need them in float32: leave out --base-precision, or take another variant`,
    });
  return problems;
}
