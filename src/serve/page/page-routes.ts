import type { Context } from 'hono';
import { PAGE_ROUTES } from '../../api/index.ts';
import { handled, type HandledRoute } from '../http/handled.ts';
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

/** What the page shows it asks from the other routes. */
export function pageRoutes(): HandledRoute[] {
  const files = openPageFiles();
  return [
    handled(PAGE_ROUTES.root, ({ context }) => context.redirect('/ui/')),
    handled(PAGE_ROUTES.bare, ({ context }) => context.redirect('/ui/')),
    handled(PAGE_ROUTES.index, ({ context }) => answerWith(context, files.index())),
    handled(PAGE_ROUTES.file, ({ context, params: { path } }) => {
      const file = files.get(path);
      if (file !== undefined) return answerWith(context, file);
      if (path.startsWith('assets/'))
        throw new ServeError(404, 'There is no such file of the page here; load the page again', {
          code: 'not_found',
        });
      // A screen's own address: the page finds it.
      return answerWith(context, files.index());
    }),
  ];
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
