import { z } from 'zod';
import type { Route } from './route.ts';

const page = { method: 'get', policy: 'public', answerType: 'text/html', answer: z.string() } as const;

/** The page: static files that hold no data, open to everybody. */
export const PAGE_ROUTES = {
  root: { ...page, path: '/', summary: 'Leads to the page' },
  bare: { ...page, path: '/ui', summary: 'Leads to the page' },
  index: { ...page, path: '/ui/', summary: 'The page' },
  file: { ...page, path: '/ui/{path}', summary: 'The page and its files' },
} as const satisfies Record<string, Route>;
