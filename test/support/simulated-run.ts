import { createRandom, type Random } from '../../src/core/index.ts';
import { graphInputs, type Graph } from '../../src/graph/index.ts';
import { interpret, type Float64Tensor } from '../../src/interpret/index.ts';
import { factsOf, type RunFacts } from '../../src/monitor/index.ts';
import {
  implicitReward,
  objectiveGraph,
  resolveObjective,
  type ResolvedObjective,
} from '../../src/objectives/index.ts';
import { learningRateAt } from '../../src/optim/index.ts';
import { parseDpoSpecification } from '../../src/specification/index.ts';
import { pairMetrics, rankingMetrics, unpairedMetrics, type Metrics } from '../../src/train/index.ts';
import type { MetricRecord } from '../../src/store/index.ts';

/**
 * What a run of any objective logs when its policy moves in a given way: losses, gradients and rewards are computed by the objective itself from
 * log-probabilities that are made up, of answers of 5 to 120 tokens.
 */
export interface Movement {
  /** Nats a token that answers have gained at the end of the run, best first; of lists of three, the middle one is between. */
  readonly chosen: number;
  readonly rejected: number;
  /** Nats that the answers of the policy are from the reference before the first step. */
  readonly offset?: number;
  /** The margin is so many nats for each token by which the chosen answer is longer, and nothing else. */
  readonly byLength?: number;
  /** Share of its own movement by which an answer differs from the others. Default 0.5. */
  readonly noise?: number;
  /** Share of its effect that reaches held-out rows. Default 0.7. */
  readonly generalises?: number;
  /** What is left of entropy at the end. Default 0.85. */
  readonly entropy?: number;
  /** Gradients and nothing else are multiplied by it. */
  readonly gradient?: number;
}

export interface SimulatedRun {
  readonly records: readonly MetricRecord[];
  readonly facts: RunFacts;
}

const STEPS = 60;
const EVALUATE_EVERY = 10;
const BATCH = 8;
const HELD_OUT = 48;
const WIDTHS = { pair: 2, unpaired: 2, ranking: 3 } as const;

/** An answer as the reference sees it. */
interface Answer {
  readonly length: number;
  readonly perToken: number;
  /** Of this answer, around 1 in the middle. */
  readonly share: number;
}

function drawRows(count: number, width: number, random: Random): Answer[][] {
  const between = (low: number, high: number): number => low + (high - low) * random.nextFloat();
  return Array.from({ length: count }, () =>
    Array.from({ length: width }, () => ({
      length: 5 + random.nextInt(116),
      perToken: -between(0.7, 1.7),
      share: between(-1, 1),
    })),
  );
}

/** Log-ratio of an answer, `place` counted from the best, when `done` of the movement has happened. */
function logRatioOf(
  row: readonly Answer[],
  place: number,
  { movement, done }: { readonly movement: Movement; readonly done: number },
): number {
  const { chosen, rejected, offset = 0, byLength, noise = 0.5 } = movement;
  const { length, share } = row[place]!;
  if (byLength !== undefined) {
    const other = row[place === 0 ? 1 : 0]!;
    return offset + done * byLength * (length - other.length) * (1 + 0.1 * share);
  }
  const along = place / (row.length - 1);
  const rate = chosen + (rejected - chosen) * along;
  const own = noise * share * Math.max(Math.abs(chosen), Math.abs(rejected));
  return offset + done * length * (rate + own);
}

