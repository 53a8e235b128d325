import { describe, expect, test } from 'vitest';
import { dimSymbols, graphInputs, graphNodes, verifyGraph } from '../../src/graph/index.ts';
import { CASE_SYMBOLS } from './case-builder.ts';
import { NODE_CASES } from './node-cases.ts';

describe.each(Object.entries(NODE_CASES))('cases of %s', (kind, cases) => {
  test.each(cases)('$name', (nodeCase) => {
    const { graph, inputs } = nodeCase.build();
    verifyGraph(graph);
    expect(Object.keys(graph.outputs)).toEqual(['y']);
    expect(graphInputs(graph).map((node) => node.attributes.name)).toEqual(Object.keys(inputs).toSorted());
    expect(graphNodes(graph).map((node) => node.kind)).toContain(kind);
    for (const name of nodeCase.differentiate) expect(inputs[name]!.dtype).toBe('float32');
    for (const node of graphInputs(graph)) {
      for (const symbol of node.shape.flatMap(dimSymbols)) expect(Object.keys(CASE_SYMBOLS)).toContain(symbol);
    }
  });
});

test('names are unique within a kind and random values repeat', () => {
  for (const cases of Object.values(NODE_CASES)) {
    const names = cases.map(({ name }) => name);
    expect(names).toEqual([...new Set(names)]);
  }
  const [first, second] = [NODE_CASES.add[1]!.build(), NODE_CASES.add[1]!.build()];
  expect(first.inputs).toEqual(second.inputs);
});
