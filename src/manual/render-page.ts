import { posix } from 'node:path';
import { Marked, type Tokens } from 'marked';
import { escapeHtml } from '../report/index.ts';
import type { ManualPage } from './pages.ts';

/** A page as HTML, and what a search finds in it. */
export interface RenderedPage {
  readonly page: ManualPage;
  readonly title: string;
  readonly html: string;
  readonly sections: readonly ManualSection[];
}

/** What stands under one heading, without what stands under the headings in it. */
export interface ManualSection {
  /** `training`, the page's name on the site. */
  readonly page: string;
  /** Where the heading is on its page; empty for what stands before the second. */
  readonly anchor: string;
  readonly title: string;
  /** 1 is the page's own title. */
  readonly level: number;
  readonly text: string;
}

/**
 * The page as HTML. Links to other pages lead to them, links to other files of the repository become plain text, since the package does not have
 * them; headings have the anchors that GitHub gives them.
 */
export function renderManualPage(page: ManualPage, pages: readonly ManualPage[]): RenderedPage {
  const names = new Map(pages.map(({ file, name }) => [file, name]));
  const anchors = createAnchors();
  const sections: { anchor: string; title: string; level: number; text: string[] }[] = [];
  const marked = new Marked({
    gfm: true,
    renderer: {
      heading({ tokens, depth }) {
        const title = plainText(tokens);
        const anchor = anchors(title);
        sections.push({ anchor: depth === 1 ? '' : anchor, title, level: depth, text: [] });
        const inner = this.parser.parseInline(tokens);
        if (depth === 1) return `<h1 id="${anchor}">${inner}</h1>\n`;
        return `<h${depth} id="${anchor}"><a class="anchor" href="#${anchor}">${inner}</a></h${depth}>\n`;
      },
      link({ href, tokens }) {
        const inner = this.parser.parseInline(tokens);
        const to = targetOf(href, page, names);
        return to === undefined ? inner : `<a href="${escapeHtml(to)}">${inner}</a>`;
      },
      code: ({ text, lang }) =>
        `<pre${lang === undefined || lang === '' ? '' : ` data-language="${escapeHtml(lang.split(' ')[0]!)}"`} tabindex="0"><code>${escapeHtml(text)}\n</code></pre>\n`,
      table({ header, rows }) {
        const cells = (row: readonly Tokens.TableCell[], tag: string): string =>
          `<tr>${row.map((cell) => `<${tag}>${this.parser.parseInline(cell.tokens)}</${tag}>`).join('')}</tr>`;
        const body = rows.map((row) => cells(row, 'td')).join('\n');
        return `<div class="wide" tabindex="0"><table>\n<thead>${cells(header, 'th')}</thead>\n<tbody>\n${body}\n</tbody>\n</table></div>\n`;
      },
      // Comments are for scripts; other markup would be a mistake, and is shown as it was typed.
      html: ({ text }) => (/^\s*<!--[\s\S]*-->\s*$/.test(text) ? '' : escapeHtml(text)),
    },
  });
  const tokens = marked.lexer(page.markdown);
  const parts: string[] = [];
  for (const token of tokens) {
    parts.push(marked.parser([token]));
    if (token.type !== 'heading') sections.at(-1)?.text.push(searchText(token));
  }
  const title = sections[0]?.title ?? page.name;
  return {
    page,
    title,
    html: parts.join(''),
    sections: sections.map(({ text, ...section }) => ({ ...section, page: page.name, text: text.join('\n').trim() })),
  };
}

/** Where a link leads on the site; undefined for a file that is no page. */
function targetOf(href: string, page: ManualPage, names: ReadonlyMap<string, string>): string | undefined {
  if (/^[a-z]+:/i.test(href) || href.startsWith('#')) return href;
  const [path = '', anchor] = href.split('#');
  const name = names.get(posix.normalize(posix.join(posix.dirname(page.file), path)));
  if (name === undefined) return undefined;
  return `${name}.html${anchor === undefined ? '' : `#${anchor}`}`;
}

/** Anchors as GitHub makes them of headings: lower case, hyphens for spaces, a number behind those that come again. */
function createAnchors(): (title: string) => string {
  const seen = new Map<string, number>();
  return (title) => {
    const plain = title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-');
    const times = seen.get(plain) ?? 0;
    seen.set(plain, times + 1);
    return times === 0 ? plain : `${plain}-${times}`;
  };
}

function plainText(tokens: readonly Tokens.Generic[]): string {
  return tokens.map((token) => (token['tokens'] ? plainText(token['tokens']) : String(token['text'] ?? ''))).join('');
}

/** The words of a block, code and tables included. */
function searchText(token: Tokens.Generic): string {
  if (token.type === 'html') return '';
  if (token.type === 'table') {
    const { header, rows } = token as Tokens.Table;
    return [header, ...rows].map((row) => row.map(({ tokens }) => plainText(tokens)).join(' ')).join('\n');
  }
  if (token.type === 'list') return (token as Tokens.List).items.map((item) => searchText(item)).join('\n');
  const text = token['tokens'] ? plainText(token['tokens']) : String(token['text'] ?? '');
  // Lines of a paragraph are broken for the eye; those of code are not.
  return token.type === 'code' ? text : text.replaceAll(/\s*\n\s*/g, ' ');
}
