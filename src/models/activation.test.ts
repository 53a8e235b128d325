import { expect, test } from 'vitest';
import { float32Tensor } from '../core/index.ts';
import { graph, input, type Node } from '../graph/index.ts';
import { interpret } from '../interpret/index.ts';
import { activate, softCapped } from './activation.ts';
import type { Activation } from './model-config.ts';

function valuesOf(of: (x: Node) => Node, xs: readonly number[]): number[] {
  const { y } = interpret(graph({ y: of(input('x', ['N'])) }), { x: float32Tensor([xs.length], xs) });
  return Array.from(y!.data);
}

/** At -1, 0, 1 and 2: x / (1 + exp(-x)), and torch.nn.functional.gelu(x, approximate='tanh') by its formula. */
const EXPECTED = {
  silu: [-0.2689414213699951, 0, 0.7310585786300049, 1.7615941559557649],
  gelu_tanh: [-0.15880800939172324, 0, 0.8411919906082768, 1.954597694087775],
} satisfies Record<Activation, readonly number[]>;

test.each(Object.entries(EXPECTED))('%s', (name, expected) => {
  const values = valuesOf((x) => activate(name as Activation, x), [-1, 0, 1, 2]);
  // Constants of a graph are float32.
  values.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 7));
});

test('a soft cap leaves small values, and is the most that there is', () => {
  const values = valuesOf((x) => softCapped(x, 2), [0.001, 1, -1, 1e6, -1e6]);
  [0.001, 0.9242343145200195, -0.9242343145200195, 2, -2].forEach((expected, i) =>
    expect(values[i]).toBeCloseTo(expected, 8),
  );
  expect(valuesOf((x) => softCapped(x, undefined), [1e6])).toEqual([1e6]);
});
