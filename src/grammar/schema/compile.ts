import { badInput, badInputProblems, type JsonObject, type Problem } from '../../core/index.ts';
import { jsonPieces, valuesNode } from '../json-values.ts';
import {
  choiceOf,
  grammarOf,
  isImpossible,
  terminal,
  NOTHING,
  type Grammar,
  type Node,
  type ReferenceNode,
} from '../node.ts';
import { textsTerminal } from '../terminal.ts';
import { arrayNode } from './arrays.ts';
import { checkSchema } from './check.ts';
import { conjunctionOf, type Conjunction, type Part } from './conjunction.ts';
import { createContext, type Schema, type SchemaContext, type SchemaOptions } from './context.ts';
import { areDisjoint, typesOf, valuesOf } from './disjoint.ts';
import { SCHEMA_LIMITS, limitProblems } from './limits.ts';
import { integerNode, numberNode } from './numbers.ts';
import { objectNode } from './objects.ts';
import { stringNode } from './strings.ts';

/**
 * The grammar of the JSON texts that fit a schema (draft 2020-12): every text of it is valid. Of a value's spellings it has one form of white space (at most a
 * space behind commas and colons), properties in the order in which the schema names them, numbers without more digits than float64 can mean, and names and
 * listed values as JSON.stringify writes them; strings may hold any escapes.
 *
 * Throws bad-input with all problems, each with its JSON path, for a schema that is malformed, that says what cannot be enforced, that is too large
 * (`SCHEMA_LIMITS`), or that no value fits. Descriptions (title, default, examples and the like) do nothing.
 */
export function compileSchema(schema: JsonObject | boolean, options: SchemaOptions = {}): Grammar {
  const limits = { ...SCHEMA_LIMITS, ...options.limits };
  const tooMuch = limitProblems(schema, limits);
  if (tooMuch.length > 0) throw badInput(tooMuch);
  const context = createContext(schema, limits, options.closed ?? false);
  checkSchema(context);
  if (context.problems.length > 0) throw badInput(context.problems);
  const oneOf = oneOfProblems(schema, context);
  if (oneOf.length > 0) throw badInput(oneOf);
  const grammar = grammarOf(createCompiler(context)([schema]));
  if (isImpossible(grammar)) {
    throw badInput({
      message:
        'schema: $ must allow at least one value that ends, got a schema that contradicts itself or goes on without end; look at required, enum, bounds and $ref',
      path: '$',
    });
  }
  return grammar;
}

/** Compiles what fits all of the given schemas; each combination once. */
function createCompiler(context: SchemaContext): (schemas: readonly Schema[]) => Node {
  const known = new Map<string, ReferenceNode>();

  const compile = (conjunction: Conjunction): Node => {
    if (conjunction.isFalse) return NOTHING;
    if (conjunction.parts.length === 0) return jsonPieces().value;
    const found = known.get(conjunction.key);
    if (found !== undefined) return found;
    if (known.size >= context.limits.parts) {
      throw badInput({
        message: `schema: it must need at most ${context.limits.parts} combinations of its parts, got more; use fewer alternatives inside allOf`,
        path: '$',
      });
    }
    const reference: ReferenceNode = { kind: 'reference', target: undefined };
    known.set(conjunction.key, reference);
    reference.target = nodeOf(conjunction.parts);
    return reference;
  };

  const nodeOf = (parts: readonly Part[]): Node => {
    const values = valuesOf(parts, context);
    if (values !== undefined) return values.length === 0 ? NOTHING : valuesNode(values);
    const open = parts.find(
      ({ schema, isAnyOfChosen, isOneOfChosen }) =>
        (schema.anyOf !== undefined && !isAnyOfChosen) || (schema.oneOf !== undefined && !isOneOfChosen),
    );
    return open === undefined ? typedNode(parts) : choiceOf(optionsOf(parts, open).map(compile));
  };

  const optionsOf = (parts: readonly Part[], open: Part): Conjunction[] => {
    const isAnyOf = open.schema.anyOf !== undefined && !open.isAnyOfChosen;
    const chosen = isAnyOf ? { ...open, isAnyOfChosen: true } : { ...open, isOneOfChosen: true };
    const options = (isAnyOf ? open.schema.anyOf : open.schema.oneOf) as readonly Schema[];
    const rest = parts.map((part) => (part === open ? chosen : part));
    return options.map((option) => conjunctionOf([option], context, rest));
  };

  const typedNode = (parts: readonly Part[]): Node => {
    const types = typesOf(parts);
    const options: Node[] = [];
    const words = [...(types.has('null') ? ['null'] : []), ...(types.has('boolean') ? ['true', 'false'] : [])];
    if (words.length > 0) options.push(terminal(textsTerminal(words)));
    if (types.has('number')) options.push(numberNode(parts));
    else if (types.has('integer')) options.push(integerNode(parts));
    if (types.has('string')) options.push(stringNode(parts, context));
    if (types.has('array')) options.push(arrayNode(parts, compileAll));
    if (types.has('object')) options.push(objectNode(parts, compileAll, context));
    return choiceOf(options);
  };

  const compileAll = (schemas: readonly Schema[]): Node => compile(conjunctionOf(schemas, context));
  return compileAll;
}

/** oneOf is enforced as anyOf, which is the same where no value fits two options: where that is not seen it is refused. */
function oneOfProblems(root: Schema, context: SchemaContext): Problem[] {
  const problems: Problem[] = [];
  let pairs = 0;
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (key === 'enum' || key === 'const' || key === 'default' || key === 'examples') continue;
      const at = Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`;
      if (key === 'oneOf' && Array.isArray(inner)) pairs += (inner.length * (inner.length - 1)) / 2;
      if (pairs > context.limits.oneOfPairs) return;
      if (key === 'oneOf' && Array.isArray(inner)) problems.push(...overlaps(inner as Schema[], at, context));
      visit(inner, at);
    }
  };
  visit(root, '$');
  if (pairs > context.limits.oneOfPairs) {
    const message = `schema: it must have at most ${context.limits.oneOfPairs} pairs of options of oneOf, got more; say anyOf`;
    problems.push({ message, path: '$' });
  }
  return problems;
}

function overlaps(options: readonly Schema[], path: string, context: SchemaContext): Problem[] {
  for (let i = 0; i < options.length; i++) {
    for (let j = i + 1; j < options.length; j++) {
      try {
        if (areDisjoint(options[i]!, options[j]!, context)) continue;
      } catch (thrown) {
        return badInputProblems(thrown).slice();
      }
      const message = `schema: ${path} must have options of which no two fit one value, which is not seen of options ${i} and ${j}; say anyOf, or give each a required property with its own const`;
      return [{ message, path }];
    }
  }
  return [];
}
