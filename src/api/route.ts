import type { z } from 'zod';
import type { Scope } from './scopes.ts';

/** Who may call a route: anybody, or a key with one of these scopes (admin may all). */
export type RoutePolicy = 'public' | readonly Scope[];

/**
 * A route as whoever calls it sees it: where it is, who may, what it takes and gives. The server checks requests by these schemas and must answer what they say, /openapi.json
 * is made from them, and the client takes its types from them.
 */
export interface Route {
  readonly method: 'get' | 'post' | 'delete' | 'put' | 'patch';
  /** As OpenAPI writes it: `/v1/files/{id}`. */
  readonly path: string;
  readonly policy: RoutePolicy;
  /** Whether keys that are bound to origins are refused, whatever their scopes. */
  readonly refusesPageKeys?: boolean;
  readonly summary: string;
  /** What may stand behind `?`. A field that is an object is written `metadata[key]=value`. */
  readonly query?: z.ZodObject;
  /** The body, where it is JSON. */
  readonly body?: z.ZodType;
  /** The body is checked by what answers it, not before: parts of it may be wrong. */
  readonly isBodyRaw?: boolean;
  /** Most bytes of that body; default: what the server's limits say. */
  readonly maxBodyBytes?: number;
  /** The parts, where the body is multipart/form-data. */
  readonly form?: z.ZodObject;
  readonly answer: z.ZodType;
  /** The media type of the answer. Default application/json; any other is text to a client. */
  readonly answerType?: string;
  /** One event of the stream that answers a body with `stream: true`. */
  readonly event?: z.ZodType;
}

/** Data that nobody changes. */
export type Unchanging<T> = T extends readonly (infer Item)[]
  ? readonly Unchanging<Item>[]
  : T extends object
    ? { readonly [Name in keyof T]: Unchanging<T[Name]> }
    : T;

/** The names in a path: `id` of `/v1/files/{id}`. */
export type ParamNames<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParamNames<Rest>
  : never;

/** What a field of a route gives when it was checked; undefined where the route has no such field. */
export type Checked<R extends Route, Field extends keyof Route> =
  R extends Record<Field, infer Schema extends z.ZodType> ? z.output<Schema> : undefined;

/** What a field of a route takes. */
export type Given<R extends Route, Field extends keyof Route> =
  R extends Record<Field, infer Schema extends z.ZodType> ? z.input<Schema> : undefined;

/** What a route answers. */
export type Answered<R extends Route> = Unchanging<z.output<R['answer']>>;

/** What a route is to a client. */
export interface RouteShape<R extends Route> {
  readonly params: { readonly [Name in ParamNames<R['path']>]: string };
  readonly query: Given<R, 'query'>;
  readonly body: Given<R, 'body'>;
  readonly form: Given<R, 'form'>;
  readonly answer: Answered<R>;
  readonly event: Unchanging<Checked<R, 'event'>>;
}

/** Routes by method and path. */
export type ApiOf<R extends Route> = {
  readonly [Method in R['method']]: {
    readonly [One in Extract<R, { readonly method: Method }> as One['path']]: RouteShape<One>;
  };
};
