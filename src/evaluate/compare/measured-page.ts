import {
  chartsOf,
  dataCard,
  escapeHtml,
  figureCard,
  keyFiguresOf,
  section,
  type Chart,
  type PageSection,
} from '../../report/index.ts';
import { verdictSections, verdictSentence } from '../../monitor/index.ts';
import { evaluationTables, type EvaluationTable } from '../behaviour/evaluation-tables.ts';
import { evaluationSentences } from '../behaviour/evaluation-text.ts';
import { tableCard } from '../behaviour/evaluation-page.ts';
import type { FrontierPoint } from '../behaviour/frontier.ts';
import type { Measured } from './measure.ts';
import type { RunStory } from './run-story.ts';
import type { Standing } from './standings.ts';

/** Curves of a run that say how preferences were learnt; all of them stand in the run's own report. */
const CURVES = new Set(['Loss', 'Accuracy', 'Margin', 'Rewards', 'Log-probabilities']);

/** Gives the charts of a page their places, in the order in which they are asked for. */
export interface ChartPlaces {
  /** HTML for them, side by side; empty for none. */
  place(charts: readonly Chart[]): string;
}

/** How each run went: its curves, and what the checks for known faults say. */
export function trainingSections(stories: readonly RunStory[], charts: ChartPlaces): PageSection[] {
  return stories.map(({ name, metrics, verdict }, i) => {
    const figures = keyFiguresOf(metrics).map(figureCard).join('\n');
    const curves = charts.place(chartsOf(metrics).filter(({ title }) => CURVES.has(title)));
    const checks = verdict === undefined ? '' : verdictSections(verdict).map(dataCard).join('\n');
    const said = verdict === undefined ? '' : `<p>${escapeHtml(verdictSentence(verdict))}</p>`;
    const body = [said, grid('grid', figures), curves, grid('data', checks)].filter((part) => part !== '').join('\n');
    const title = stories.length === 1 ? 'Training' : `Training of ${escapeHtml(name)}`;
    return section(i === 0 ? 'training' : `training-${i + 1}`, title, body);
  });
}

/** What was won, and how far each model went for it: win rates, and held-out rewards of checkpoints, against KL. */
export function frontierSection(
  measured: readonly Measured[],
  pairs: readonly Standing[],
  charts: ChartPlaces,
): PageSection {
  const won = measured.flatMap(({ name, evaluation }): [number, number][] => {
    const rate = pairs.find(({ model }) => model === name)?.winRate?.rate;
    return evaluation.kl === undefined || rate === undefined ? [] : [[evaluation.kl.perAnswer.value, rate]];
  });
  const ofModels =
    won.length < 2 ? [] : [chartOf('Win rate by KL', 'of each model against the first', won, { range: [0, 1] })];
  const ofRuns = measured.flatMap(({ name, frontier = [] }) => {
    const prefix = measured.length === 1 ? '' : `${name}: `;
    const held = frontier.flatMap((point) => (point.heldOut ? [{ ...point, heldOut: point.heldOut }] : []));
    if (held.length < 2) return [];
    const points = (of: (point: (typeof held)[number]) => number) =>
      held.map((point): [number, number] => [point.kl.perAnswer.value, of(point)]);
    return [
      chartOf(
        `${prefix}held-out margin by KL`,
        'reward of chosen minus reward of rejected, one point a checkpoint',
        points(({ heldOut }) => heldOut.margin),
      ),
      chartOf(
        `${prefix}held-out accuracy by KL`,
        'share of pairs whose chosen answer has the higher reward, one point a checkpoint',
        points(({ heldOut }) => heldOut.accuracy),
        { range: [0, 1] },
      ),
    ];
  });
  const tables = measured
    .filter(({ frontier }) => frontier !== undefined)
    .map(({ name, frontier }) => named(evaluationTables({}, frontier as FrontierPoint[]), name, '').map(tableCard));
  const body = [charts.place([...ofModels, ...ofRuns]), ...tables.flat()].filter((part) => part !== '').join('\n');
  return section('frontier', 'Frontier', body);
}

function grid(kind: string, body: string): string {
  return body === '' ? '' : `<div class="${kind}">\n${body}\n</div>`;
}

function chartOf(
  title: string,
  note: string,
  points: readonly (readonly [number, number])[],
  { range }: { readonly range?: readonly [number, number] } = {},
): Chart {
  const sorted = points.toSorted(([a], [b]) => a - b);
  return {
    title: title.slice(0, 1).toUpperCase() + title.slice(1),
    note,
    xLabel: 'KL, nats an answer',
    steps: sorted.map(([kl]) => Number(kl.toPrecision(7))),
    curves: [{ label: title.split(' by ')[0]!, role: 'heldout', values: sorted.map(([, value]) => value) }],
    ...(range && { range }),
  };
}

/** How far each model went from the first, how its answers changed, and what it lost. */
export function measuredSections(measured: readonly Measured[]): PageSection[] {
  return measured.map(({ name, reference, evaluation }, i) => {
    const sentences = evaluationSentences(evaluation).map((text) => `<li>${escapeHtml(text)}</li>`);
    const list = sentences.length === 0 ? '' : `<ul class="notes said">${sentences.join('')}</ul>`;
    const cards = named(evaluationTables(evaluation), name, reference).map(tableCard).join('\n');
    const body = `${list}<p class="note">Policy: ${escapeHtml(name)}. Reference: ${escapeHtml(reference)}.</p>\n<div class="data">${cards}</div>`;
    return section(
      i === 0 ? 'measured' : `measured-${i + 1}`,
      `${escapeHtml(name)} beside ${escapeHtml(reference)}`,
      body,
    );
  });
}

/** Tables whose columns carry the contestants' names. */
function named(tables: readonly EvaluationTable[], policy: string, reference: string): EvaluationTable[] {
  const names: Readonly<Record<string, string>> = { policy, reference };
  return tables.map(({ title, rows: [head = [], ...rows], ...rest }) => ({
    ...rest,
    title: title.startsWith('checkpoints') ? `${policy}: ${title}` : title,
    rows: [head.map((cell) => names[cell] ?? cell), ...rows],
  }));
}
