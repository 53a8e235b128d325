import MiniSearch, { type Options } from 'minisearch';
import type { ManualSection } from './render-page.ts';

/** A section that a search found. */
export interface ManualHit extends Omit<ManualSection, 'level'> {
  /** The title of its page. */
  readonly pageTitle: string;
}

/** A section as it is found, `id` is its number. */
type Entry = ManualHit & { readonly id: number };

/** How sections are found; pages in a browser read the index with the same. */
const SEARCH_OPTIONS = {
  fields: ['title', 'pageTitle', 'text'],
  storeFields: ['page', 'pageTitle', 'anchor', 'title', 'text'],
  searchOptions: { boost: { title: 4, pageTitle: 2 }, prefix: true, fuzzy: 0.15, combineWith: 'AND' },
} satisfies Options<Entry>;

/** What was tried and how the code is made comes after what a user does. */
const LESS = { pages: ['log', 'architecture', 'contributing', 'changelog'], weight: 0.4 };

function weightOf(stored: Record<string, unknown> | undefined): number {
  return LESS.pages.includes(String(stored?.['page'])) ? LESS.weight : 1;
}

/** The options as a browser has them: JavaScript that sets SEARCH_OPTIONS. */
export function searchOptionsScript(): string {
  return `const SEARCH_OPTIONS = ${JSON.stringify(SEARCH_OPTIONS)};
SEARCH_OPTIONS.searchOptions.boostDocument = (_id, _term, stored) => ${JSON.stringify(LESS.pages)}.includes(stored.page) ? ${LESS.weight} : 1;
`;
}

/** An index over sections. Options are found by their flags (`--beta`), fields by their names (`max_length`, and its parts). */
export function indexSections(sections: readonly ManualSection[]): MiniSearch<Entry> {
  const titles = new Map(sections.filter(({ level }) => level === 1).map(({ page, title }) => [page, title]));
  const index = new MiniSearch<Entry>({
    ...SEARCH_OPTIONS,
    searchOptions: { ...SEARCH_OPTIONS.searchOptions, boostDocument: (_id, _term, stored) => weightOf(stored) },
  });
  index.addAll(
    sections.map(({ level: _level, ...section }, id) => ({
      ...section,
      id,
      pageTitle: titles.get(section.page) ?? section.page,
    })),
  );
  return index;
}

/** The sections that have all words best first; with a word that none has, those that have some. */
export function searchSections(index: MiniSearch<Entry>, words: string, limit: number): ManualHit[] {
  const all = index.search(words);
  const found = all.length > 0 ? all : index.search(words, { combineWith: 'OR' });
  return found.slice(0, limit).map((hit) => hit as unknown as ManualHit);
}
