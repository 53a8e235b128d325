import type { JsonObject } from '../../../core/index.ts';
import { compileSchema, jsonObject, type Grammar } from '../../../grammar/index.ts';
import type { Tokenizer } from '../../../tokenizer/index.ts';
import { toolGrammar, type TemplateTraits } from '../../../tools/index.ts';
import { ServeError } from '../../serve-error.ts';
import { asked, type ToolUse } from './conversation.ts';

/** Grammars that are kept; requests of one application share a few, and what decoding found out stays with them. */
const MOST_GRAMMARS = 64;

/** What answers must be like, compiled once for each schema and each set of tools. */
export interface ResponseFormats {
  /** Undefined where any text will do. Throws ServeError 400 that names all that cannot be enforced. */
  grammarOf(body: JsonObject, use: ToolUse, isReasoningOpen: boolean): Grammar | undefined;
}

export function createResponseFormats(
  { addedTokens }: Pick<Tokenizer, 'addedTokens'>,
  traits: TemplateTraits | undefined,
): ResponseFormats {
  const known = new Map<string, Grammar | undefined>();
  const compiled = (key: string, compile: () => Grammar | undefined): Grammar | undefined => {
    const grammar = known.has(key) ? known.get(key) : compile();
    // The last used are kept.
    known.delete(key);
    known.set(key, grammar);
    if (known.size > MOST_GRAMMARS) known.delete(known.keys().next().value!);
    return grammar;
  };
  const specialTokens = new Map(addedTokens.filter(({ special }) => special).map(({ content, id }) => [content, id]));
  const ofTools = ({ tools, choice, isParallel }: ToolUse, isReasoningOpen: boolean): Grammar | undefined => {
    if (tools === undefined || traits?.format === undefined) return undefined;
    const { format, reasoning } = traits;
    return compiled(JSON.stringify([tools, choice, isParallel, isReasoningOpen]), () =>
      asked('tools', () =>
        toolGrammar({ format, tools, choice, isParallel, specialTokens, reasoning, isReasoningOpen }),
      ),
    );
  };
  return {
    grammarOf: (body, use, isReasoningOpen) => {
      const format = body['response_format'] as JsonObject | undefined;
      if (format === undefined || format['type'] === 'text') return ofTools(use, isReasoningOpen);
      if (use.tools !== undefined)
        throw new ServeError(400, 'response_format: an answer is held to a format or may call tools; leave one out', {
          param: 'response_format',
        });
      if (format['type'] === 'json_object') return compiled('object', jsonObject);
      const { schema } = format['json_schema'] as { readonly schema?: JsonObject };
      if (schema === undefined) return compiled('object', jsonObject);
      return compiled(JSON.stringify(schema), () => grammarOfSchema(schema));
    },
  };
}

function grammarOfSchema(schema: JsonObject): Grammar {
  try {
    return asked('response_format', () => compileSchema(schema));
  } catch (thrown) {
    if (!(thrown instanceof ServeError)) throw thrown;
    throw new ServeError(400, `response_format: ${thrown.message}`, {
      param: 'response_format',
      code: 'unsupported_schema',
      cause: thrown,
    });
  }
}
