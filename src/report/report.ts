import { flattenJson, type MetricRecord } from '../store/index.ts';
import type { JsonObject, JsonValue } from '../core/index.ts';
import { chartsOf, keyFiguresOf, type Chart, type KeyFigure } from './report-curves.ts';
import { escapeHtml, showNumber, showShare } from './report-html.ts';
import { renderPage, section, type PageVerdict } from './page.ts';

export interface ReportInput {
  /** Such as the run's name. */
  readonly title: string;
  /** One line: model, recipe, data. */
  readonly subtitle?: string;
  /** What came of it, in plain words. */
  readonly verdict?: PageVerdict;
  /** What was looked for in the metrics, and what was found. */
  readonly checks?: readonly ReportSection[];
  readonly metrics: readonly MetricRecord[];
  /** The resolved specification. */
  readonly configuration: JsonObject;
  /** What the data and their tokenisation were, one card each. */
  readonly data?: readonly ReportSection[];
  readonly samples?: readonly ReportSample[];
  /** Which prompts these are, and how they were answered. */
  readonly samplesNote?: string;
  /** At the foot of the page: versions, when, how long. */
  readonly footer?: string;
}

export interface ReportSection {
  readonly title: string;
  readonly rows: readonly (readonly [label: string, value: string | number])[];
  readonly notes?: readonly string[];
  /** Texts that are shown as they are, in a fixed-width face. */
  readonly examples?: readonly string[];
}

/** One prompt, answered by the model before and after training. */
export interface ReportSample {
  readonly prompt: string;
  /** The turns of the conversation before the prompt, a user's and the assistant's by turns. */
  readonly earlier?: readonly string[];
  readonly before: string;
  readonly after: string;
  /** What is wrong with the answers, a few words each. */
  readonly flaws?: { readonly before: readonly string[]; readonly after: readonly string[] };
}

/** A chart's table lists at most so many steps, evenly chosen. */
const MAX_TABLE_ROWS = 25;

/**
 * report.html: one page that needs nothing else, not even a network: key figures, curves, samples, data and configuration. Everything that comes from
 * data is escaped, and the page's security policy lets nothing run but the two scripts that preftune put there.
 */
export function renderReport(input: ReportInput): string {
  const charts = chartsOf(input.metrics);
  const figures = keyFiguresOf(input.metrics);
  const sections = [
    section('checks', 'Checks', (input.checks ?? []).map(dataCard).join('\n'), 'data'),
    section('figures', 'Key figures', figures.map(figureCard).join('\n'), 'grid'),
    section('curves', 'Curves', charts.map(chartCard).join('\n'), 'charts'),
    section('samples', 'Before and after', samplesBody(input)),
    section('data', 'Data', (input.data ?? []).map(dataCard).join('\n'), 'data'),
    section('configuration', 'Configuration', configurationCard(input.configuration)),
  ];
  return renderPage({ ...input, verdict: input.verdict, sections, charts });
}

export function figureCard({ label, start, end, unit, change }: KeyFigure): string {
  const show = unit === 'share' ? showShare : showNumber;
  const difference = end - start;
  const size =
    unit === 'share' ? `${(Math.abs(difference) * 100).toFixed(1)} points` : showNumber(Math.abs(difference));
  const moved =
    change === 'same'
      ? 'unchanged'
      : `<span class="${change}">${difference > 0 ? 'up' : 'down'} ${size}, ${change}</span>`;
  return `<div class="card figure"><p class="label">${label}</p><p class="value">${show(end)}</p><p class="from">from ${show(start)}, ${moved}</p></div>`;
}

/** A chart's place, with a table of the same numbers. */
export function chartCard(chart: Chart, index: number): string {
  const { xLabel = 'step' } = chart;
  const summary = chart.curves
    .map(({ label, values }) => {
      const numbers = values.filter((value) => value !== null);
      return `${label} from ${showNumber(numbers[0]!)} to ${showNumber(numbers.at(-1)!)}`;
    })
    .join('; ');
  return `<figure class="card chart">
<figcaption><h3>${escapeHtml(chart.title)}</h3><p class="note">${escapeHtml(chart.note)}</p></figcaption>
<div class="plot" id="plot-${index}" tabindex="0" role="img" aria-label="${escapeHtml(`${chart.title} by ${xLabel}: ${summary}. Arrow keys go from ${xLabel === 'step' ? 'step to step' : 'point to point'}.`)}"></div>
<details><summary>${escapeHtml(chart.title)} as a table</summary><div class="scroll">${chartTable(chart)}</div></details>
</figure>`;
}

