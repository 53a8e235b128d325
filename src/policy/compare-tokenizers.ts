import { badInput } from '../core/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';

/**
 * The reference scores the policy's token ids, so every id must spell the same in both vocabularies. Throws bad-input with the first
 * that does not. Another chat template or other special ids change nothing, since the policy's tokenizer makes the ids; `onWarning` is told.
 */
export function compareTokenizers(
  policy: Tokenizer,
  reference: Tokenizer,
  onWarning: ((text: string) => void) | undefined,
): void {
  if (policy.identity === reference.identity) return;
  const size = Math.max(policy.vocabularySize, reference.vocabularySize);
  for (let id = 0; id < size; id++) {
    const [mine, other] = [policy, reference].map((one) => (id < one.vocabularySize ? one.tokenText(id) : undefined));
    if (mine === other) continue;
    const shown = [mine, other].map((text) => (text === undefined ? 'no token' : JSON.stringify(text)));
    throw badInput({
      path: 'reference',
      message:
        `--reference: its vocabulary must be the model's, token ${id} is ${shown[1]} there and ${shown[0]} here; ` +
        'log-probabilities of different tokens do not compare: take a reference of the same family',
    });
  }
  onWarning?.(
    "the reference has the model's vocabulary but another chat template or other special tokens; the model's are used for both",
  );
}
