import { badInput, isObject, problemsOf, type JsonObject, type JsonRecord } from '../../core/index.ts';
import { choice, compileSchema, jsonObject, literal, sequence, type Grammar } from '../../grammar/index.ts';
import { propertiesOf, requiredOf, type ToolDefinition } from '../tool.ts';

/**
 * The JSON text of a tool's arguments. A strict tool's schema holds, or is refused with what cannot be enforced; of other tools any object will do where the schema cannot be.
 * Throws bad-input that names the tool.
 */
export function argumentsGrammar(tool: ToolDefinition): Grammar {
  const { parameters, strict, name } = tool.function;
  if (parameters === undefined || parameters === null) return literal('{}');
  return enforced(name, strict === true, jsonObject, () => compileSchema(parameters as JsonObject, { closed: true }));
}

/** An argument of its own, by its name. */
export interface Parameter {
  readonly name: string;
  readonly schema: JsonObject | boolean;
  readonly isRequired: boolean;
}

/** The parameters that a tool names, with the definitions that their schemas point to. */
export function parametersOf(tool: ToolDefinition): readonly Parameter[] {
  const { parameters } = tool.function;
  const definitions = Object.fromEntries(
    ['$defs', 'definitions'].flatMap((key) => (isObject(parameters?.[key]) ? [[key, parameters[key]]] : [])),
  );
  const required = requiredOf(tool);
  return Array.from(propertiesOf(tool), ([name, schema]) => ({
    name,
    schema: (isObject(schema) ? { ...schema, ...definitions } : true) as JsonObject | boolean,
    isRequired: required.has(name),
  }));
}

/** The JSON text of one argument. */
export function valueGrammar(tool: ToolDefinition, { schema, name }: Parameter): Grammar {
  return enforced(
    `${tool.function.name}.${name}`,
    tool.function.strict === true,
    () => compileSchema(true),
    () => compileSchema(schema, { closed: true }),
  );
}

const PLAIN_TEXT = new Set([
  'type',
  'enum',
  'const',
  'title',
  'description',
  'default',
  'examples',
  '$defs',
  'definitions',
]);

/**
 * A text as it stands, up to and with `close`, where the schema wants one: one of the listed, or any (`anyText`, which `close` ends too). Undefined for other schemas. Throws bad-input for what a strict tool says of a
 * text and this cannot hold (a pattern, a length).
 */
export function plainTextGrammar(
  tool: ToolDefinition,
  { schema, name }: Parameter,
  { close, anyText }: { readonly close: Grammar; readonly anyText: Grammar },
): Grammar | undefined {
  if (!isObject(schema)) return undefined;
  const listed = listOf(schema);
  if (schema['type'] !== 'string' && !(listed?.every((value) => typeof value === 'string') ?? false)) return undefined;
  const strangers = Object.keys(schema).filter((key) => !PLAIN_TEXT.has(key));
  if (tool.function.strict === true && strangers.length > 0)
    throw badInput(
      `tools: ${strangers.join(', ')} of ${tool.function.name}.${name} cannot be enforced in the way this model writes texts; leave it out or do without strict`,
    );
  if (listed !== undefined) return sequence(choice(...listed.map((value) => literal(String(value)))), close);
  return anyText;
}

function listOf(schema: JsonRecord): readonly unknown[] | undefined {
  if (Array.isArray(schema['enum'])) return schema['enum'];
  return Object.hasOwn(schema, 'const') ? [schema['const']] : undefined;
}

function enforced(name: string, isStrict: boolean, anything: () => Grammar, compile: () => Grammar): Grammar {
  let grammar: Grammar | undefined;
  const problems = problemsOf(() => {
    grammar = compile();
  });
  if (grammar !== undefined) return grammar;
  if (!isStrict) return anything();
  throw badInput(
    problems.map((problem) => ({ ...problem, message: `tools: the strict schema of ${name}: ${problem.message}` })),
  );
}

/** Parts with separators between those that come; required ones always do. The order is that of the schema. */
export function listGrammar(
  parts: readonly { readonly grammar: Grammar; readonly isRequired: boolean }[],
  separator: string,
): Grammar {
  // From the last part on: what may follow where nothing has come yet, and where something has.
  let [first, further] = [literal(''), literal('')];
  for (const { grammar, isRequired } of parts.toReversed()) {
    const [here, behind] = [sequence(grammar, further), sequence(separator, grammar, further)];
    [first, further] = isRequired ? [here, behind] : [choice(first, here), choice(further, behind)];
  }
  return first;
}
