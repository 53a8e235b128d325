import { describe, expect, test } from 'vitest';
import { compareGradients } from '../../test/support/gradient-check.ts';
import { graph, graphInputs, input, rewrite, withInputs, type Node } from '../graph/index.ts';
import { interpret } from '../interpret/index.ts';
import { objectiveGraph } from './objective-graph.ts';
import { LOSSES, type LossName } from './registry.ts';
import { resolveObjective } from './resolve.ts';
import { float64Inputs, scalarsOf } from './testing/evaluate.ts';
import { FOUR_ANSWERS, SMOOTH_PAIRS, THREE_LISTS } from './testing/rows.ts';
import { variantsOf } from './testing/variants.ts';

const ROWS = {
  pair: { ...SMOOTH_PAIRS, margins: [0.5, 0.2, 0, 1, -0.3, 0.1] },
  unpaired: FOUR_ANSWERS,
  ranking: THREE_LISTS,
} as const;

/**
 * The node with every stopGradient in it replaced by an input that holds its value: what central differences must leave alone as the gradient
 * does.
 */
function freeze(root: Node): { readonly y: Node; readonly stopped: Readonly<Record<string, Node>> } {
  const stopped: Record<string, Node> = {};
  const { outputs } = rewrite(graph({ y: root }), (node, inputs) => {
    if (node.kind !== 'stopGradient') return withInputs(node, inputs);
    const name = `frozen/${Object.keys(stopped).length}`;
    stopped[name] = node;
    return input(name, node.shape);
  });
  return { y: outputs['y']!, stopped };
}

describe.each(Object.keys(LOSSES) as LossName[])('%s', (name) => {
  test.each(variantsOf(name, 0.1).map(({ label, request }) => [label, request] as const))('%s', (_label, request) => {
    const objective = resolveObjective(request);
    const source = objectiveGraph(objective);
    const given = { statistics: ROWS[objective.kind], scalars: scalarsOf(objective) };
    const { y, stopped } = freeze(source.outputs['losses']!);
    const all = float64Inputs(source, given);
    const values = Object.keys(stopped).length === 0 ? {} : interpret(graph(stopped), pick(graph(stopped), all));
    const frozen = Object.fromEntries(
      Object.entries(values).map(([key, { shape, data }]) => [key, { dtype: 'float64', shape, data } as const]),
    );
    const inputs = pick(graph({ y }), { ...all, ...frozen });
    const names = Object.keys(source.outputs)
      .filter((output) => output.startsWith('gradient/'))
      .map((output) => output.slice('gradient/'.length));
    expect(names.length).toBeGreaterThan(0);
    const reached = names.filter((each) => Object.hasOwn(inputs, each));
    const compared = compareGradients(y, inputs, reached);
    for (const { name: wrt, relativeError } of compared)
      expect([wrt, relativeError < 1e-6, relativeError]).toEqual([wrt, true, relativeError]);
  });
});

/** The inputs that a graph has. */
function pick<T>(source: ReturnType<typeof graph>, inputs: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(graphInputs(source).map(({ attributes: { name } }) => [name, inputs[name]!]));
}
