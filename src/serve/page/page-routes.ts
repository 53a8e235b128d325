import type { Context } from 'hono';
import type { RouteDefinition } from '../http/app.ts';
import { ServeError } from '../serve-error.ts';
import { openPageFiles, type PageFile } from './page-files.ts';

/** Nothing but what this server itself sends runs or is shown; nobody frames the page. */
export const CONTENT_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The page: static files that hold no data, open to everybody; what it shows it asks from the other routes. */
export function pageRoutes(): RouteDefinition[] {
  const files = openPageFiles();
  return [
    page('/', (context) => context.redirect('/ui/'), 'Leads to the page'),
    page('/ui', (context) => context.redirect('/ui/'), 'Leads to the page'),
    page('/ui/', (context) => answerWith(context, files.index()), 'The page'),
    page(
      '/ui/{path}',
      (context) => {
        const path = context.req.param('path')!;
        const file = files.get(path);
        if (file !== undefined) return answerWith(context, file);
        if (path.startsWith('assets/'))
          throw new ServeError(404, 'There is no such file of the page here; load the page again', {
            code: 'not_found',
          });
        // A screen's own address: the page finds it.
        return answerWith(context, files.index());
      },
      'The page and its files',
    ),
  ];
}

function page(path: string, handle: RouteDefinition['handle'], summary: string): RouteDefinition {
  return { method: 'get', path, policy: 'public', summary, answerType: 'text/html', handle };
}

function answerWith(context: Context, { bytes, packed, type, etag, isForever }: PageFile): Response {
  const headers: Record<string, string> = {
    'content-type': type,
    'content-security-policy': CONTENT_POLICY,
    'cache-control': isForever ? 'public, max-age=31536000, immutable' : 'no-cache',
    etag,
    vary: 'accept-encoding',
  };
  if (context.req.header('if-none-match') === etag) return context.body(null, 304, headers);
  const isPacked = /\bgzip\b/.test(context.req.header('accept-encoding') ?? '');
  return isPacked
    ? context.body(packed(), 200, { ...headers, 'content-encoding': 'gzip' })
    : context.body(bytes, 200, headers);
}
