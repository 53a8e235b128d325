import { PAGE_PALETTE } from '../report/index.ts';

/** The site's style sheet: pages on the left, the page, its headings on the right; one column on a phone. */
export const SITE_STYLE = `${PAGE_PALETTE}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 4.5rem; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.6 var(--sans); }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: .5rem; background: var(--card); padding: .5rem 1rem; z-index: 4; }
.top { position: sticky; top: 0; z-index: 3; background: var(--card); border-bottom: 1px solid var(--line); }
.top .bar { max-width: 84rem; margin: 0 auto; padding: .6rem 1.5rem; display: flex; gap: 1.5rem; align-items: center; }
.brand { font-weight: 680; letter-spacing: -.02em; text-decoration: none; color: var(--ink); }
.search { position: relative; flex: 1; max-width: 34rem; margin: 0; }
.search input { width: 100%; font: inherit; padding: .4rem .8rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--paper); color: var(--ink); }
.hits { position: absolute; top: calc(100% + .4rem); left: 0; right: 0; margin: 0; padding: .4rem; list-style: none; background: var(--card); border: 1px solid var(--line); border-radius: .6rem; box-shadow: 0 8px 24px rgb(0 0 0 / .14); max-height: min(32rem, 75vh); overflow-y: auto; }
.hits a { display: block; padding: .45rem .6rem; border-radius: .4rem; text-decoration: none; color: var(--ink); }
.hits a:hover, .hits a:focus { background: var(--shade); }
.hits .where { color: var(--quiet); font-size: .85rem; }
.hits .piece { display: block; color: var(--quiet); font-size: .88rem; line-height: 1.4; overflow-wrap: anywhere; }
.hits mark { background: none; color: var(--ink); font-weight: 620; }
.none { padding: .45rem .6rem; color: var(--quiet); }
.columns { max-width: 84rem; margin: 0 auto; padding: 0 1.5rem; display: grid; grid-template-columns: 13rem minmax(0, 1fr) 13rem; gap: 2.5rem; align-items: start; }
.pages, .contents { position: sticky; top: 3.6rem; max-height: calc(100vh - 3.6rem); overflow-y: auto; padding: 1.75rem 0; font-size: .92rem; }
.pages ul, .contents ul { list-style: none; margin: 0 0 1.1rem; padding: 0; }
.pages a, .contents a { display: block; padding: .2rem 0; color: var(--quiet); text-decoration: none; overflow-wrap: anywhere; }
.pages a:hover, .contents a:hover { color: var(--ink); }
.pages a[aria-current] { color: var(--accent); font-weight: 600; }
.pages h2, .contents h2 { font-size: .8rem; margin: 0 0 .3rem; font-weight: 640; }
.contents .deep { padding-left: .9rem; }
summary { cursor: pointer; padding: .8rem 0; font-weight: 600; }
main { padding: 1.75rem 0 4rem; min-width: 0; max-width: 48rem; }
main p, main li { overflow-wrap: anywhere; }
h1 { font-size: 1.9rem; line-height: 1.2; letter-spacing: -.02em; margin: 0 0 1rem; font-weight: 660; }
main h2 { font-size: 1.3rem; letter-spacing: -.01em; margin: 2.4rem 0 .8rem; font-weight: 640; }
main h3 { font-size: 1.05rem; margin: 1.8rem 0 .6rem; font-weight: 630; }
.anchor { color: inherit; text-decoration: none; }
.anchor:hover::after { content: " #"; color: var(--quiet); }
code { font: .9em/1.5 var(--mono); background: var(--shade); padding: .1em .3em; border-radius: .25em; }
pre { position: relative; background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .9rem 1rem; overflow-x: auto; }
pre code { background: none; padding: 0; font-size: .86rem; }
.copy { position: absolute; top: .45rem; right: .45rem; font: .8rem var(--sans); color: var(--quiet); background: var(--paper); border: 1px solid var(--line); border-radius: .35rem; padding: .15rem .5rem; cursor: pointer; opacity: 0; }
pre:hover .copy, .copy:focus-visible { opacity: 1; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .9rem .4rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 620; white-space: nowrap; }
blockquote { margin: 1rem 0; padding-left: 1rem; border-left: 3px solid var(--line); color: var(--quiet); }
.turn { display: flex; justify-content: space-between; gap: 1rem; margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); font-size: .92rem; }
@media (min-width: 62rem) { .pages summary { display: none; } }
@media (max-width: 78rem) { .columns { grid-template-columns: 12rem minmax(0, 1fr); } .contents { display: none; } }
@media (max-width: 62rem) {
  .columns { grid-template-columns: minmax(0, 1fr); gap: 0; }
  .pages { position: static; max-height: none; padding: 0; border-bottom: 1px solid var(--line); }
  .top .bar { padding: .6rem 1rem; gap: 1rem; } .columns { padding: 0 1rem; }
  main { max-width: none; }
}
@media print { .top, .pages, .contents, .turn, .copy { display: none; } }
`;
