import { describe, expect, test } from 'vitest';
import { createRandom, float32Tensor, int32Tensor } from '../core/index.ts';
import { graph, input } from '../graph/index.ts';
import { interpret } from '../interpret/index.ts';
import { parseModelConfig } from './config.ts';
import { logits } from './head.ts';
import { plainDecoder } from './decoder.ts';
import { tokenStatistics } from './log-probs.ts';
import { headName } from './parameters.ts';

const [HIDDEN, VOCABULARY] = [4, 7];

function build(tied: boolean) {
  const config = parseModelConfig({
    model_type: 'llama',
    hidden_size: HIDDEN,
    intermediate_size: 4,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    vocab_size: VOCABULARY,
    tie_word_embeddings: tied,
  });
  const decoder = plainDecoder(config);
  const hidden = input('hidden', ['U', HIDDEN]);
  const statistics = tokenStatistics(decoder, {
    hidden,
    predict: input('predict', ['C'], 'int32'),
    targets: input('targets', ['C'], 'int32'),
  });
  return { head: headName(config), source: graph({ ...statistics, logits: logits(decoder, hidden) }) };
}

/** 3 hidden states, 5 scored tokens, as numbers. */
function example(scale: number) {
  const random = createRandom(2);
  const values = (count: number): number[] =>
    Array.from({ length: count }, () => Math.fround(scale * random.nextNormal()));
  return {
    hidden: values(3 * HIDDEN),
    weight: values(VOCABULARY * HIDDEN),
    predict: [0, 2, 2, 1, 0],
    targets: [3, 0, 6, 6, 3],
  };
}

function row(matrix: readonly number[], index: number): number[] {
  return matrix.slice(index * HIDDEN, (index + 1) * HIDDEN);
}

describe.each([true, false])('with a tied head: %s', (tied) => {
  test.each([1, 10])(
    'log-probabilities, entropies and mean scores as softmax defines them, scores of size %s^2',
    (scale) => {
      const { head, source } = build(tied);
      const { hidden, weight, predict, targets } = example(scale);
      const outputs = interpret(source, {
        hidden: float32Tensor([3, HIDDEN], hidden),
        [head]: float32Tensor([VOCABULARY, HIDDEN], weight),
        predict: int32Tensor([5], predict),
        targets: int32Tensor([5], targets),
      });
      predict.forEach((from, i) => {
        const h = row(hidden, from);
        const scores = Array.from({ length: VOCABULARY }, (_, v) =>
          row(weight, v).reduce((sum, value, k) => sum + value * h[k]!, 0),
        );
        const largest = Math.max(...scores);
        const normaliser = largest + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - largest), 0));
        const logps = scores.map((score) => score - normaliser);
        expect(outputs['logps']!.data[i]).toBeCloseTo(logps[targets[i]!]!, 9);
        const entropy = -logps.reduce((sum, logp) => sum + Math.exp(logp) * logp, 0);
        expect(outputs['entropies']!.data[i]).toBeCloseTo(entropy, 9);
        expect(outputs['meanLogits']!.data[i]).toBeCloseTo(
          scores.reduce((sum, score) => sum + score, 0) / VOCABULARY,
          9,
        );
        scores.forEach((score, v) => expect(outputs['logits']!.data[from * VOCABULARY + v]).toBeCloseTo(score, 9));
      });
    },
  );
});

test('a uniform distribution has the entropy ln V, a certain one 0', () => {
  const { head, source } = build(true);
  const weight = Array.from({ length: VOCABULARY * HIDDEN }, (_, i) => (i === 0 ? 1 : 0));
  const outputs = interpret(source, {
    hidden: float32Tensor([2, HIDDEN], [0, 0, 0, 0, 1e4, 0, 0, 0]),
    [head]: float32Tensor([VOCABULARY, HIDDEN], weight),
    predict: int32Tensor([3], [0, 1, 1]),
    targets: int32Tensor([3], [5, 0, 1]),
  });
  const [uniform, certain] = outputs['entropies']!.data;
  expect(uniform).toBeCloseTo(Math.log(VOCABULARY), 12);
  expect(certain).toBe(0);
  expect(Array.from(outputs['logps']!.data)).toEqual([-Math.log(VOCABULARY), 0, -1e4]);
  [0, 1e4 / 7, 1e4 / 7].forEach((mean, i) => expect(outputs['meanLogits']!.data[i]).toBeCloseTo(mean, 9));
});
