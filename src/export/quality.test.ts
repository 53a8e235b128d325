import { expect, test } from 'vitest';
import { qualityOf, qualityText } from './quality.ts';

test('a distance has the word of the limit that it reaches', () => {
  const words = [0, 0.01, 0.011, 0.1, 0.11, 0.25, 0.26, 3].map((mean) => qualityOf({ mean }));
  expect(words).toEqual(['same', 'same', 'close', 'close', 'worse', 'worse', 'much-worse', 'much-worse']);
});

test('a type that loses says so, with the types that do not', () => {
  expect(qualityText({ mean: 0.47, bias: -0.213, format: 'Q4_K_M' })).toBe(
    'noticeably worse than the trained model (each token of the samples 0.21 nats less likely); --gguf-type Q8_0 is not, nor is F16',
  );
  expect(qualityText({ mean: 0.11, bias: 0.002, format: 'Q8_0' })).toBe(
    'a little worse than the trained model; --gguf-type F16 is not',
  );
  expect(qualityText({ mean: 0.054, bias: -0.01, format: 'Q8_0' })).toBe('hardly worse than the trained model');
  expect(qualityText({ mean: 0.002, bias: 0, format: 'F16' })).toBe('as good as the trained model');
});
