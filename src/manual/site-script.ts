/**
 * What runs in a page: search, `/` to reach it, buttons that copy commands, the list of pages open where there is room for it. The index is loaded when the search is first used.
 * Plain JavaScript, since it is served as it stands.
 */
export const SITE_SCRIPT = `'use strict';
(() => {
  const input = document.querySelector('.search input');
  const list = document.querySelector('.hits');
  const said = document.querySelector('.said');
  let loading;
  const addScript = (source) => new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = source;
    script.onload = resolve;
    script.onerror = () => reject(new Error(source));
    document.head.append(script);
  });
  const load = () => loading ??= addScript('minisearch.js')
    .then(() => addScript('search-index.js'))
    .then(() => MiniSearch.loadJSON(SEARCH_INDEX, SEARCH_OPTIONS));

  const piece = (text, terms, words) => {
    const lower = text.toLowerCase();
    const places = terms.map((term) => lower.indexOf(term.toLowerCase())).filter((place) => place >= 0);
    const together = lower.indexOf(words.toLowerCase());
    const start = Math.max(0, (together >= 0 ? together : Math.min(...(places.length ? places : [0]))) - 40);
    const part = document.createElement('span');
    part.className = 'piece';
    let rest = (start > 0 ? '… ' : '') + text.slice(start, start + 160).replace(/\\s+/g, ' ') + (text.length > start + 160 ? ' …' : '');
    while (rest !== '') {
      const next = terms.map((term) => [rest.toLowerCase().indexOf(term.toLowerCase()), term]).filter(([at]) => at >= 0).sort((a, b) => a[0] - b[0])[0];
      if (!next) break;
      part.append(rest.slice(0, next[0]));
      const mark = document.createElement('mark');
      mark.textContent = rest.slice(next[0], next[0] + next[1].length);
      part.append(mark);
      rest = rest.slice(next[0] + next[1].length);
    }
    part.append(rest);
    return part;
  };

  const show = async () => {
    const words = input.value.trim();
    if (words === '') { list.hidden = true; said.textContent = ''; return; }
    let index;
    try { index = await load(); } catch { said.textContent = 'The search could not be loaded.'; return; }
    if (input.value.trim() !== words) return;
    let hits = index.search(words);
    if (hits.length === 0) hits = index.search(words, { combineWith: 'OR' });
    list.replaceChildren(...hits.slice(0, 8).map((hit) => {
      const item = document.createElement('li');
      const link = document.createElement('a');
      link.href = hit.page + '.html' + (hit.anchor ? '#' + hit.anchor : '');
      const title = document.createElement('strong');
      title.textContent = hit.title;
      const where = document.createElement('span');
      where.className = 'where';
      where.textContent = hit.title === hit.pageTitle ? '' : ' ' + hit.pageTitle;
      link.append(title, where, piece(hit.text, hit.terms, words));
      item.append(link);
      return item;
    }));
    if (hits.length === 0) {
      const none = document.createElement('li');
      none.className = 'none';
      none.textContent = 'Nothing has these words.';
      list.append(none);
    }
    list.hidden = false;
    said.textContent = hits.length + (hits.length === 1 ? ' section' : ' sections');
  };

  input.addEventListener('focus', () => { load().catch(() => {}); });
  input.addEventListener('input', show);
  input.form.addEventListener('submit', (event) => {
    event.preventDefault();
    const first = list.querySelector('a');
    if (first && !list.hidden) first.click();
  });
  document.addEventListener('keydown', (event) => {
    const isTyping = /^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName);
    if (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey) { event.preventDefault(); input.focus(); input.select(); }
    if (event.key === 'Escape' && !list.hidden) { list.hidden = true; input.blur(); }
    if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && !list.hidden) {
      const links = [...list.querySelectorAll('a')];
      const at = links.indexOf(document.activeElement) + (event.key === 'ArrowDown' ? 1 : -1);
      event.preventDefault();
      (at < 0 ? input : links[Math.min(at, links.length - 1)] ?? input).focus();
    }
  });
  document.addEventListener('click', (event) => {
    if (!event.target.closest('.search') || event.target.closest('.hits a')) list.hidden = true;
  });

  for (const block of document.querySelectorAll('pre')) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'copy';
    button.textContent = 'Copy';
    button.addEventListener('click', async () => {
      try { await navigator.clipboard.writeText(block.querySelector('code').textContent.trimEnd()); button.textContent = 'Copied'; }
      catch { button.textContent = 'Not allowed here'; }
      setTimeout(() => { button.textContent = 'Copy'; }, 1500);
    });
    block.append(button);
  }

  const pages = document.querySelector('.pages details');
  const wide = matchMedia('(min-width: 62rem)');
  const fit = () => { pages.open = wide.matches; };
  wide.addEventListener('change', fit);
  fit();
})();
`;
