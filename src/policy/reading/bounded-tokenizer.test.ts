import { expect, test } from 'vitest';
import { tinyTokenizerJson } from '../../../test/support/tiny-model.ts';
import type { ModelConfig } from '../../models/index.ts';
import { createStreamDecoder, createTokenizer } from '../../tokenizer/index.ts';
import { boundedTokenizer } from './bounded-tokenizer.ts';

const tokenizer = createTokenizer({
  kind: 'huggingface',
  tokenizerJson: tinyTokenizerJson(),
  tokenizerConfig: { eos_token: '<|im_end|>' },
  chatTemplate: undefined,
  specialTokensMap: undefined,
});
const bounded = (vocabularySize: number) => boundedTokenizer(tokenizer, { vocabularySize } as ModelConfig);

test('rows that fill an embedding up have no text when a model draws them; ids beyond the rows are still refused', () => {
  const { decode, vocabularySize } = bounded(300);
  const [a, b] = tokenizer.encode('ab') as [number, number];
  expect(vocabularySize).toBe(259);
  expect([decode([a, 299, b]), decode([259])]).toEqual(['ab', '']);
  expect(() => decode([a, 300])).toThrow('tokenizer: a token id must be an integer from 0 to 258, got 300');
  const stream = createStreamDecoder(bounded(300));
  expect([stream.push(a), stream.push(260), stream.push(b), stream.flush()].join('')).toBe('ab');
});

test('as many rows as tokens leave the tokenizer as it is', () => {
  expect(bounded(259)).toBe(tokenizer);
});
