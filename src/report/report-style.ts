/** Colours and typefaces of every page, light and dark. */
export const PAGE_PALETTE = `
:root {
  color-scheme: light dark;
  --paper: #f7f7f5; --card: #ffffff; --ink: #1c1e21; --quiet: #656a72; --line: #e4e4df; --shade: #f1f1ee;
  --accent: #3557c9; --good: #13795b; --good-bg: #e5f4ee; --bad: #b3372f; --bad-bg: #fbeae8; --neutral-bg: #eef0f4;
  --train: #8b93a3; --heldout: #3557c9; --chosen: #2a7fb8; --rejected: #c9762b; --grid: #ecece8;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media screen and (prefers-color-scheme: dark) {
  :root:not([data-print]) {
    --paper: #121418; --card: #1a1d22; --ink: #e7e8ea; --quiet: #9aa1ac; --line: #2b2f36; --shade: #21252b;
    --accent: #8ea8ff; --good: #5fd0a5; --good-bg: #142c24; --bad: #ff9a8f; --bad-bg: #36201e; --neutral-bg: #232831;
    --train: #6f7887; --heldout: #8ea8ff; --chosen: #63b5e8; --rejected: #eda45c; --grid: #262a31;
  }
}
`;

/** The report's own style sheet. Colours are variables, so that the charts read them too; canvases are redrawn for print. */
export const REPORT_STYLE = `${PAGE_PALETTE}* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; scroll-padding-top: 3.5rem; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.55 var(--sans); }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.wrap { max-width: 71rem; margin: 0 auto; padding: 0 1.5rem; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--card); padding: .5rem 1rem; z-index: 2; }
header.wrap { padding-top: 2.75rem; padding-bottom: 1.5rem; }
h1 { font-size: 1.9rem; line-height: 1.2; letter-spacing: -.02em; margin: 0; font-weight: 650; overflow-wrap: anywhere; }
.subtitle { color: var(--quiet); margin: .4rem 0 0; overflow-wrap: anywhere; }
.verdict { margin: 1.5rem 0 0; padding: 1rem 1.25rem; border-radius: .75rem; background: var(--neutral-bg); }
.verdict p { margin: 0; }
.verdict .text { font-size: 1.15rem; font-weight: 600; line-height: 1.4; }
.verdict .detail { margin-top: .3rem; color: var(--quiet); }
.verdict.good { background: var(--good-bg); } .verdict.good .text { color: var(--good); }
.verdict.bad { background: var(--bad-bg); } .verdict.bad .text { color: var(--bad); }
nav { position: sticky; top: 0; z-index: 1; background: var(--paper); border-bottom: 1px solid var(--line); }
nav ul { display: flex; gap: 1.5rem; margin: 0; padding: .7rem 0; list-style: none; overflow-x: auto; }
nav a { color: var(--quiet); text-decoration: none; font-size: .92rem; white-space: nowrap; }
nav a:hover { color: var(--ink); }
section { padding: 2.25rem 0 0; }
h2 { font-size: 1.2rem; letter-spacing: -.01em; margin: 0 0 1rem; font-weight: 640; }
h3 { font-size: .98rem; margin: 0; font-weight: 620; }
.grid { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 15rem), 1fr)); }
.charts { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 30rem), 1fr)); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1.1rem 1.25rem; margin: 0; min-width: 0; }
.figure .label { color: var(--quiet); font-size: .9rem; margin: 0; }
.figure .value { font-size: 1.85rem; font-weight: 640; letter-spacing: -.02em; margin: .1rem 0 0; font-variant-numeric: tabular-nums; line-height: 1.25; }
.figure .from { margin: .15rem 0 0; color: var(--quiet); font-size: .9rem; font-variant-numeric: tabular-nums; }
.better { color: var(--good); font-weight: 600; } .worse { color: var(--bad); font-weight: 600; }
.chart figcaption { margin-bottom: .6rem; }
.chart .note { color: var(--quiet); font-size: .85rem; margin: 0; }
.plot { min-height: 236px; width: 100%; }
.uplot { font-family: inherit; }
.u-legend { font-size: .85rem; text-align: left; margin: 0; font-variant-numeric: tabular-nums; }
.u-legend th, .u-legend td { border: 0; padding: 2px 0; }
.u-legend th { font-weight: 500; }
.u-legend.u-inline.u-live th::after { content: none; }
.u-legend.u-live .u-series:first-child .u-marker { display: none; }
.u-legend td { color: var(--quiet); min-width: 3.4em; padding-left: 6px; }
.u-legend.u-inline tr { margin-right: 10px; }
.u-legend .u-marker { width: 14px; height: 0; border-radius: 0; margin-right: 6px; }
.u-hz .u-cursor-x { border-right-color: var(--quiet); }
details { margin-top: .6rem; }
summary { cursor: pointer; color: var(--quiet); font-size: .85rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: .42rem .75rem .42rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child > * { border-bottom: 0; }
table.numbers { font-variant-numeric: tabular-nums; font-size: .82rem; }
table.numbers th, table.numbers td { white-space: nowrap; }
th[scope=row] { font-weight: 500; color: var(--quiet); width: 46%; overflow-wrap: anywhere; }
.data th[scope=row] { width: 60%; }
table.config th[scope=row] { font-family: var(--mono); font-size: .82rem; }
table.config td { font-family: var(--mono); font-size: .82rem; overflow-wrap: anywhere; }
td.value { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.columns { columns: 2 26rem; column-gap: 2.5rem; }
.columns tr { break-inside: avoid; }
.data { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 28rem), 1fr)); align-items: start; }
.data h3 { margin-bottom: .4rem; }
.notes { margin: .75rem 0 0; padding-left: 1.1rem; color: var(--quiet); font-size: .9rem; }
pre { margin: .75rem 0 0; padding: .8rem 1rem; background: var(--shade); border-radius: .5rem; font: .82rem/1.55 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; }
#samples > .note { color: var(--quiet); margin: -.4rem 0 1rem; }
.sample { margin-bottom: 1rem; }
.sample .prompt { white-space: pre-wrap; overflow-wrap: anywhere; font-weight: 600; margin: 0 0 .9rem; }
.earlier { margin: 0 0 .7rem; }
.earlier p { margin: .5rem 0 0; white-space: pre-wrap; overflow-wrap: anywhere; color: var(--quiet); font-size: .9rem; }
.earlier .role { font-weight: 600; }
.answers { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); }
.answer { background: var(--shade); border-radius: .5rem; padding: .8rem 1rem; min-width: 0; }
.answer.after { box-shadow: inset 3px 0 0 var(--accent); }
.answer h4 { margin: 0 0 .3rem; font-size: .78rem; font-weight: 600; color: var(--quiet); letter-spacing: .02em; }
.answer p { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.answer .flaws { margin-top: .6rem; font-size: .85rem; font-weight: 600; color: var(--bad); }
.empty { color: var(--quiet); font-style: italic; }
footer { color: var(--quiet); font-size: .85rem; overflow-wrap: anywhere; }
footer.wrap { padding-top: 2.5rem; padding-bottom: 3rem; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 40rem) {
  .wrap { padding: 0 1rem; } header.wrap { padding-top: 1.75rem; padding-bottom: 1rem; } h1 { font-size: 1.5rem; }
  .card { padding: .9rem 1rem; } nav ul { gap: 1.1rem; } section { padding-top: 1.75rem; }
  .figure { display: grid; grid-template-columns: 1fr auto; align-items: baseline; column-gap: 1rem; }
  .figure .value { grid-row: 1 / 3; grid-column: 2; font-size: 1.5rem; margin: 0; }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
@media print {
  :root { --paper: #fff; --shade: #f5f5f3; }
  body { font-size: 10pt; }
  .wrap { max-width: none; padding: 0; }
  nav, .skip, .chart details, .u-legend td { display: none; }
  header.wrap { padding-top: 0; }
  .charts, .answers { grid-template-columns: 1fr 1fr; }
  .grid { grid-template-columns: repeat(3, 1fr); }
  .plot { min-height: 0; }
  .card { padding: .7rem .9rem; }
  section { padding-top: 1.4rem; }
  footer.wrap { padding-bottom: 0; }
  .card { break-inside: avoid; }
  h2 { break-after: avoid; }
  .verdict, .answer { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