function chartTable({ steps, curves, xLabel = 'step' }: Chart): string {
  const stride = Math.max((steps.length - 1) / (MAX_TABLE_ROWS - 1), 1);
  const count = Math.min(steps.length, MAX_TABLE_ROWS);
  const rows = Array.from({ length: count }, (_, row) => Math.round(row * stride));
  const cells = (at: number): string => curves.map(({ values }) => `<td>${showCell(values[at])}</td>`).join('');
  return `<table class="numbers"><thead><tr><th scope="col">${escapeHtml(xLabel)}</th>${curves.map(({ label }) => `<th scope="col">${escapeHtml(label)}</th>`).join('')}</tr></thead>
<tbody>${rows.map((at) => `<tr><th scope="row">${xLabel === 'step' ? steps[at] : showNumber(steps[at]!)}</th>${cells(at)}</tr>`).join('\n')}</tbody></table>`;
}

function samplesBody({ samples = [], samplesNote }: ReportInput): string {
  if (samples.length === 0) return '';
  const note = samplesNote === undefined ? '' : `<p class="note">${escapeHtml(samplesNote)}</p>`;
  return [note, ...samples.map(sampleCard)].join('\n');
}

function sampleCard({ prompt, earlier = [], before, after, flaws }: ReportSample): string {
  const count = `${earlier.length} earlier ${earlier.length === 1 ? 'turn' : 'turns'}`;
  const turns = earlier
    .map(
      (text, i) => `<p><span class="role">${i % 2 === 0 ? 'User' : 'Assistant'}</span> ${escapeHtml(text.trim())}</p>`,
    )
    .join('');
  const context =
    earlier.length === 0 ? '' : `<details class="earlier"><summary>${count}</summary><div>${turns}</div></details>`;
  return `<article class="card sample">${context}<h3 class="prompt">${escapeHtml(prompt.trim())}</h3><div class="answers">${answerBox('Before', before, flaws?.before)}${answerBox('After', after, flaws?.after)}</div></article>`;
}

function answerBox(title: 'Before' | 'After', text: string, flaws: readonly string[] = []): string {
  const shown = text.trim() === '' ? '<p class="empty">nothing</p>' : `<p>${escapeHtml(text)}</p>`;
  const said = flaws.length === 0 ? '' : `<p class="flaws">${escapeHtml(flaws.join('; '))}</p>`;
  return `<div class="answer ${title.toLowerCase()}"><h4>${title}</h4>${shown}${said}</div>`;
}

function showCell(value: number | null | undefined): string {
  return typeof value === 'number' ? showNumber(value) : '';
}

function showCount(value: string | number): string {
  return typeof value === 'number' ? value.toLocaleString('en-US') : value;
}

function showSetting(value: JsonValue): string {
  if (Array.isArray(value) && value.length > 0) return value.map((item: JsonValue) => showSetting(item)).join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export function dataCard({ title, rows, notes = [], examples = [] }: ReportSection): string {
  const table = rows
    .map(
      ([label, value]) =>
        `<tr><th scope="row">${escapeHtml(label)}</th><td class="value">${escapeHtml(showCount(value))}</td></tr>`,
    )
    .join('\n');
  return `<div class="card"><h3>${escapeHtml(title)}</h3>
${table === '' ? '' : `<table><tbody>${table}</tbody></table>`}
${notes.length === 0 ? '' : `<ul class="notes">${notes.map((note) => `<li>${escapeHtml(note)}</li>`).join('')}</ul>`}
${examples.map((example) => `<pre>${escapeHtml(example)}</pre>`).join('\n')}</div>`;
}

/** A specification as a table of dotted paths. */
export function configurationCard(configuration: JsonObject): string {
  const rows = flattenJson(configuration)
    .filter(([path]) => path !== '')
    .map(
      ([path, value]) => `<tr><th scope="row">${escapeHtml(path)}</th><td>${escapeHtml(showSetting(value))}</td></tr>`,
    );
  return rows.length === 0
    ? ''
    : `<div class="card columns"><table class="config"><tbody>${rows.join('\n')}</tbody></table></div>`;
}
