import { propertiesOf } from '../tool.ts';
import { brokenRest } from './broken.ts';
import type { How } from './json-calls.ts';
import { behindSpace, goBack, piece, take, takeMarker, type Reading, type Source, type Tools } from './source.ts';
import { markerAt, skipSpace } from './space.ts';
import { readTagged, type ValueEnd } from './tagged-values.ts';

/** Longer than any name of a function or a parameter with its tag. */
const MAX_TAG = 512;

const [OPEN, CLOSE] = ['<tool_call>', '</tool_call>'];

/**
 * Calls as Qwen3-Coder writes them. Read as well, since models do it: no `<tool_call>` before, names in quotes or as an attribute, a parameter that the next one
 * ends, no `</function>`. A text is what stands between the tags, without one line break on each side; what the schema calls anything else is JSON, or stays a text where it is none.
 * Whether there were any.
 */
export function* readXmlCalls(source: Source, tools: Tools): Reading<boolean> {
  if (source.text.startsWith(OPEN, source.at)) source.at += OPEN.length;
  let count = 0;
  for (;;) {
    yield* behindSpace(source);
    const how = yield* readFunction(source, tools);
    if (how === 'bad') break;
    count++;
    if (how === 'broken') yield* brokenRest(source, [CLOSE, OPEN]);
    source.mark = source.at;
    if (how === 'broken') break;
    yield* behindSpace(source);
    if (!(yield* stands(source, '<function'))) break;
  }
  if (count === 0) return false;
  goBack(source);
  yield* takeMarker(source, CLOSE);
  return true;
}

/** Whether a text stands here, which is not stepped over. */
function* stands(source: Source, expected: string): Reading<boolean> {
  const found = yield* take(source, expected);
  if (found) source.at -= expected.length;
  return found;
}

/** The name in `<function=name>`, `<function="name">` or `<function name="name">`; undefined, and no step, where no such tag stands. */
function* readTag(source: Source, kind: 'function' | 'parameter'): Reading<string | undefined> {
  for (;;) {
    const found = tagAt(source.text, source.at, kind);
    if (typeof found === 'object') {
      source.at = found.end;
      return found.name;
    }
    if (found === 'bad' || source.isOver) return undefined;
    yield undefined;
  }
}

function tagAt(
  text: string,
  at: number,
  kind: 'function' | 'parameter',
): { readonly name: string; readonly end: number } | 'more' | 'bad' {
  const start = `<${kind}`;
  const found = markerAt(text, at, start);
  if (found !== true) return found === 'more' ? 'more' : 'bad';
  const close = text.indexOf('>', at);
  if (close === -1 || close - at > MAX_TAG) return text.length - at > MAX_TAG ? 'bad' : 'more';
  const name = /^(?:\s+name)?\s*=\s*(?:"([^"]*)"|'([^']*)'|([^"'\s]+))\s*$/.exec(text.slice(at + start.length, close));
  const value = name?.[1] ?? name?.[2] ?? name?.[3];
  return value === undefined ? 'bad' : { name: value, end: close + 1 };
}

/** The name is given with the first parameter. */
function* readFunction(source: Source, tools: Tools): Reading<How> {
  const name = yield* readTag(source, 'function');
  const tool = name === undefined ? undefined : tools.get(name);
  if (tool === undefined) return 'bad';
  const given = new Set<string>();
  const end = parameterEnd(source, new Set(propertiesOf(tool).keys()), given);
  let [isBegun, isFirst] = [false, true];
  for (;;) {
    yield* behindSpace(source);
    const isClosed = (yield* take(source, '</function>')) || (isBegun && (yield* stands(source, CLOSE)));
    const parameter = isClosed ? undefined : yield* readTag(source, 'parameter');
    if (!isClosed && parameter === undefined) return isBegun ? 'broken' : 'bad';
    if (!isBegun) {
      isBegun = true;
      source.mark = undefined;
      yield { kind: 'call', name: tool.function.name };
    }
    if (parameter === undefined) {
      yield piece(isFirst ? '{}' : '}');
      yield { kind: 'end', isWhole: true };
      return 'whole';
    }
    if (!(yield* take(source, '\r\n'))) yield* take(source, '\n');
    const { isWhole, isGiven } = yield* readTagged(source, end, { tool, name: parameter, isFirst });
    if (!isWhole) return 'broken';
    given.add(parameter);
    isFirst &&= !isGiven;
  }
}

/** A value ends with a tag behind which a parameter or the end of the function stands, since values hold tags too. */
function parameterEnd(source: Source, names: ReadonlySet<string>, given: ReadonlySet<string>): ValueEnd {
  const undecided = (place: number): number | 'more' => (source.isOver ? place : 'more');
  return {
    tags: /<\/parameter>|<\/function>|\n<parameter\b/g,
    beginnings: ['</parameter>', '</function>', '\n<parameter'],
    trims: true,
    decide(text, place, tag) {
      const end = place + tag.length;
      const behind = skipSpace(text, end);
      const follows = (...texts: readonly string[]): boolean | 'more' => {
        const found = texts.map((one) => markerAt(text, behind, one));
        return found.find((one) => one === true) ?? found.find((one) => one === 'more') ?? false;
      };
      if (tag === '</parameter>') {
        const found = follows('<parameter', '</function>', CLOSE);
        return found === true ? end : found === 'more' ? undecided(end) : 'text';
      }
      if (tag === '</function>') {
        const found = follows(CLOSE);
        return found === true ? place : found === 'more' ? undecided(place) : 'text';
      }
      const next = tagAt(text, place + 1, 'parameter');
      if (typeof next === 'string') return next === 'more' ? 'more' : 'text';
      return names.has(next.name) && !given.has(next.name) ? place + 1 : 'text';
    },
  };
}
