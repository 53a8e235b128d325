import { isObject, writeExactJson } from '../../core/index.ts';
import { heldBack } from '../hold.ts';
import { propertiesOf, type ToolDefinition } from '../tool.ts';
import { createJsonEscaper } from './json-escaper.ts';
import { jsonOf } from './json-text.ts';
import { gathered, piece, type Reading, type Source } from './source.ts';

/** Where a value ends that stands between tags as it is, and may hold tags itself. */
export interface ValueEnd {
  /** Finds the tags that may end a value. */
  readonly tags: RegExp;
  /** Their beginnings as texts, for what may still become one. */
  readonly beginnings: readonly string[];
  /** One line break on each side belongs to the tags. */
  readonly trims: boolean;
  /** Of a tag at a place: the place behind the value's end, `text` where it belongs to the value, `more` where that cannot be told yet. */
  decide(text: string, place: number, tag: string): number | 'text' | 'more';
}

const LAST_BREAK = /(?:\r?\n|\r)$/;

/** The value from here on as it stands, given in pieces as `write` writes them. Whether it ended. */
function* valueUpTo(source: Source, end: ValueEnd, write: (text: string) => string): Reading<boolean> {
  const release = function* (to: number): Reading<void> {
    if (to > source.at) yield piece(write(source.text.slice(source.at, to)));
    source.at = Math.max(source.at, to);
  };
  /** The place from which the line break before a place stands. */
  const withoutBreak = (to: number): number =>
    end.trims ? to - (LAST_BREAK.exec(source.text.slice(source.at, to))?.[0].length ?? 0) : to;
  const { tags } = end;
  let from = source.at;
  for (;;) {
    tags.lastIndex = from;
    const match = tags.exec(source.text);
    if (match === null) {
      const rest = source.text.slice(source.at);
      const to = source.text.length - (source.isOver ? 0 : heldBack(rest, end.beginnings));
      yield* release(source.isOver ? to : withoutBreak(to));
      if (source.isOver) return false;
      yield undefined;
      from = source.at;
      continue;
    }
    yield* release(withoutBreak(match.index));
    const found = end.decide(source.text, match.index, match[0]);
    if (typeof found === 'number') {
      source.at = found;
      return true;
    }
    if (found === 'text') from = match.index + match[0].length;
    else if (source.isOver) {
      yield* release(source.text.length);
      return false;
    } else {
      yield undefined;
      from = source.at;
    }
  }
}

export interface TaggedArgument {
  readonly tool: ToolDefinition;
  readonly name: string;
  readonly isFirst: boolean;
}

/**
 * An argument whose value stands from here on, as a field of JSON: a text, where the schema wants one, comes as it is drawn; all else comes when it is whole, as the JSON that
 * it is, or as a text where it is none. Whether the value ended.
 */
export function* readTagged(
  source: Source,
  end: ValueEnd,
  { tool, name, isFirst }: TaggedArgument,
): Reading<{ readonly isWhole: boolean; readonly isGiven: boolean }> {
  const properties = propertiesOf(tool);
  const head = `${isFirst ? '{' : ','}${JSON.stringify(name)}:`;
  const schema = properties.get(name);
  if (!properties.has(name) || takesText(schema, true)) {
    yield piece(`${head}"`);
    const escaper = createJsonEscaper();
    const isWhole = yield* valueUpTo(source, end, escaper.push);
    yield piece(isWhole ? `${escaper.end()}"` : escaper.end());
    return { isWhole, isGiven: true };
  }
  const [isWhole, raw] = yield* gathered(valueUpTo(source, end, String));
  const json = isWhole ? valueText(raw, schema) : raw;
  if (json !== undefined) yield piece(head + json);
  return { isWhole, isGiven: json !== undefined };
}

/** The JSON text of a raw value; undefined where it is empty and the schema wants no text: the model left it out. */
function valueText(text: string, schema: unknown): string | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return takesText(schema, false) ? JSON.stringify(text) : undefined;
  const word = { None: 'null', True: 'true', False: 'false' }[trimmed] ?? trimmed;
  const value = jsonOf(word);
  if (value === undefined) return JSON.stringify(text);
  return typeof value === 'string' && takesText(schema, false) ? JSON.stringify(text) : writeExactJson(value);
}

/** Whether the schema takes a text: `alone`, and nothing else; a schema that says no type takes everything. */
function takesText(schema: unknown, alone: boolean): boolean {
  const types = typesOf(schema);
  if (types === undefined) return !alone;
  return alone ? types.every((type) => type === 'string') : types.includes('string');
}

function typesOf(schema: unknown): readonly string[] | undefined {
  if (!isObject(schema)) return undefined;
  const type = schema['type'];
  if (typeof type === 'string') return [type];
  if (Array.isArray(type)) return type.filter((name) => typeof name === 'string');
  const values = schema['enum'] ?? (Object.hasOwn(schema, 'const') ? [schema['const']] : undefined);
  if (Array.isArray(values))
    return values.map((value) =>
      typeof value === 'string' ? 'string' : typeof value === 'boolean' ? 'boolean' : 'number',
    );
  const options = schema['anyOf'] ?? schema['oneOf'];
  if (!Array.isArray(options)) return undefined;
  const inner = options.map(typesOf);
  return inner.some((types) => types === undefined) ? undefined : inner.flatMap((types) => types ?? []);
}
