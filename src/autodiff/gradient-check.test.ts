import { describe, expect, test } from 'vitest';
import { compareGradients } from '../../test/support/gradient-check.ts';
import { NODE_CASES } from '../../test/support/node-cases.ts';
import { graphInputs, type NodeKind } from '../graph/index.ts';
import { vectorJacobian } from './gradient.ts';

/** Kinds without a gradient, and why. Every other kind must have cases to differentiate. */
const WITHOUT_GRADIENT = {
  constant: 'has no inputs',
  iota: 'has no inputs',
  dimSize: 'has no inputs',
  randomUniform: 'a pure function of an integer seed',
  equal: 'bool',
  less: 'bool',
  lessEqual: 'bool',
  and: 'bool',
  or: 'bool',
  not: 'bool',
  stopGradient: 'stops it by definition',
  argsort: 'int32; the order is a constant of the gradient',
  cast: 'changes the dtype, so int32 or bool stands on one side',
} as const satisfies Partial<Record<NodeKind, string>>;

type WithGradient = Exclude<NodeKind, keyof typeof WITHOUT_GRADIENT>;

const DIFFERENTIATED = Object.fromEntries(
  Object.entries(NODE_CASES).map(([kind, cases]) => [kind, cases.filter((some) => some.differentiate.length > 0)]),
) as unknown as Record<NodeKind, (typeof NODE_CASES)[NodeKind]>;

const KINDS = Object.keys(NODE_CASES).filter((kind) => !(kind in WITHOUT_GRADIENT)) as WithGradient[];

describe.each(KINDS)('%s against central differences', (kind) => {
  test('has cases', () => expect(DIFFERENTIATED[kind].length).toBeGreaterThan(0));

  test.each(DIFFERENTIATED[kind])('$name', ({ build, differentiate }) => {
    const { graph, inputs } = build();
    for (const { name, relativeError } of compareGradients(graph.outputs['y']!, inputs, differentiate))
      expect(relativeError, name).toBeLessThan(1e-6);
  });
});

describe.each(KINDS)('%s twice against central differences', (kind) => {
  test.each(DIFFERENTIATED[kind])('$name', ({ build, differentiate }) => {
    const { graph, inputs } = build();
    const y = graph.outputs['y']!;
    const nodes = graphInputs(graph);
    for (const name of differentiate) {
      const x = nodes.find((node) => node.attributes.name === name)!;
      const [first] = vectorJacobian([y], [y], [x]) as [typeof x];
      const used = graphInputs({ outputs: { first } }).map((node) => node.attributes.name);
      const again = used.filter((key) => differentiate.includes(key));
      if (again.length === 0) continue;
      const given = Object.fromEntries(Object.entries(inputs).filter(([key]) => used.includes(key)));
      for (const { name: second, relativeError } of compareGradients(first, given, again))
        expect(relativeError, `${name}, then ${second}`).toBeLessThan(1e-6);
    }
  });
});

test('kinds without a gradient have no case to differentiate', () => {
  for (const kind of Object.keys(WITHOUT_GRADIENT) as (keyof typeof WITHOUT_GRADIENT)[])
    expect(DIFFERENTIATED[kind], WITHOUT_GRADIENT[kind]).toEqual([]);
});