/** Every statistic that an objective may ask for, [R, K] by name. */
function statisticsOf(
  rows: readonly (readonly Answer[])[],
  at: { readonly movement: Movement; readonly done: number },
) {
  const table = (value: (row: readonly Answer[], place: number) => number): number[][] =>
    rows.map((row) => row.map((_answer, place) => value(row, place)));
  const reference = (row: readonly Answer[], place: number): number => row[place]!.length * row[place]!.perToken;
  const policy = (row: readonly Answer[], place: number): number => reference(row, place) + logRatioOf(row, place, at);
  const sharedOf = (row: readonly Answer[], place: number): number =>
    Math.min(...row.slice(0, 2).map(({ length }) => length)) / row[place]!.length;
  return {
    logps: table(policy),
    referenceLogps: table(reference),
    lengths: table((row, place) => row[place]!.length),
    sharedLogps: table((row, place) => sharedOf(row, place) * policy(row, place)),
    sharedReferenceLogps: table((row, place) => sharedOf(row, place) * reference(row, place)),
    logCollision: table((row, place) => 1.1 * reference(row, place)),
    sequentialKl: table((row, place) => 0.05 * Math.abs(logRatioOf(row, place, at))),
    promptLengths: table(() => 20),
  };
}

type Table = ReturnType<typeof statisticsOf>;

/** The inputs of an objective's graph by name. Of unpaired answers, one of each row is trained, by turns a good and a bad one. */
function inputOf(objective: ResolvedObjective, name: string, table: Table): readonly number[] | readonly number[][] {
  const { kind } = objective;
  const columns = table as Readonly<Record<string, number[][]>>;
  if (kind === 'pair') {
    const [side, statistic] = name.split('/') as [string, string];
    return columns[statistic]!.map((row) => row[side === 'chosen' ? 0 : 1]!);
  }
  if (kind === 'ranking') return name === 'present' ? table.logps.map((row) => row.map(() => 1)) : columns[name]!;
  if (name === 'labels') return table.logps.map((_row, i) => (i % 2 === 0 ? 1 : 0));
  // An answer that belongs to another prompt: it moves as the bad ones do, a little.
  if (name === 'klLogps')
    return table.referenceLogps.map((row, i) => row[0]! + 0.1 * (table.logps[i]![1]! - table.referenceLogps[i]![1]!));
  if (name === 'klReferenceLogps') return table.referenceLogps.map((row) => row[0]!);
  return columns[name]!.map((row, i) => row[i % 2]!);
}

interface Computed {
  readonly metrics: Metrics;
  readonly state: Readonly<Record<string, number>>;
  readonly norm: number;
}

function compute(
  objective: ResolvedObjective,
  source: Graph,
  { table, state }: { readonly table: Table; readonly state: Readonly<Record<string, number>> },
): Computed {
  const rows = table.logps.length;
  const scalars: Readonly<Record<string, number>> = { ...state, lossScale: 1 / rows };
  const inputs = Object.fromEntries(
    graphInputs(source).map(({ attributes: { name } }): [string, Float64Tensor] => {
      if (scalars[name] !== undefined)
        return [name, { dtype: 'float64', shape: [], data: Float64Array.of(scalars[name]) }];
      const values = inputOf(objective, name, table);
      const shape = Array.isArray(values[0]) ? [rows, values[0].length] : [rows];
      return [name, { dtype: 'float64', shape, data: Float64Array.from(values.flat()) }];
    }),
  );
  const outputs = interpret(source, inputs);
  const gradients = Object.entries(outputs).flatMap(([name, { data }]) =>
    name.startsWith('gradient/') ? [...data] : [],
  );
  const next = Object.entries(outputs).flatMap(([name, { data }]) =>
    name.startsWith('state/') ? [[name, data[0]!]] : [],
  );
  return {
    metrics: metricsOf(objective, table, [...outputs['losses']!.data]),
    state: Object.fromEntries(next) as Record<string, number>,
    norm: 100 * Math.hypot(...gradients),
  };
}

