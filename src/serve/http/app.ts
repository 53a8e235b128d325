import { randomBytes } from 'node:crypto';
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { cors } from 'hono/cors';
import { ERROR_OBJECT, type Route } from '../../api/index.ts';
import type { ServeServices } from '../services.ts';
import { ServeError } from '../serve-error.ts';
import { asServeError, errorBody, errorHeaders } from './errors.ts';
import { FEEDBACK_PATHS, pageCors } from '../live/page-cors.ts';
import { createGuard, RoutePolicies, type GuardOptions } from './guard.ts';
import type { HandledRoute } from './handled.ts';
import { checkBody, readBody } from './json-body.ts';
import { checkQuery } from './query.ts';

export interface AppOptions extends Omit<GuardOptions, 'policies'> {
  readonly services: ServeServices;
  readonly version: string;
  readonly routes: readonly HandledRoute[];
  /** Origins of pages that have a key for feedback, and may send it. */
  readonly pageOrigins?: () => Promise<ReadonlySet<string>>;
}

export interface ServeApp {
  readonly app: OpenAPIHono;
  readonly policies: RoutePolicies;
}

/** The server as a function from requests to answers. Every route comes with its policy; the guard knows no other. */
export function createApp({ services, version, routes, pageOrigins, ...guard }: AppOptions): ServeApp {
  const app = new OpenAPIHono();
  const policies = new RoutePolicies();
  app.use('*', async (context, next) => {
    context.set('requestId', `req_${randomBytes(12).toString('hex')}`);
    await next();
    const { headers } = context.res;
    headers.set('x-request-id', context.get('requestId'));
    headers.set('x-content-type-options', 'nosniff');
    headers.set('referrer-policy', 'no-referrer');
    headers.set('x-frame-options', 'DENY');
  });
  if (guard.allowedOrigins.size > 0)
    app.use(
      '*',
      cors({
        origin: (origin) => (guard.allowedOrigins.has(origin) ? origin : null),
        allowHeaders: ['authorization', 'content-type', 'api-key'],
        exposeHeaders: ['x-request-id', 'x-preftune-version', 'retry-after', 'retry-after-ms'],
      }),
    );
  if (pageOrigins !== undefined) for (const path of FEEDBACK_PATHS) app.use(path, pageCors(pageOrigins));
  app.use('*', createGuard({ ...guard, policies }));
  app.use('*', async (context, next) => {
    // A few compressed bytes can be any number of others; no client of this API sends them.
    const encoding = context.req.header('content-encoding') ?? 'identity';
    if (encoding.toLowerCase() !== 'identity')
      throw new ServeError(415, `The body must come without a content-encoding, got ${encoding.slice(0, 100)}`);
    await next();
  });
  app.onError((thrown, context) => {
    const error = asServeError(thrown);
    if (error.status >= 500 && error.cause !== undefined) services.tellFault(context.get('requestId'), error.cause);
    for (const [name, value] of Object.entries(errorHeaders(error))) context.header(name, value);
    return context.json(errorBody(error), error.status as 400);
  });
  app.notFound((context) => {
    throw new ServeError(404, `There is no ${context.req.method} ${context.req.path.slice(0, 200)} here`, {
      code: 'unknown_url',
    });
  });
  for (const one of routes) mount(app, { ...one, policies, maxBodyBytes: services.limits.maxBodyBytes });
  app.doc31('/openapi.json', {
    openapi: '3.1.0',
    info: { title: 'preftune', version, description: "OpenAI's API, answered by preftune." },
  });
  policies.declare('GET', '/openapi.json', ['infer', 'feedback', 'label', 'read', 'train']);
  return { app, policies };
}

interface Mounted extends HandledRoute {
  readonly policies: RoutePolicies;
  /** Of routes that name no limit of their own. */
  readonly maxBodyBytes: number;
}

function mount(app: OpenAPIHono, { route, handle, policies, maxBodyBytes }: Mounted): void {
  const { method, path, policy, query } = route;
  // Names of models and paths hold slashes.
  const routerPath = path.replace(/\{(model|path)\}/, ':$1{.+}').replaceAll(/\{(\w+)\}/g, ':$1');
  policies.declare(method, routerPath, policy);
  app.openAPIRegistry.registerPath(describe(route));
  app.on(method.toUpperCase(), routerPath, async (context) => {
    // Whoever reads a page has its key.
    if (route.refusesPageKeys === true && context.get('caller').isPageKey === true)
      throw new ServeError(403, 'A key that is bound to origins may not do this; make one that is not', {
        code: 'insufficient_scope',
      });
    const answer = await handle({
      context,
      params: context.req.param() as never,
      query: (query && checkQuery(query, context.req.query())) as never,
      body: (await bodyOf(context, route, maxBodyBytes)) as never,
    });
    return answer instanceof Response ? answer : context.json(answer as object);
  });
}

async function bodyOf(context: Context, { body, isBodyRaw, maxBodyBytes }: Route, most: number): Promise<unknown> {
  if (body === undefined) return undefined;
  const read = await readBody(context, maxBodyBytes ?? most);
  return isBodyRaw === true ? read : checkBody(body, read);
}

/** What /openapi.json says of a route. */
function describe(route: Route): ReturnType<typeof createRoute> {
  const { method, path, policy, summary, query, body, form, answer, event, answerType = 'application/json' } = route;
  return createRoute({
    method,
    path,
    summary,
    ...(policy !== 'public' && { security: [{ key: [...policy] }] }),
    request: {
      ...(query !== undefined && { query }),
      ...(body !== undefined && { body: { content: { 'application/json': { schema: body } } } }),
      ...(form !== undefined && { body: { content: { 'multipart/form-data': { schema: form } } } }),
      ...(path.includes('{') && { params: paramsOf(path) }),
    },
    responses: {
      200: {
        description: 'The answer',
        content: {
          [answerType]: { schema: answer },
          ...(event !== undefined && { 'text/event-stream': { schema: event } }),
        },
      },
      default: { description: "OpenAI's error object", content: { 'application/json': { schema: ERROR_OBJECT } } },
    },
  });
}

function paramsOf(path: string): z.ZodObject {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!);
  return z.object(Object.fromEntries(names.map((name) => [name, z.string()])));
}
