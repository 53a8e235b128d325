import type { ServeApi } from '../api/index.ts';

export type ApiMethod = keyof ServeApi;
/** The paths that a method has. */
export type PathOf<Method extends ApiMethod> = keyof ServeApi[Method] & string;

interface Shape {
  readonly params: object;
  readonly query: unknown;
  readonly body: unknown;
  readonly form: unknown;
  readonly answer: unknown;
  readonly event: unknown;
}
type ShapeOf<Method extends ApiMethod, Path extends PathOf<Method>> = ServeApi[Method][Path] extends infer Found extends
  Shape
  ? Found
  : never;

export type AnswerOf<Method extends ApiMethod, Path extends PathOf<Method>> = ShapeOf<Method, Path>['answer'];
export type EventOf<Path extends StreamPath> = ShapeOf<'post', Path>['event'];

/** The paths whose answers can be streams. */
export type StreamPath = {
  readonly [Path in PathOf<'post'>]: [ShapeOf<'post', Path>['event']] extends [undefined] ? never : Path;
}[PathOf<'post'>];

/** A field that is left out where there is none of its kind, and may be where all in it may. */
type Field<Name extends string, Value> = [Value] extends [undefined]
  ? unknown
  : Record<never, never> extends Value
    ? [keyof Value] extends [never]
      ? unknown
      : { readonly [One in Name]?: Value }
    : { readonly [One in Name]: Value };

/** What a call brings: values for the names in the path, query, body or form. */
export type CallOptions<Method extends ApiMethod, Path extends PathOf<Method>> = Field<
  'params',
  ShapeOf<Method, Path>['params']
> &
  Field<'query', ShapeOf<Method, Path>['query']> &
  Field<'body', ShapeOf<Method, Path>['body']> &
  Field<'form', ShapeOf<Method, Path>['form']> & {
    /** Ends the call, and what the server does for it. The call then throws the signal's reason. */
    readonly signal?: AbortSignal | undefined;
  };

/** The options may be left out where nothing in them is needed. */
export type Arguments<Options> = Record<never, never> extends Options ? [options?: Options] : [options: Options];