function metricsOf(
  { kind, needsReference, reward, terms }: ResolvedObjective,
  table: Table,
  losses: number[],
): Metrics {
  const { lengths } = reward;
  const seen = (whole: number, shared: number): number =>
    lengths === undefined ? whole : lengths.ldAlpha * whole + (1 - lengths.ldAlpha) * shared;
  const rewards = table.logps.map((row, i) =>
    row.map((logps, place) =>
      implicitReward(reward.form, reward.beta, {
        logps: seen(logps, table.sharedLogps[i]![place]!),
        referenceLogps: needsReference
          ? seen(table.referenceLogps[i]![place]!, table.sharedReferenceLogps[i]![place]!)
          : 0,
        tokens: table.lengths[i]![place]!,
        sequentialKl: table.sequentialKl[i]![place]!,
      }),
    ),
  );
  const picked = (values: readonly (readonly number[])[]): number[] =>
    kind === 'unpaired' ? values.map((row, i) => row[i % 2]!) : values.flat();
  const common = {
    losses,
    logps: picked(table.logps),
    counts: picked(table.lengths),
    rewards: picked(rewards),
    entropies: picked(table.logps.map((row) => row.map(() => 2))),
    meanLogits: picked(table.logps.map((row) => row.map(() => 0))),
    referenceLogps: picked(table.referenceLogps),
  };
  if (kind === 'pair') {
    const sums = pairMetrics();
    sums.add(common);
    return sums.result();
  }
  if (kind === 'ranking') {
    const sums = rankingMetrics(WIDTHS.ranking, terms[0]!.loss.compares);
    sums.add({ ...common, present: common.logps.map(() => 1) });
    return sums.result();
  }
  const sums = unpairedMetrics(1);
  sums.add({ ...common, labels: losses.map((_loss, i) => (i % 2 === 0 ? 1 : 0)) });
  return sums.result();
}

/** A run of 60 steps of 8 rows with six evaluations of 48 held-out rows and one before the first step, unless nothing is held out. */
export function simulatedRun(
  given: Readonly<Record<string, unknown>>,
  movement: Movement,
  { isHeldOut = true, seed = 1 }: { readonly isHeldOut?: boolean; readonly seed?: number } = {},
): SimulatedRun {
  const specification = parseDpoSpecification({ model: 'm', data: 'd', output: 'o', ...given });
  const { name, options, compat } = specification.objective;
  const objective = resolveObjective({ objective: name, options, ...(compat && { compat }) });
  const source = objectiveGraph(objective);
  const random = createRandom(seed, 'simulated run');
  const width = WIDTHS[objective.kind];
  const heldOut = drawRows(HELD_OUT, width, random);
  const { generalises = 0.7, entropy = 0.85, gradient = 1 } = movement;
  const schedule = { name: 'linear', learningRate: 1e-4, warmupSteps: 6, totalSteps: STEPS } as const;
  let state: Readonly<Record<string, number>> = Object.fromEntries(
    Object.entries(objective.state).map(([key, value]) => [`state/${key}`, value]),
  );
  const records: MetricRecord[] = [];
  const evaluate = (step: number): void => {
    if (!isHeldOut) return;
    const at = { movement, done: (generalises * step) / STEPS };
    const { metrics } = compute(objective, source, { table: statisticsOf(heldOut, at), state });
    const left = 1 - (1 - entropy) * (step / STEPS);
    const named = Object.entries({ ...metrics, entropy: 2 * left }).map(([key, value]) => [`eval_${key}`, value]);
    records.push({ ...(Object.fromEntries(named) as Metrics), step });
  };
  evaluate(0);
  for (let step = 1; step <= STEPS; step++) {
    const at = { movement, done: (step - 1) / STEPS };
    const table = statisticsOf(drawRows(BATCH, width, random), at);
    const { metrics, norm, state: next } = compute(objective, source, { table, state });
    state = next;
    records.push({
      ...metrics,
      step,
      entropy: 2 * (1 - (1 - entropy) * at.done) * (1 + 0.05 * (random.nextFloat() - 0.5)),
      learning_rate: learningRateAt(schedule, step - 1),
      grad_norm: gradient * norm,
      epoch: step / STEPS,
    });
    if (step % EVALUATE_EVERY === 0) evaluate(step);
  }
  return { records, facts: factsOf(JSON.parse(JSON.stringify(specification)), STEPS) };
}
