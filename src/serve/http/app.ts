import { randomBytes } from 'node:crypto';
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { cors } from 'hono/cors';
import { ERROR_OBJECT } from '../openai/chat-schema.ts';
import type { ServeServices } from '../services.ts';
import { ServeError } from '../serve-error.ts';
import { asServeError, errorBody, errorHeaders } from './errors.ts';
import { FEEDBACK_PATHS, pageCors } from '../live/page-cors.ts';
import { createGuard, RoutePolicies, type GuardOptions, type RoutePolicy } from './guard.ts';

/** A route: where it is, who may call it, and what it says of itself in /openapi.json. */
export interface RouteDefinition {
  readonly method: 'get' | 'post' | 'delete' | 'put' | 'patch';
  /** As OpenAPI writes it: `/v1/files/{id}`. */
  readonly path: string;
  readonly policy: RoutePolicy;
  readonly summary: string;
  readonly body?: z.ZodType;
  readonly answer?: z.ZodType;
  /** The media type of the answer. Default application/json. */
  readonly answerType?: string;
  handle(context: Context): Response | Promise<Response>;
}

export interface AppOptions extends Omit<GuardOptions, 'policies'> {
  readonly services: ServeServices;
  readonly version: string;
  readonly routes: readonly RouteDefinition[];
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
  for (const route of routes) mount(app, { route, policies });
  app.doc31('/openapi.json', {
    openapi: '3.1.0',
    info: { title: 'preftune', version, description: "OpenAI's API, answered by preftune." },
  });
  policies.declare('GET', '/openapi.json', ['infer', 'feedback', 'label', 'read', 'train']);
  return { app, policies };
}

function mount(
  app: OpenAPIHono,
  { route, policies }: { readonly route: RouteDefinition; readonly policies: RoutePolicies },
): void {
  const { method, path, policy, summary, body, answer, answerType = 'application/json', handle } = route;
  // Names of models and paths hold slashes.
  const routerPath = path.replace(/\{(model|path)\}/, ':$1{.+}').replaceAll(/\{(\w+)\}/g, ':$1');
  policies.declare(method, routerPath, policy);
  app.openAPIRegistry.registerPath(
    createRoute({
      method,
      path,
      summary,
      ...(policy !== 'public' && { security: [{ key: [...policy] }] }),
      request: {
        ...(body !== undefined && { body: { content: { 'application/json': { schema: body } } } }),
        ...(path.includes('{') && { params: paramsOf(path) }),
      },
      responses: {
        200: {
          description: 'The answer',
          content: { [answerType]: { schema: answer ?? z.looseObject({}) } },
        },
        default: { description: "OpenAI's error object", content: { 'application/json': { schema: ERROR_OBJECT } } },
      },
    }),
  );
  app.on(method.toUpperCase(), routerPath, (context) => handle(context));
}

function paramsOf(path: string): z.ZodObject {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!);
  return z.object(Object.fromEntries(names.map((name) => [name, z.string()])));
}
