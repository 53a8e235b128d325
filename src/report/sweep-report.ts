import type { JsonObject } from '../core/index.ts';
import { accuracyText } from '../statistics/index.ts';
import type { MetricRecord } from '../store/index.ts';
import { align, type Chart, type Curve } from './report-curves.ts';
import { escapeHtml, showNumber, showShare } from './report-html.ts';
import { chartCard, configurationCard } from './report.ts';
import { renderPage, section } from './page.ts';

/** The held-out figures of a run, or their mean or spread over seeds: see SweepFigures. */
export interface SweepReportFigures {
  readonly accuracy: number;
  readonly loss: number;
  readonly margin: number;
  readonly logRatio: number;
  readonly chosenChange: number;
  /** Pairs that the accuracy is of. */
  readonly pairs?: number;
}

export interface SweepReportRun {
  /** Its folder below the page's. */
  readonly name: string;
  readonly failure?: string;
  readonly hasReport: boolean;
  readonly metrics: readonly MetricRecord[];
}

export interface SweepReportGroup {
  /** A text for each axis. */
  readonly values: readonly string[];
  readonly mean?: SweepReportFigures;
  readonly spread?: SweepReportFigures;
  /** One for each seed. */
  readonly runs: readonly SweepReportRun[];
}

export interface SweepReportInput {
  readonly title: string;
  readonly subtitle: string;
  /** Names of the options in which the groups differ. */
  readonly axes: readonly string[];
  readonly sort: 'accuracy' | 'loss';
  /** Best first. */
  readonly groups: readonly SweepReportGroup[];
  /** The specification of the first run. */
  readonly configuration: JsonObject;
  readonly footer: string;
}

const FIGURES = [
  ['accuracy', 'accuracy', showShare],
  ['margin', 'margin', showNumber],
  ['loss', 'loss', showNumber],
  ['logRatio', 'log-ratio', showNumber],
  ['chosenChange', 'chosen', showNumber],
] as const;

const CHARTS = [
  {
    metric: 'eval_rewards/accuracies',
    title: 'Held-out accuracy',
    note: 'share of pairs whose chosen answer has the higher reward',
    range: [0, 1],
  },
  { metric: 'eval_loss', title: 'Held-out loss', note: 'compare runs of one objective and one beta only' },
  { metric: 'eval_rewards/margins', title: 'Held-out margin', note: 'reward of chosen minus reward of rejected' },
  {
    metric: 'eval_logps/chosen',
    title: 'Held-out log-probability of chosen',
    note: 'sum over each answer; where it falls, good answers become less likely',
  },
  { metric: 'eval_logps/rejected', title: 'Held-out log-probability of rejected', note: 'sum over each answer' },
  { metric: 'loss', title: 'Training loss', note: 'compare runs of one objective and one beta only' },
] as const;

/** Eight colours that can be told apart on both papers; the ninth group is the first colour dashed. */
const COLOURS = 8;
const DASHES = [undefined, [8, 4], [2, 3], [12, 3, 2, 3]] as const;

const STYLE = `
:root {
  --run-0: #2f5fd0; --run-1: #c9622b; --run-2: #13795b; --run-3: #a53a8c; --run-4: #8a6d00; --run-5: #0f8ba0; --run-6: #b3372f; --run-7: #5d5a86;
}
@media screen and (prefers-color-scheme: dark) {
  :root:not([data-print]) {
    --run-0: #86a6ff; --run-1: #f09a63; --run-2: #58cfa2; --run-3: #e389cf; --run-4: #d9bd4a; --run-5: #5cc8dc; --run-6: #ff958b; --run-7: #b4b0e2;
  }
}
table.runs { font-variant-numeric: tabular-nums; }
table.runs th, table.runs td { white-space: nowrap; }
table.runs td.number, table.runs th.number { text-align: right; }
table.runs th[scope=row] { width: auto; color: var(--ink); }
table.runs .failure { white-space: normal; min-width: 14rem; color: var(--bad); }
`;

/**
 * report.html of a sweep: the runs in order, every curve of every run side by side, the options that all share. Self-contained as renderReport's page; the
 * links to the runs' own reports are relative. Runs of one group that differ in the seed have one colour.
 */
export function renderSweepReport(input: SweepReportInput): string {
  const { title, subtitle, groups, footer, configuration } = input;
  const charts = chartsOfSweep(input);
  return renderPage({
    title,
    subtitle,
    verdict: verdictOf(input),
    charts,
    footer,
    style: STYLE,
    sections: [
      section('runs', 'Runs', groups.length === 0 ? '' : runsCard(input)),
      section('curves', 'Curves', charts.map(chartCard).join('\n'), 'charts'),
      section('configuration', 'Configuration of the first run', configurationCard(configuration)),
    ],
  });
}

