import { isObject, type JsonObject, type JsonValue } from '../core/index.ts';
import { ANY_TEXT } from './characters.ts';
import { jsonStringTerminal } from './json-string.ts';
import { choiceOf, repeatOf, sequenceOf, terminal, type Node, type ReferenceNode } from './node.ts';
import { numberTerminal } from './numbers.ts';
import { jsonTextsTerminal, textsTerminal } from './terminal.ts';

/**
 * The pieces of JSON. White space: at most one space behind a comma and behind a colon, none elsewhere. Models write both forms, and a model that knows no way
 * on cannot fill its answer with spaces or line ends.
 */
export interface JsonPieces {
  readonly comma: Node;
  readonly colon: Node;
  readonly openArray: Node;
  readonly closeArray: Node;
  readonly openObject: Node;
  readonly closeObject: Node;
  /** Any string. */
  readonly string: Node;
  /** Any value. */
  readonly value: Node;
  /** Any object. */
  readonly object: Node;
}

let pieces: JsonPieces | undefined;

/** Made once, so that all grammars share them. */
export function jsonPieces(): JsonPieces {
  pieces ??= createPieces();
  return pieces;
}

const text = (...texts: readonly string[]): Node => terminal(textsTerminal(texts));

function createPieces(): JsonPieces {
  const comma = text(',', ', ');
  const colon = text(':', ': ');
  const string = terminal(jsonStringTerminal(ANY_TEXT));
  const value: ReferenceNode = { kind: 'reference', target: undefined };
  const parts = {
    comma,
    colon,
    openArray: text('['),
    closeArray: text(']'),
    openObject: text('{'),
    closeObject: text('}'),
  };
  const pair = sequenceOf(string, colon, value);
  const listed = (item: Node, close: Node): Node =>
    choiceOf([close, sequenceOf(item, repeatOf(sequenceOf(comma, item), 0, Infinity), close)]);
  const object = sequenceOf(parts.openObject, listed(pair, parts.closeObject));
  const array = sequenceOf(parts.openArray, listed(value, parts.closeArray));
  value.target = choiceOf([text('true', 'false', 'null'), terminal(numberTerminal()), string, array, object]);
  return { ...parts, string, value, object };
}

/** Exactly these values, any one of them, each written in one way; objects with their fields in the order given. */
export function valuesNode(values: readonly JsonValue[]): Node {
  const strings = values.filter((value) => typeof value === 'string');
  const lists = values.filter((value) => typeof value === 'object' && value !== null);
  const others = values.filter((value) => typeof value !== 'string' && (typeof value !== 'object' || value === null));
  const options: Node[] = [];
  if (strings.length > 0) options.push(terminal(jsonTextsTerminal(strings)));
  if (others.length > 0) options.push(terminal(textsTerminal(others.map((value) => JSON.stringify(value)))));
  for (const value of lists) options.push(containerNode(value as JsonObject | readonly JsonValue[]));
  return choiceOf(options);
}

function containerNode(value: JsonObject | readonly JsonValue[]): Node {
  const { comma, colon, openArray, closeArray, openObject, closeObject } = jsonPieces();
  const separated = (items: readonly Node[]): Node[] =>
    items.flatMap((item, index) => (index === 0 ? [item] : [comma, item]));
  if (!isObject(value)) {
    const items = (value as readonly JsonValue[]).map((item) => valuesNode([item]));
    return sequenceOf(openArray, ...separated(items), closeArray);
  }
  const fields = Object.entries(value as JsonObject).map(([key, inner]) =>
    sequenceOf(keyNode(key), colon, valuesNode([inner])),
  );
  return sequenceOf(openObject, ...separated(fields), closeObject);
}

/** The name of a property. */
export function keyNode(name: string): Node {
  return terminal(jsonTextsTerminal([name]));
}
