import type { TrlRules } from '../data/index.ts';
import type { CommonSpecification } from '../specification/index.ts';
import type { RunContext } from './context.ts';
import type { RunInputs } from './node/inputs.ts';
import { textRowsOf, textRowsWarning } from './asking.ts';
import { longestRow } from './positions.ts';

/** Options of src/data's loaders that a specification decides. */
export function loadOptions(
  specification: Pick<CommonSpecification, 'maxLength' | 'maxPromptLength' | 'lenient' | 'textRows'> & {
    readonly seed?: number;
  },
  trl: TrlRules | undefined,
  { inputs, context }: { readonly inputs: RunInputs; readonly context: RunContext },
) {
  const { maxPromptLength, lenient, seed, textRows } = specification;
  const { opened, reference, trained } = inputs;
  const { listener, signal } = context;
  const warning = textRowsWarning(textRows, trained);
  if (warning !== undefined) listener.onWarning?.(warning);
  return {
    tokenizer: opened.tokenizer,
    maxLength: longestRow(specification.maxLength, [opened.config, reference?.config]),
    textRows: textRowsOf(textRows, { trained, trl }),
    ...(seed === undefined ? {} : { seed }),
    ...(trl === undefined ? {} : { trl }),
    ...(maxPromptLength === undefined ? {} : { maxPromptLength }),
    mode: lenient ? ('lenient' as const) : ('strict' as const),
    ...(listener.onRowsRead === undefined ? {} : { onProgress: listener.onRowsRead }),
    ...(signal === undefined ? {} : { signal }),
  };
}
