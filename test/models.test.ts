import { describe, expect, it } from 'vitest';
import { interpret } from '../src/interpret/index.ts';
import { optimise } from '../src/passes/index.ts';
import { fixtureError, largestDifference, loadModelFixture, MODEL_FIXTURES } from './support/model-fixtures.ts';

/**
 * The forward pass and gradients of every family against Transformers (test/fixtures/models/record.py): logits within 1e-4,
 * gradients within 1e-4 of the largest element, in the float64 interpreter, before and after every pass.
 */
describe.each(MODEL_FIXTURES)('%s', (folder) => {
  it('gives the logits, log-probabilities and gradients of Transformers', async () => {
    const fixture = await loadModelFixture(folder);
    const { source, inputs } = fixture;
    const plain = interpret(source, inputs);
    for (const [name, { data }] of Object.entries(plain))
      expect(fixtureError(name, data, fixture), name).toBeLessThan(1e-4);

    const { body } = optimise(source, {
      hints: { T: 512, C: 200, U: 200 },
      recompute: { forwardOutputs: ['logits', 'logps'], budgetBytes: 0 },
    });
    const rest = interpret(body, inputs);
    for (const [name, { data }] of Object.entries(plain)) {
      const scale = Math.max(1, ...data.map(Math.abs));
      expect(largestDifference(rest[name]!.data, data) / scale, `${name} after passes`).toBeLessThan(1e-9);
    }
  });
});
