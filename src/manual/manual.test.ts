import { request } from 'node:http';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MANUAL_FOLDER, readManual, type ManualPage } from './pages.ts';
import { renderManualPage } from './render-page.ts';
import { indexSections, searchSections } from './search.ts';
import { serveSite } from './serve-site.ts';
import { manualSite } from './site.ts';

const page = (file: string, markdown: string): ManualPage => ({
  file,
  name: file.replace(/^docs\/|\.md$/g, ''),
  group: 'Start',
  markdown,
});

test('every page of docs/ has its place among the pages, and none is named that is not there', () => {
  const pages = readManual();
  expect(pages.filter(({ group }) => group === 'More')).toEqual([]);
  const docs = readdirSync(join(MANUAL_FOLDER, 'docs')).filter((name) => name.endsWith('.md'));
  expect(pages.map(({ file }) => file)).toEqual(expect.arrayContaining(docs.map((name) => `docs/${name}`)));
  expect(pages[0]).toMatchObject({ file: 'README.md', name: 'index' });
});

test('every link of every page leads to a page and a heading that are there', () => {
  const pages = readManual();
  const rendered = pages.map((each) => renderManualPage(each, pages));
  const ids = new Map(
    rendered.map(({ page: { name }, html }) => [
      name,
      new Set(Array.from(html.matchAll(/ id="([^"]+)"/g), ([, id]) => id)),
    ]),
  );
  const broken = rendered.flatMap(({ page: { name }, html }) =>
    Array.from(html.matchAll(/href="([^":]*)"/g), ([, href]) => href!).filter((href) => {
      const [to, anchor] = href.split('#');
      const target = ids.get(to === '' ? name : to!.replace(/\.html$/, ''));
      return target === undefined || (anchor !== undefined && !target.has(anchor));
    }),
  );
  expect(broken).toEqual([]);
  expect(rendered.flatMap(({ html }) => html.match(/href="/g) ?? []).length).toBeGreaterThan(150);
});

test('markdown becomes pages: anchors as on GitHub, links between pages, code that is not markup', () => {
  const pages = [
    page(
      'docs/a.md',
      '# A page\n\nSee [B](b.md#two-words), [source](../src/x.ts), [out](https://example.org).\n\n## `--beta`: how *far*?\n\n```sh\na <b> & c\n```\n\n## `--beta`: how far?\n\n<script>alert(1)</script>\n\n<!-- for scripts -->\n\n| x | y |\n| --- | --- |\n| `a\\|b` | 2 |\n',
    ),
    page('docs/b.md', '# B\n'),
  ];
  const { html, title, sections } = renderManualPage(pages[0]!, pages);
  expect(title).toBe('A page');
  expect(html).toContain('See <a href="b.html#two-words">B</a>, source, <a href="https://example.org">out</a>.');
  expect(html).toContain(
    '<h2 id="--beta-how-far"><a class="anchor" href="#--beta-how-far"><code>--beta</code>: how <em>far</em>?</a></h2>',
  );
  expect(html).toContain('<h2 id="--beta-how-far-1">');
  expect(html).toContain('<pre data-language="sh" tabindex="0"><code>a &lt;b&gt; &amp; c\n</code></pre>');
  expect(html).toContain('&lt;script&gt;');
  expect(html).not.toMatch(/<script|for scripts/);
  expect(sections.map(({ anchor, level, text }) => [anchor, level, text])).toEqual([
    ['', 1, 'See B, source, out.'],
    ['--beta-how-far', 2, 'a <b> & c'],
    ['--beta-how-far-1', 2, 'x y\na|b 2'],
  ]);
});

test('a search finds options, parts of words and slips; what users do comes before what was tried', () => {
  const pages = readManual();
  const index = indexSections(pages.flatMap((each) => renderManualPage(each, pages).sections));
  const places = (words: string): string[] =>
    searchSections(index, words, 3).map(({ page: name, anchor }) => `${name}#${anchor}`);
  expect(places('--columns')[0]).toBe('data#columns-under-other-names');
  expect(places('gguf ollama export').map((place) => place.split('#')[0])).toContain('export');
  expect(places('krippendorf alpha')[0]).toBe('evaluation#statistics-of-comparison');
  expect(places('stopping resuming ctrl-c')[0]).toBe('training#stopping-and-resuming');
  expect(places('zzzzqqqq')).toEqual([]);
});

function get(url: string, headers: Record<string, string> = {}, method = 'GET') {
  return new Promise<{ status: number; type: string; policy: string; body: string }>((resolve, reject) => {
    const sent = request(url, { headers, method }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (body += part));
      response.on('end', () =>
        resolve({
          status: response.statusCode!,
          type: response.headers['content-type']!,
          policy: String(response.headers['content-security-policy']),
          body,
        }),
      );
    });
    sent.on('error', reject);
    sent.end();
  });
}

test('the server gives its files alone, to this computer alone', async () => {
  const site = await serveSite(manualSite([page('docs/index.md', '# Start\n')]), 0);
  try {
    const index = await get(site.url);
    expect([index.status, index.type]).toEqual([200, 'text/html; charset=utf-8']);
    expect(index.policy).toContain("default-src 'none'; style-src 'self'; script-src 'self'");
    expect(index.body).toContain('<h1 id="start">Start</h1>');
    expect((await get(`${site.url}style.css?v=1`)).type).toBe('text/css; charset=utf-8');
    expect(await get(`${site.url}index.html`, {}, 'HEAD')).toMatchObject({ status: 200, body: '' });
    for (const path of ['../package.json', '..%2fpackage.json', '%', 'nothing.html'])
      expect((await get(site.url + path)).status).toBe(404);
    expect((await get(site.url, { host: 'evil.example' })).status).toBe(403);
    expect((await get(site.url, {}, 'POST')).status).toBe(405);
    const { port } = new URL(site.url);
    await expect(serveSite(new Map(), Number(port))).rejects.toThrow(
      `--port must be one that is free, got ${port}: it is taken; name another`,
    );
  } finally {
    await site.close();
  }
});
