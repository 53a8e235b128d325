import type { MetricRecord } from '../store/index.ts';

/** What a line stands for; the page has a colour and a width for each. */
export type LineRole =
  | 'train'
  | 'chosen'
  | 'rejected'
  | 'heldout'
  | 'heldout-chosen'
  | 'heldout-rejected'
  /** One of several runs on a page; the number picks the colour. */
  | `run-${number}`;

export interface Curve {
  readonly label: string;
  readonly role: LineRole;
  /** One value for each of the chart's steps; null where this curve has none there. */
  readonly values: readonly (number | null)[];
  /** Lengths of strokes and gaps, pixels; a solid line without. */
  readonly dash?: readonly number[];
}

export interface Chart {
  readonly title: string;
  /** What the axis counts and what is good. */
  readonly note: string;
  /** Ascending; steps, or what xLabel says. */
  readonly steps: readonly number[];
  /** What the horizontal axis counts. Default: step. */
  readonly xLabel?: string;
  readonly curves: readonly Curve[];
  /** Fixed ends of the axis, for shares. */
  readonly range?: readonly [number, number];
}

/** A number at the start and at the end of the run. */
export interface KeyFigure {
  readonly label: string;
  readonly start: number;
  readonly end: number;
  /** `share` is shown in percent. */
  readonly unit: 'share' | 'number';
  readonly change: 'better' | 'worse' | 'same';
}

interface CurveSpec {
  readonly metric: string;
  readonly label: string;
  readonly role: LineRole;
}

interface ChartSpec {
  readonly title: string;
  readonly note: string;
  readonly curves: readonly CurveSpec[];
  readonly range?: readonly [number, number];
}

const trainAndHeldOut = (metric: string): CurveSpec[] => [
  { metric, label: 'training', role: 'train' },
  { metric: `eval_${metric}`, label: 'held out', role: 'heldout' },
];

const bothSides = (prefix: string): CurveSpec[] => [
  { metric: `${prefix}/chosen`, label: 'chosen', role: 'chosen' },
  { metric: `${prefix}/rejected`, label: 'rejected', role: 'rejected' },
  { metric: `eval_${prefix}/chosen`, label: 'chosen, held out', role: 'heldout-chosen' },
  { metric: `eval_${prefix}/rejected`, label: 'rejected, held out', role: 'heldout-rejected' },
];

const CHARTS: readonly ChartSpec[] = [
  { title: 'Loss', note: 'lower is better', curves: trainAndHeldOut('loss') },
  {
    title: 'Accuracy',
    note: 'share of pairs whose chosen answer has the higher reward',
    curves: trainAndHeldOut('rewards/accuracies'),
    range: [0, 1],
  },
  { title: 'Margin', note: 'reward of chosen minus reward of rejected', curves: trainAndHeldOut('rewards/margins') },
  { title: 'Rewards', note: 'beta times the log-ratio to the reference', curves: bothSides('rewards') },
  { title: 'Log-probabilities', note: 'sum over each answer', curves: bothSides('logps') },
  { title: 'Logits', note: 'mean over each answer', curves: bothSides('logits') },
  { title: 'Entropy', note: 'nats for each token', curves: trainAndHeldOut('entropy') },
  { title: 'Gradient norm', note: 'before clipping', curves: [{ metric: 'grad_norm', label: 'norm', role: 'train' }] },
  {
    title: 'Learning rate',
    note: 'of the schedule',
    curves: [{ metric: 'learning_rate', label: 'rate', role: 'train' }],
  },
  {
    title: 'Speed',
    note: 'tokens per second',
    curves: [{ metric: 'tokens_per_second', label: 'tokens/s', role: 'train' }],
  },
];

const FIGURES = [
  { metric: 'rewards/accuracies', label: 'accuracy', unit: 'share', isHigherBetter: true },
  { metric: 'rewards/margins', label: 'margin', unit: 'number', isHigherBetter: true },
  { metric: 'loss', label: 'loss', unit: 'number', isHigherBetter: false },
] as const;

/** A chart has at most about this many steps; longer runs are averaged over neighbours. */
export const MAX_CHART_STEPS = 1200;

/** The charts that the metrics have numbers for. */
export function chartsOf(metrics: readonly MetricRecord[]): Chart[] {
  return CHARTS.flatMap(({ curves: specs, ...rest }) => {
    const present = specs.filter(({ metric }) => metrics.some((record) => typeof record[metric] === 'number'));
    if (present.length === 0) return [];
    const { steps, columns, width } = align(
      metrics,
      present.map(({ metric }) => metric),
    );
    const note = width === 1 ? rest.note : `${rest.note}; each point is the mean of ${width} logged steps`;
    const curves = present.map(({ label, role }, index) => ({ label, role, values: columns[index]! }));
    return [{ ...rest, note, steps, curves }];
  });
}

/** Held-out accuracy, margin and loss at their first and last evaluation; the training ones where nothing was held out. */
export function keyFiguresOf(metrics: readonly MetricRecord[]): KeyFigure[] {
  return FIGURES.flatMap(({ metric, label, unit, isHigherBetter }) => {
    const heldOut = valuesOf(metrics, `eval_${metric}`);
    const values = heldOut.length > 0 ? heldOut : valuesOf(metrics, metric);
    if (values.length === 0) return [];
    const [start, end] = [values[0]!, values.at(-1)!];
    const change = start === end ? 'same' : end > start === isHigherBetter ? 'better' : 'worse';
    return [{ label: `${heldOut.length > 0 ? 'Held-out' : 'Training'} ${label}`, start, end, unit, change }];
  });
}

function valuesOf(metrics: readonly MetricRecord[], name: string): number[] {
  return metrics.flatMap((record) => (typeof record[name] === 'number' ? [record[name]] : []));
}

/** Columns of the metrics over the steps that have any: one row a step (a step's records, such as training and evaluation, are merged), then means over `width` neighbours. */
export function align(
  metrics: readonly MetricRecord[],
  names: readonly string[],
): { steps: number[]; columns: (number | null)[][]; width: number } {
  const rows = new Map<number, (number | null)[]>();
  for (const record of metrics) {
    if (!names.some((name) => typeof record[name] === 'number')) continue;
    const row = rows.get(record.step) ?? names.map(() => null);
    names.forEach((name, index) => {
      const value = record[name];
      if (typeof value === 'number') row[index] = value;
    });
    rows.set(record.step, row);
  }
  const width = Math.ceil(rows.size / MAX_CHART_STEPS) || 1;
  const all = [...rows.entries()].toSorted(([a], [b]) => a - b);
  const groups = Array.from({ length: Math.ceil(all.length / width) }, (_, index) =>
    all.slice(index * width, (index + 1) * width),
  );
  return {
    steps: groups.map((group) => group.at(-1)![0]),
    columns: names.map((_, index) => groups.map((group) => mean(group.map(([, row]) => row[index]!)))),
    width,
  };
}

/** Mean of the numbers among the values, to seven digits; null when there is none. */
function mean(values: readonly (number | null)[]): number | null {
  const numbers = values.filter((value) => value !== null);
  if (numbers.length === 0) return null;
  const sum = numbers.reduce((total, value) => total + value, 0);
  return Number((sum / numbers.length).toPrecision(7));
}
