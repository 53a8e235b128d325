import { badInput } from '../../core/index.ts';
import { exceptTexts } from '../characters.ts';
import { jsonStringTerminal } from '../json-string.ts';
import { jsonPieces, keyNode } from '../json-values.ts';
import { choiceOf, repeatOf, sequenceOf, terminal, NOTHING, type Node } from '../node.ts';
import { freshName } from '../terminal.ts';
import { saidOf, type Part } from './conjunction.ts';
import type { Schema, SchemaContext } from './context.ts';

/** Nodes that counted properties of one object may need. */
const MAX_COUNTED = 20_000;

type Compile = (schemas: readonly Schema[]) => Node;

/**
 * Objects: the named properties in the order in which the schema names them, optional ones or not; required ones that it does not name; then any others.
 * No name comes twice among those that are named.
 */
export function objectNode(parts: readonly Part[], compile: Compile, context: SchemaContext): Node {
  const { openObject } = jsonPieces();
  const minimum = Math.max(0, ...saidOf<number>(parts, 'minProperties'));
  const maximum = Math.min(Infinity, ...saidOf<number>(parts, 'maxProperties'));
  if (minimum > maximum) return NOTHING;
  const required = new Set(saidOf<readonly string[]>(parts, 'required').flat());
  const named = saidOf<Readonly<Record<string, Schema>>>(parts, 'properties').flatMap((properties) =>
    Object.keys(properties),
  );
  const names = Array.from(new Set([...named, ...required]));
  const additional = additionalNode(parts, names, { compile, context });
  if (minimum > names.length + 1 && additional !== undefined) {
    throw badInput({
      message: `schema: minProperties must be at most ${names.length + 1} for an object with ${names.length} named properties, got ${minimum}, since additional ones may have the same name; name more of them or leave minProperties out`,
      path: '$',
    });
  }
  const body = bodyNode({
    names,
    required,
    pairOf: (name) => sequenceOf(keyNode(name), jsonPieces().colon, compile(saidOfProperty(parts, name))),
    additional,
    minimum,
    maximum,
  });
  return sequenceOf(openObject, body);
}

/** What all parts say of a property: by its name, or of all that they do not name. */
function saidOfProperty(parts: readonly Part[], name: string): Schema[] {
  return parts.flatMap(({ schema }) => {
    const properties = (schema.properties as Readonly<Record<string, Schema>> | undefined) ?? {};
    if (Object.hasOwn(properties, name)) return [properties[name]!];
    return schema.additionalProperties === undefined ? [] : [schema.additionalProperties as Schema];
  });
}

/** A pair of a name that is not among `names` and its value; undefined where none may come. */
function additionalNode(
  parts: readonly Part[],
  names: readonly string[],
  { compile, context }: { readonly compile: Compile; readonly context: SchemaContext },
): Node | undefined {
  const said = saidOf<Schema>(parts, 'additionalProperties');
  if (said.includes(false)) return undefined;
  if (said.length === 0 && context.closed && parts.some(({ schema }) => schema.properties !== undefined))
    return undefined;
  const key = names.length === 0 ? jsonPieces().string : terminal(jsonStringTerminal(exceptTexts(freshName(), names)));
  return sequenceOf(key, jsonPieces().colon, compile(said));
}

interface Body {
  readonly names: readonly string[];
  readonly required: ReadonlySet<string>;
  readonly pairOf: (name: string) => Node;
  readonly additional: Node | undefined;
  readonly minimum: number;
  readonly maximum: number;
}

/** What stands behind the opening brace. A place is the next name that may come, and how many pairs have come as far as that matters. */
function bodyNode({ names, required, pairOf, additional, minimum, maximum }: Body): Node {
  const { comma, closeObject } = jsonPieces();
  const counted = Math.max(1, minimum, maximum === Infinity ? 1 : Math.min(maximum, names.length + 1));
  if ((names.length + 1) * counted > MAX_COUNTED) {
    throw badInput({
      message: `schema: minProperties and maxProperties must need at most ${MAX_COUNTED} places, got more; make them smaller or leave them out`,
      path: '$',
    });
  }
  const separated = (count: number, pair: Node): Node[] => (count > 0 ? [comma, pair] : [pair]);
  let tails: Node[] = [];
  for (let count = 0; count <= counted; count++) tails.push(endNode(count));
  for (const name of names.toReversed()) {
    const pair = pairOf(name);
    const behind = tails;
    tails = behind.map((skipped, count) => {
      const isFull = maximum !== Infinity && count >= maximum;
      const taken = sequenceOf(...separated(count, pair), behind[Math.min(count + 1, counted)]!);
      return choiceOf([...(isFull ? [] : [taken]), ...(required.has(name) ? [] : [skipped])]);
    });
  }
  return tails[0]!;

  function endNode(count: number): Node {
    const options: Node[] = count >= minimum ? [closeObject] : [];
    const room = maximum === Infinity ? Infinity : maximum - count;
    // An additional pair counts once: a second one may have the first one's name.
    if (additional !== undefined && room > 0 && count + 1 >= minimum) {
      const others = repeatOf(sequenceOf(comma, additional), 0, room - 1);
      options.push(sequenceOf(...separated(count, additional), others, closeObject));
    }
    return choiceOf(options);
  }
}
