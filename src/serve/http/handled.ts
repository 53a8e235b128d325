import type { Context } from 'hono';
import type { Answered, Checked, ParamNames, Route } from '../../api/index.ts';
import type { JsonObject } from '../../core/index.ts';

/** A request that the guard let through, its parts checked against the route's schemas. */
export interface RouteRequest<R extends Route> {
  readonly context: Context;
  readonly params: { readonly [Name in ParamNames<R['path']>]: string };
  readonly query: Checked<R, 'query'>;
  readonly body: R extends { readonly isBodyRaw: true } ? JsonObject : Checked<R, 'body'>;
}

/** A route with what answers it. */
export interface HandledRoute {
  readonly route: Route;
  readonly handle: (request: RouteRequest<Route>) => unknown;
}

/** An answer is what the route's schema says; streams, bytes and other statuses are Responses. */
export function handled<const R extends Route, const Answer extends Answered<R> | Response>(
  route: R,
  handle: (request: RouteRequest<R>) => Answer | Promise<Answer>,
): HandledRoute {
  return { route, handle: handle as HandledRoute['handle'] };
}
