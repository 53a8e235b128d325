import { percent } from '../core/index.ts';
import { escapeHtml } from '../report/index.ts';
import type { Interval } from '../statistics/index.ts';

/** Plots as inline SVG: no script, one drawing for every width, in the colours of the page. Texts stand beside them, as HTML, so that they keep their size. */

export interface Series {
  readonly name: string;
  /** A colour of the page's style: chosen, rejected, train, heldout. */
  readonly color: 'chosen' | 'rejected' | 'train' | 'heldout';
  readonly values: readonly number[];
}

/** Bars side by side in each bin; `edges` are the bins' lower ends. */
export function histogram(edges: readonly number[], series: readonly Series[], label: string): string {
  const top = Math.max(1, ...series.flatMap(({ values }) => values));
  const slot = 100 / edges.length;
  const width = (slot * 0.84) / series.length;
  const bars = series.flatMap(({ values, color }, index) =>
    values.map((value, bin) => {
      const height = (100 * value) / top;
      return `<rect class="${color}" x="${show(bin * slot + index * width)}" y="${show(100 - height)}" width="${show(width)}" height="${show(height)}"/>`;
    }),
  );
  const marks = [0, 0.25, 0.5, 0.75].map((share) => edges[Math.floor(share * edges.length)]!);
  const legend = series
    .map(({ name, color }) => `<span class="key ${color}"></span>${escapeHtml(name)}`)
    .join(' &nbsp; ');
  return `<p class="note">${legend}</p>
<div class="bars"><span class="top">${top.toLocaleString('en-US')}</span>
<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label="${escapeHtml(label)}"><line class="grid" x1="0" x2="100" y1="50" y2="50"/>${bars.join('')}</svg></div>
<p class="marks">${marks.map((mark) => `<span>${mark.toLocaleString('en-US')}</span>`).join('')}</p>`;
}

export interface DotRow {
  readonly label: string;
  readonly value: number;
  readonly interval: Interval | null;
  readonly text: string;
}

/** One line for each value with its interval, on an axis from `low` to `high` with a mark at `mark`. */
export function dotPlot(
  rows: readonly DotRow[],
  axis: { readonly low: number; readonly high: number; readonly mark: number },
): string {
  const at = (value: number): string =>
    show((100 * (Math.min(axis.high, Math.max(axis.low, value)) - axis.low)) / (axis.high - axis.low));
  const lines = rows.map(
    ({
      label,
      value,
      interval,
      text,
    }) => `<div class="dotrow"><span>${escapeHtml(label)}</span><span class="number">${escapeHtml(text)}</span>
<svg viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="${escapeHtml(`${label}: ${text}`)}"><line class="grid" x1="0" x2="100" y1="5" y2="5"/><line class="mark" x1="${at(axis.mark)}" x2="${at(axis.mark)}" y1="0" y2="10"/>${
      interval === null
        ? ''
        : `<rect class="range" x="${at(interval.low)}" y="2.5" width="${show(Number(at(interval.high)) - Number(at(interval.low)))}" height="5"/>`
    }<rect class="heldout" x="${show(Number(at(value)) - 0.5)}" y="0" width="1" height="10"/></svg></div>`,
  );
  return `${lines.join('\n')}<p class="marks ends"><span>${axis.low}</span><span>${axis.mark}</span><span>${axis.high}</span></p>`;
}

/** A share of the whole for each name. */
export function shareBars(parts: readonly { readonly name: string; readonly rows: number }[], all: number): string {
  return parts
    .map(
      ({
        name,
        rows,
      }) => `<div class="dotrow"><span>${escapeHtml(name)}</span><span class="number">${rows.toLocaleString('en-US')} · ${percent(rows / all)}</span>
<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="grid" x="0" y="0" width="100" height="10"/><rect class="heldout" x="0" y="0" width="${show((100 * rows) / all)}" height="10"/></svg></div>`,
    )
    .join('\n');
}

function show(value: number): string {
  return String(Number(value.toFixed(3)));
}

/** What these plots and the findings add to the page's style. */
export const PLOT_STYLE = `
.bars { position: relative; margin-top: .5rem; }
.bars svg { display: block; width: 100%; height: 170px; border-bottom: 1px solid var(--line); }
.bars .top { position: absolute; right: 0; top: -.2rem; font-size: .78rem; color: var(--quiet); }
.marks { display: grid; grid-template-columns: repeat(4, 1fr); margin: .25rem 0 0; font-size: .78rem; color: var(--quiet); }
.marks.ends { display: flex; justify-content: space-between; }
svg .chosen { fill: var(--chosen); } svg .rejected { fill: var(--rejected); } svg .heldout { fill: var(--heldout); } svg .train { fill: var(--train); }
svg .range { fill: var(--heldout); opacity: .3; }
svg line.grid { stroke: var(--grid); stroke-width: 1; vector-effect: non-scaling-stroke; } svg rect.grid { fill: var(--shade); }
svg line.mark { stroke: var(--quiet); stroke-width: 1; vector-effect: non-scaling-stroke; stroke-dasharray: 3 3; }
.key { display: inline-block; width: .7rem; height: .7rem; border-radius: 2px; margin-right: .35rem; }
.key.chosen { background: var(--chosen); } .key.rejected { background: var(--rejected); } .key.train { background: var(--train); } .key.heldout { background: var(--heldout); }
.dotrow { display: grid; grid-template-columns: 1fr auto; column-gap: 1rem; font-size: .88rem; padding: .4rem 0; }
.dotrow > span { overflow-wrap: anywhere; } .dotrow .number { font-variant-numeric: tabular-nums; color: var(--quiet); }
.dotrow svg { grid-column: 1 / -1; width: 100%; height: 10px; margin-top: .2rem; }
.finding { margin-bottom: 1rem; border-left: 4px solid var(--line); }
.finding.serious { border-left-color: var(--bad); } .finding.warning { border-left-color: var(--rejected); }
.finding h3 { display: flex; gap: .6rem; align-items: baseline; flex-wrap: wrap; }
.finding .severity { font-size: .75rem; font-weight: 600; color: var(--quiet); } .finding.serious .severity { color: var(--bad); }
.finding p { margin: .45rem 0 0; overflow-wrap: anywhere; } .finding .advice { color: var(--quiet); }
.finding .places { font: .82rem/1.5 var(--mono); }
.note { color: var(--quiet); font-size: .85rem; margin: .3rem 0 0; }
`;
