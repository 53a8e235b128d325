import { vectorJacobian } from '../autodiff/index.ts';
import { graph, input, reduceSum, type Graph, type Node } from '../graph/index.ts';
import type { LossResult, StateNodes } from './definition.ts';
import type { ResolvedObjective } from './resolve.ts';
import { completionInputs, DIFFERENTIABLE, listInputs, pairInputs, type AnswerStatistics } from './statistics.ts';

/** The nodes of an objective over whole vectors of statistics. */
interface ObjectiveNodes extends LossResult {
  /** The statistics that carry a gradient, by the names of their inputs. */
  readonly differentiable: Readonly<Record<string, Node>>;
}

function differentiable(prefix: string, answers: AnswerStatistics): [string, Node][] {
  return DIFFERENTIABLE.flatMap((name): [string, Node][] => {
    const node = answers[name];
    return node === undefined ? [] : [[`${prefix}${name}`, node]];
  });
}

function nodesOf(objective: ResolvedObjective, beta: Node | undefined, state: StateNodes): ObjectiveNodes {
  const inputs = { state, ...(beta === undefined ? {} : { beta }) };
  switch (objective.kind) {
    case 'pair': {
      const pairs = pairInputs(objective);
      const sides = [...differentiable('chosen/', pairs.chosen), ...differentiable('rejected/', pairs.rejected)];
      return { ...objective.loss(pairs, inputs), differentiable: Object.fromEntries(sides) };
    }
    case 'unpaired': {
      const completions = completionInputs(objective);
      const answers = Object.fromEntries(differentiable('', completions.answers));
      return { ...objective.loss(completions, inputs), differentiable: answers };
    }
    case 'ranking': {
      const lists = listInputs(objective);
      return {
        ...objective.loss(lists, inputs),
        differentiable: Object.fromEntries(differentiable('', lists.answers)),
      };
    }
  }
}

export interface ObjectiveGraphOptions {
  /** Take beta from the input `beta` (a scalar), for schedules; default: the resolved number. */
  readonly betaInput?: boolean;
}

/**
 * An objective over the statistics of a whole batch, with its gradient: the middle part of a step of a batch-coupled objective, and what its
 * tests run. Inputs: those of pairInputs, completionInputs or listInputs, `state/<loss>/<name>` for each running value, `lossScale` (a scalar; 1 / R makes
 * the gradient that of the mean), and `beta` if asked for. Outputs: `losses` [R]; `gradient/<statistic>` = lossScale x d(sum of losses) / d
 * statistic, in the statistic's shape, 0 where the loss does not see it; `state/<loss>/<name>` after the batch.
 */
export function objectiveGraph(objective: ResolvedObjective, { betaInput = false }: ObjectiveGraphOptions = {}): Graph {
  const state = Object.fromEntries(Object.keys(objective.state).map((name) => [name, input(`state/${name}`, [])]));
  const nodes = nodesOf(objective, betaInput ? input('beta', []) : undefined, state);
  const names = Object.keys(nodes.differentiable);
  const gradients = vectorJacobian(
    [reduceSum(nodes.losses)],
    [input('lossScale', [])],
    Object.values(nodes.differentiable),
  );
  return graph({
    losses: nodes.losses,
    ...Object.fromEntries(names.map((name, i) => [`gradient/${name}`, gradients[i]!])),
    ...Object.fromEntries(Object.entries(nodes.state).map(([name, node]) => [`state/${name}`, node])),
  });
}
