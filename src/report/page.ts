import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Chart } from './report-curves.ts';
import { escapeHtml, scriptJson } from './report-html.ts';
import { REPORT_SCRIPT } from './report-script.ts';
import { REPORT_STYLE } from './report-style.ts';

export interface PageInput {
  readonly title: string;
  readonly subtitle?: string;
  readonly verdict?: PageVerdict | undefined;
  readonly sections: readonly PageSection[];
  /** What is drawn in the places of chartCard; without any, the page has no script. */
  readonly charts?: readonly Chart[];
  /** At the foot of the page: versions, when, how long. */
  readonly footer?: string;
  /** A style sheet after the reports' own. */
  readonly style?: string;
  /** Where the link for those who skip the head leads, in words; default `results`. */
  readonly main?: string;
}

/** What came of it, in plain words. */
export interface PageVerdict {
  readonly tone: 'good' | 'bad' | 'neutral';
  readonly text: string;
  readonly detail?: string;
}

export interface PageSection {
  readonly id: string;
  readonly title: string;
  readonly html: string;
}

/**
 * A page of sections and charts that needs nothing else, not even a network; the plots' places are those of chartCard, numbered
 * as the charts are. The page's security policy lets nothing run but the two scripts that draw charts, where there are any.
 *
 * @example
 * ```ts run
 * import { renderPage, section } from 'preftune/report';
 * import { writeFileSync } from 'node:fs';
 *
 * const page = renderPage({
 *   title: 'My run',
 *   sections: [section('notes', 'Notes', '<p>Three epochs.</p>')],
 *   charts: [],
 * });
 * writeFileSync('page.html', page);
 * console.log(page.startsWith('<!doctype html>')); // true
 * ```
 */
export function renderPage({
  title,
  subtitle,
  verdict,
  charts = [],
  footer,
  main = 'results',
  ...input
}: PageInput): string {
  const sections = input.sections.filter(({ html }) => html !== '');
  const drawing = charts.length === 0 ? undefined : drawingOf(charts);
  const style = (drawing?.style ?? '') + REPORT_STYLE + (input.style ?? '');
  const scripts = drawing?.scripts ?? [];
  const policy = `default-src 'none'; style-src '${digest(style)}'; script-src ${scripts.map((script) => `'${digest(script)}'`).join(' ') || "'none'"}; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the ${main}</a>
<header class="wrap">
<h1>${escapeHtml(title)}</h1>
${subtitle === undefined ? '' : `<p class="subtitle">${escapeHtml(subtitle)}</p>`}
${verdictBox(verdict)}
</header>
<nav aria-label="Sections"><div class="wrap"><ul>
${sections.map(({ id, title: name }) => `<li><a href="#${id}">${name}</a></li>`).join('\n')}
</ul></div></nav>
<main class="wrap" id="main">
${sections.map(({ html }) => html).join('\n')}
</main>
${drawing?.places ?? ''}<footer class="wrap">${escapeHtml(footer ?? 'Written by preftune.')}</footer>
${drawing?.html ?? ''}</body>
</html>
`;
}

/** A section with a heading; empty where there is nothing in it. */
export function section(id: string, title: string, body: string, layout = ''): PageSection {
  if (body === '') return { id, title, html: '' };
  const inside = layout === '' ? body : `<div class="${layout}">\n${body}\n</div>`;
  return {
    id,
    title,
    html: `<section id="${id}" aria-labelledby="${id}-title">\n<h2 id="${id}-title">${title}</h2>\n${inside}\n</section>`,
  };
}

/** The box under the title. */
function verdictBox(verdict: PageVerdict | undefined): string {
  if (verdict === undefined) return '';
  const { tone, text, detail } = verdict;
  const more = detail === undefined ? '' : `<p class="detail">${escapeHtml(detail)}</p>`;
  return `<div class="verdict ${tone}"><p class="text">${escapeHtml(text)}</p>${more}</div>`;
}

/** What draws charts: uPlot's program and style, from its package, since the page carries them with it. */
function drawingOf(charts: readonly Chart[]) {
  const { resolve } = createRequire(import.meta.url);
  const scripts = [readFileSync(resolve('uplot/dist/uPlot.iife.min.js'), 'utf8'), REPORT_SCRIPT];
  return {
    style: readFileSync(resolve('uplot/dist/uPlot.min.css'), 'utf8'),
    scripts,
    places: '<p class="hidden" id="said" role="status" aria-live="polite"></p>\n',
    html: `<script type="application/json" id="charts-data">${scriptJson(charts)}</script>
${scripts.map((script) => `<script>${script}</script>`).join('\n')}
`,
  };
}

/** Source: Content Security Policy Level 3, hash sources. */
function digest(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
