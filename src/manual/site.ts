import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { escapeHtml } from '../report/index.ts';
import type { ManualPage } from './pages.ts';
import { renderManualPage, type RenderedPage } from './render-page.ts';
import { indexSections, searchOptionsScript } from './search.ts';
import { SITE_SCRIPT } from './site-script.ts';
import { SITE_STYLE } from './site-style.ts';

/**
 * The documentation as a site: the content of each file by its name, `index.html` among them. It needs no other host and no build; any web server
 * can serve the files, and a browser can open them from a folder.
 *
 * @example
 * ```ts run
 * import { manualSite, readManual } from 'preftune/manual';
 *
 * const site = manualSite(readManual());
 * console.log(site.has('index.html'), site.has('training.html')); // true true
 * ```
 */
export function manualSite(pages: readonly ManualPage[]): ReadonlyMap<string, string> {
  const rendered = pages.map((page) => renderManualPage(page, pages));
  const index = indexSections(rendered.flatMap(({ sections }) => sections));
  const files = new Map(rendered.map((page, at) => [`${page.page.name}.html`, pageHtml(page, rendered, at)]));
  return files
    .set('style.css', SITE_STYLE)
    .set('site.js', SITE_SCRIPT)
    .set('minisearch.js', miniSearch())
    .set('search-index.js', `${searchOptionsScript()}const SEARCH_INDEX = ${JSON.stringify(JSON.stringify(index))};\n`);
}

/** The search library as browsers load it, from its package. */
function miniSearch(): string {
  const main = createRequire(import.meta.url).resolve('minisearch');
  const text = readFileSync(join(dirname(main), '../umd/index.js'), 'utf8');
  return text.replace(/^\/\/# sourceMappingURL=.*$/m, '');
}

function pageHtml({ page, title, html, sections }: RenderedPage, all: readonly RenderedPage[], at: number): string {
  const name = page.name === 'index' ? title : `${title} - preftune`;
  const contents = sections.filter(({ level }) => level === 2 || level === 3);
  const [before, after] = [all[at - 1], all[at + 1]];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(name)}</title>
<link rel="stylesheet" href="style.css">
<link rel="icon" href="data:,">
<script src="site.js" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to the text</a>
<header class="top"><div class="bar">
<a class="brand" href="index.html">preftune</a>
<form class="search" role="search"><input type="search" placeholder="Search (press /)" aria-label="Search the documentation" autocomplete="off" spellcheck="false"><ul class="hits" hidden></ul><p class="said skip" role="status" aria-live="polite"></p></form>
</div></header>
<div class="columns">
<nav class="pages" aria-label="Pages"><details open><summary>Pages</summary>
${pageList(all, page)}
</details></nav>
<main id="main">
${html}
<nav class="turn" aria-label="Before and after">${turn(before, 'Before')}${turn(after, 'Next')}</nav>
</main>
<nav class="contents" aria-label="On this page">${contents.length === 0 ? '' : '<h2>On this page</h2>'}<ul>
${contents.map(({ anchor, title: heading, level }) => `<li${level === 3 ? ' class="deep"' : ''}><a href="#${anchor}">${escapeHtml(heading)}</a></li>`).join('\n')}
</ul></nav>
</div>
</body>
</html>
`;
}

function pageList(all: readonly RenderedPage[], current: ManualPage): string {
  const groups = Array.from(new Set(all.map(({ page }) => page.group)));
  return groups
    .map((group) => {
      const links = all
        .filter(({ page }) => page.group === group)
        .map(({ page, title }) => {
          const here = page.name === current.name ? ' aria-current="page"' : '';
          return `<li><a href="${page.name}.html"${here}>${escapeHtml(shortTitle(page, title))}</a></li>`;
        });
      return `<h2>${escapeHtml(group)}</h2>\n<ul>\n${links.join('\n')}\n</ul>`;
    })
    .join('\n');
}

/** A title without what follows its colon: `Architecture: from a row of JSON ...`. */
function shortTitle({ name }: ManualPage, title: string): string {
  return name === 'index' ? 'What preftune is' : title.replace(/[:(].*$/s, '').trim();
}

function turn(page: RenderedPage | undefined, word: string): string {
  if (page === undefined) return '<span></span>';
  return `<a href="${page.page.name}.html">${word}: ${escapeHtml(shortTitle(page.page, page.title))}</a>`;
}