function verdictOf({ groups, axes, sort }: SweepReportInput): { tone: 'neutral'; text: string; detail?: string } {
  const [best] = groups;
  if (best?.mean === undefined) return { tone: 'neutral', text: 'No run has finished.' };
  const { accuracy, loss, margin, chosenChange, pairs } = best.mean;
  const interval = pairs === undefined ? undefined : accuracyText(accuracy, pairs);
  const named = axes.length === 0 ? 'the runs' : axes.map((axis, at) => `${axis} ${best.values[at]}`).join(', ');
  const detail = `Margin ${showNumber(margin)}; the chosen answers became ${chosenChange < 0 ? 'less' : 'more'} likely by ${showNumber(Math.abs(chosenChange))} nats.`;
  const text =
    sort === 'accuracy'
      ? `The highest held-out accuracy is ${showShare(accuracy)}${interval === undefined ? '' : ` (${interval})`}, with ${named}.`
      : `The lowest held-out loss is ${showNumber(loss)}, with ${named}.`;
  return { tone: 'neutral', text, detail };
}

function runsCard({ groups, axes }: SweepReportInput): string {
  const head = [
    ...axes.map((axis) => `<th scope="col">${escapeHtml(axis)}</th>`),
    ...FIGURES.map(([, label]) => `<th scope="col" class="number">${label}</th>`),
    '<th scope="col">report</th>',
  ];
  const notes = [
    'log-ratio: how far the model moved, the change of log p over chosen and rejected answers, halved; chosen: that of the chosen answers. Nats an answer, on held-out pairs.',
    ...(groups.some(({ spread }) => spread !== undefined)
      ? ['Figures are means over seeds, with the standard deviation after ±.']
      : []),
  ];
  return `<div class="card"><div class="scroll" tabindex="0" role="region" aria-label="Runs"><table class="runs"><thead><tr>${head.join('')}</tr></thead>
<tbody>${groups.map(groupRow).join('\n')}</tbody></table></div>
<ul class="notes">${notes.map((note) => `<li>${note}</li>`).join('')}</ul></div>`;
}

function groupRow({ values, mean, spread, runs }: SweepReportGroup): string {
  const cells = values.map((value, at) =>
    at === 0 ? `<th scope="row">${escapeHtml(value)}</th>` : `<td>${escapeHtml(value)}</td>`,
  );
  const failures = runs.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  const figures =
    mean === undefined
      ? [`<td class="failure" colspan="${FIGURES.length}">failed: ${escapeHtml(failures[0] ?? '')}</td>`]
      : FIGURES.map(([name, , show]) => {
          const more = spread === undefined ? '' : ` ± ${show(spread[name])}`;
          return `<td class="number">${show(mean[name])}${more}</td>`;
        });
  const links = runs.map(({ name, hasReport }) =>
    hasReport ? `<a href="${escapeHtml(`${encodeURIComponent(name)}/report.html`)}">${linkText(name, runs)}</a>` : '',
  );
  const more = mean !== undefined && failures.length > 0 ? [`${failures.length} failed`] : [];
  return `<tr>${cells.join('')}${figures.join('')}<td>${[...links, ...more].filter((one) => one !== '').join(' ')}</td></tr>`;
}

/** `open`, or the seed where there are several. */
function linkText(name: string, runs: readonly SweepReportRun[]): string {
  return runs.length === 1 ? 'open' : escapeHtml(/seed-\d+/.exec(name)?.[0] ?? name);
}

/** One chart a metric, one line a run. */
function chartsOfSweep({ groups, axes }: SweepReportInput): Chart[] {
  const runs = groups.flatMap(({ values, runs: all }, group) =>
    all.map((run) => ({
      metrics: run.metrics,
      label:
        [...axes.map((axis, at) => `${axis} ${values[at]}`), ...(all.length > 1 ? [linkText(run.name, all)] : [])].join(
          ', ',
        ) || run.name,
      group,
    })),
  );
  return CHARTS.flatMap(({ metric, title, note, ...rest }): Chart[] => {
    // Each run's metric under a name of its own, so that all stand over one axis of steps.
    const named = runs.map((_, at) => `${at}`);
    const records = runs.flatMap(({ metrics }, at) =>
      metrics.map((record): MetricRecord => ({ step: record.step, [`${at}`]: record[metric] ?? null })),
    );
    const present = named.filter((name) => records.some((record) => typeof record[name] === 'number'));
    if (present.length === 0) return [];
    const { steps, columns, width } = align(records, present);
    const curves = present.map((name, at): Curve => {
      const { label, group } = runs[Number(name)]!;
      const dash = DASHES[Math.floor(group / COLOURS) % DASHES.length];
      return { label: escapeHtml(label), role: `run-${group % COLOURS}`, values: columns[at]!, ...(dash && { dash }) };
    });
    const more = width === 1 ? '' : `; each point is the mean of ${width} logged steps`;
    return [{ title, note: note + more, steps, curves, ...rest }];
  });
}
