import { vectorJacobian } from '../../autodiff/index.ts';
import { graph, input, reduceSum, type Graph, type Node } from '../../graph/index.ts';
import { completionInputs, listInputs, pairInputs, STATISTICS, type StatisticName } from '../statistics.ts';
import type { Variant } from './variants.ts';

const NAMES = Object.keys(STATISTICS) as StatisticName[];
const isForeign = (name: StatisticName): boolean => name.startsWith('kl');

/** Everything that a loss of a kind can ask for, as one set of input nodes. */
function everything(kind: Variant['objective']['kind']) {
  const request = { needsReference: true, margins: true, weights: false };
  if (kind === 'pair') {
    const pairs = pairInputs({ ...request, needs: NAMES.filter((name) => !isForeign(name)) });
    const { margins: _margins, ...plain } = pairs;
    const { chosen, rejected } = pairs;
    const wrt = [chosen.logps, rejected.logps, chosen.sharedLogps!, rejected.sharedLogps!];
    return { withMargins: pairs, plain, wrt: [...wrt, chosen.sequentialKl!, rejected.sequentialKl!] };
  }
  const plain =
    kind === 'unpaired'
      ? completionInputs({ ...request, needs: NAMES.filter(isForeign) })
      : listInputs({ ...request, needs: [] });
  return { withMargins: plain, plain, wrt: [plain.answers.logps] };
}

/**
 * Losses and gradients of many objectives of one kind over the same rows in one graph, so that a device compiles once: outputs `<i>/losses`,
 * `<i>/gradient/<k>` of the i-th variant, inputs of running values and `beta` as in objectiveGraph.
 */
export function batchedGraph(variants: readonly Variant[]): Graph {
  const { withMargins, plain, wrt } = everything(variants[0]!.objective.kind);
  const stateInputs = new Map<string, Node>();
  const stateInput = (name: string): Node => {
    if (!stateInputs.has(name)) stateInputs.set(name, input(`state/${name}`, []));
    return stateInputs.get(name)!;
  };
  const [one, beta] = [input('lossScale', []), input('beta', [])];
  const outputs = variants.flatMap(({ objective }, i): [string, Node][] => {
    const state = Object.fromEntries(Object.keys(objective.state).map((name) => [name, stateInput(name)]));
    const statistics = objective.margins ? withMargins : plain;
    const { losses } = (objective.loss as (...parts: unknown[]) => { losses: Node })(statistics, { state, beta });
    const gradients = vectorJacobian([reduceSum(losses)], [one], wrt);
    return [[`${i}/losses`, losses], ...gradients.map((node, k): [string, Node] => [`${i}/gradient/${k}`, node])];
  });
  return graph(Object.fromEntries(outputs));
}
