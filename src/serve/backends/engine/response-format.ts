import { PreftuneError, type JsonObject } from '../../../core/index.ts';
import { compileSchema, jsonObject, type Grammar } from '../../../grammar/index.ts';
import { ServeError } from '../../serve-error.ts';

/** Compiled schemas that are kept; requests of one application share a few. */
const MOST_GRAMMARS = 64;

/** What answers must be like, compiled once for each schema. */
export interface ResponseFormats {
  /** Undefined where any text will do. Throws ServeError 400 that names all that cannot be enforced. */
  grammarOf(body: JsonObject): Grammar | undefined;
}

export function createResponseFormats(): ResponseFormats {
  const known = new Map<string, Grammar>();
  const compiled = (schema: JsonObject): Grammar => {
    const key = JSON.stringify(schema);
    const grammar = known.get(key) ?? compile(schema);
    // The last used are kept.
    known.delete(key);
    known.set(key, grammar);
    if (known.size > MOST_GRAMMARS) known.delete(known.keys().next().value!);
    return grammar;
  };
  const anyObject = jsonObject();
  return {
    grammarOf: (body) => {
      const format = body['response_format'] as JsonObject | undefined;
      if (format === undefined || format['type'] === 'text') return undefined;
      if (format['type'] === 'json_object') return anyObject;
      const { schema } = format['json_schema'] as { readonly schema?: JsonObject };
      return schema === undefined ? anyObject : compiled(schema);
    },
  };
}

function compile(schema: JsonObject): Grammar {
  try {
    return compileSchema(schema);
  } catch (thrown) {
    if (!(thrown instanceof PreftuneError) || thrown.code === 'internal') throw thrown;
    throw new ServeError(400, `response_format: ${thrown.message}`.slice(0, 4000), {
      param: 'response_format',
      code: 'unsupported_schema',
      cause: thrown,
    });
  }
}
