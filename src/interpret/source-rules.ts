import { randomUniformAt } from '../graph/index.ts';
import { elementsOf, makeValue, valueDType, type ValueRules } from './value.ts';

/** Values that come from outside the graph, or from its shapes and a seed. */
export const SOURCE_RULES = {
  input: ({ attributes }, _inputs, { input }) => input(attributes.name),
  constant: ({ attributes: { value } }) => ({
    dtype: valueDType(value.dtype),
    shape: value.shape,
    data: elementsOf(value),
  }),
  iota: ({ attributes: { length } }, _inputs, { sizeOf }) => makeValue('int32', [sizeOf(length)], (i) => i),
  dimSize: ({ attributes: { dim } }, _inputs, { sizeOf }) => makeValue('int32', [], () => sizeOf(dim)),
  randomUniform: ({ attributes: { shape } }, inputs, { shapeOf }) => {
    const seed = inputs[0]!.data[0]!;
    return makeValue('float64', shapeOf(shape), (position) => randomUniformAt(position, seed));
  },
} satisfies Partial<ValueRules>;
