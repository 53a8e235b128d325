import { isObject, writeExactJson } from '../../core/index.ts';
import { propertiesOf, type CallText, type ToolDefinition } from '../tool.ts';
import { jsonOf } from './json-text.ts';
import { endOfMarker, skipSpace, type ReadContext, type Section } from './section.ts';

/** Longer than any name of a function or a parameter with its tag. */
const MAX_TAG = 512;

/**
 * Calls as Qwen3-Coder writes them. Read as well, since models do it: no `<tool_call>` before, names in quotes or as an attribute, a parameter that the next one
 * ends. A text is what stands between the tags, without one line break on each side; what the schema calls anything else is JSON, or stays a text where it is none.
 */
export function readXmlCalls(text: string, context: ReadContext): Section {
  const { isEnd } = context;
  const calls: CallText[] = [];
  let [end, at] = [0, text.startsWith('<tool_call>') ? skipSpace(text, '<tool_call>'.length) : 0];
  for (;;) {
    const found = readFunction(text, at, context);
    if (typeof found === 'string') {
      if (found === 'more' && !isEnd) return 'more';
      break;
    }
    calls.push(found.call);
    end = found.end;
    at = skipSpace(text, end);
    if (at === text.length && !isEnd) return 'more';
    if (!'<function'.startsWith(text.slice(at, at + 9))) break;
  }
  if (calls.length === 0) return 'bad';
  const closed = endOfMarker(text, end, '</tool_call>', isEnd);
  return closed === 'more' ? 'more' : { end: closed, calls };
}

type Found<T> = (T & { readonly end: number }) | 'more' | 'bad';

/** The name in `<function=name>`, `<function="name">` or `<function name="name">`. */
function readTag(text: string, at: number, kind: 'function' | 'parameter'): Found<{ readonly name: string }> {
  const start = `<${kind}`;
  if (!text.startsWith(start, at)) return start.startsWith(text.slice(at)) ? 'more' : 'bad';
  const close = text.indexOf('>', at);
  if (close === -1 || close - at > MAX_TAG) return text.length - at > MAX_TAG ? 'bad' : 'more';
  const name = /^(?:\s+name)?\s*=\s*(?:"([^"]*)"|'([^']*)'|([^"'\s]+))\s*$/.exec(text.slice(at + start.length, close));
  const value = name?.[1] ?? name?.[2] ?? name?.[3];
  return value === undefined ? 'bad' : { name: value, end: close + 1 };
}

function readFunction(text: string, from: number, { tools }: ReadContext): Found<{ readonly call: CallText }> {
  const tag = readTag(text, from, 'function');
  if (typeof tag === 'string') return tag;
  const tool = tools.get(tag.name);
  if (tool === undefined) return 'bad';
  const properties = propertiesOf(tool);
  const values = new Map<string, string>();
  let at = skipSpace(text, tag.end);
  for (;;) {
    const rest = text.slice(at, at + 16);
    if (rest.startsWith('</function>'))
      return { call: { name: tag.name, argumentsText: objectText(values) }, end: at + '</function>'.length };
    if ('</function>'.startsWith(rest)) return 'more';
    const parameter = readTag(text, at, 'parameter');
    if (typeof parameter === 'string') return parameter;
    const value = readValue(text, parameter.end, { tool, given: values });
    if (typeof value === 'string') return value;
    const json = valueText(value.raw, properties.get(parameter.name), properties.has(parameter.name));
    if (json !== undefined) values.set(parameter.name, json);
    at = skipSpace(text, value.end);
  }
}

/** The raw value up to the tag that ends it: one behind which a parameter or the end of the function stands, since values hold tags too. */
function readValue(
  text: string,
  at: number,
  { tool, given }: { readonly tool: ToolDefinition; readonly given: ReadonlyMap<string, string> },
): Found<{ readonly raw: string }> {
  const CLOSE = '</parameter>';
  const tags = /<\/parameter>|<\/function>|\n<parameter\b/g;
  tags.lastIndex = at;
  for (let match = tags.exec(text); match !== null; match = tags.exec(text)) {
    const [place, tag] = [match.index, match[0]];
    if (tag === CLOSE) {
      const behind = skipSpace(text, place + CLOSE.length);
      const follow = text.slice(behind, behind + '</function>'.length);
      if (follow.startsWith('<parameter') || follow === '</function>')
        return { raw: text.slice(at, place), end: place + CLOSE.length };
      if ('</function>'.startsWith(follow) || '<parameter'.startsWith(follow)) return 'more';
    } else if (tag === '</function>') {
      const behind = skipSpace(text, place + tag.length);
      if (text.startsWith('</tool_call>', behind)) return { raw: text.slice(at, place), end: place };
      if ('</tool_call>'.startsWith(text.slice(behind))) return 'more';
    } else {
      const next = readTag(text, place + 1, 'parameter');
      if (next === 'more') return 'more';
      if (next !== 'bad' && propertiesOf(tool).has(next.name) && !given.has(next.name))
        return { raw: text.slice(at, place), end: place + 1 };
    }
  }
  return 'more';
}

function objectText(values: ReadonlyMap<string, string>): string {
  return `{${Array.from(values, ([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`;
}

/** The JSON text of a raw value; undefined where it is empty and the schema wants no text: the model left it out. */
function valueText(raw: string, schema: unknown, isKnown: boolean): string | undefined {
  const text = raw.replace(/^\r?\n/, '').replace(/\r?\n$/, '');
  if (!isKnown || takesText(schema, true)) return JSON.stringify(text);
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
