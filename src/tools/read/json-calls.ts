import { PYTHON_TAG, type JsonFormat } from '../format.ts';
import { brokenRest } from './broken.ts';
import { argumentsTextOf } from './json-text.ts';
import {
  behindSpace,
  gathered,
  goBack,
  here,
  piece,
  take,
  takeMarker,
  type Reading,
  type Source,
  type Tools,
} from './source.ts';
import { quotedText } from './strings.ts';
import { jsonPieces } from './values.ts';

/** The keys with which an object begins that may be a call. */
const FIRST_KEYS = new Set(['name', 'arguments', 'parameters', 'type', 'function', 'id']);

/** Calls as JSON: objects one behind the other, or a list of them, whichever of the two the model chose. Whether there were any. */
export function* readJsonCalls(format: JsonFormat, source: Source, tools: Tools): Reading<boolean> {
  const opener = [format.open, PYTHON_TAG].find((marker) => marker !== '' && source.text.startsWith(marker, source.at));
  source.at += opener?.length ?? 0;
  return yield* readJsonList(source, { ...format, tools, isBare: opener === undefined });
}

interface ListOptions {
  readonly open: string;
  readonly close: string;
  readonly tools: Tools;
  /** No marker stood before. */
  readonly isBare: boolean;
}

/** What stands behind the opener. */
export function* readJsonList(source: Source, { open, close, tools, isBare }: ListOptions): Reading<boolean> {
  let [count, isInList] = [0, false];
  for (;;) {
    let next = yield* behindSpace(source);
    if (next === '[' && !isInList) {
      isInList = true;
      source.at++;
      next = yield* behindSpace(source);
    }
    const how = next === '{' ? yield* readCall(source, tools, isBare) : 'bad';
    if (how === 'bad') break;
    count++;
    if (how === 'broken') {
      yield* brokenRest(source, [close, open, PYTHON_TAG]);
      yield* takeMarker(source, close);
      return true;
    }
    source.mark = source.at;
    let separator = yield* behindSpace(source);
    if (isInList && separator === ']') {
      source.mark = ++source.at;
      isInList = false;
      separator = yield* behindSpace(source);
    } else if (isInList && separator !== ',') break;
    while (separator === ',' || separator === ';') {
      source.at++;
      separator = yield* behindSpace(source);
    }
    if (separator !== '{' && (separator !== '[' || isInList)) break;
  }
  if (count === 0) return false;
  goBack(source);
  yield* takeMarker(source, close);
  return true;
}

/** What is known of a call within its object. */
interface Begun {
  name?: string;
  /** The JSON text of arguments that came before the name. */
  argumentsText?: string;
  isBegun: boolean;
  hasArguments: boolean;
}

/** `whole`: its arguments were. `broken`: they were not, and the name has been given. `bad`: it is no call, and nothing has been given. */
export type How = 'whole' | 'broken' | 'bad';

/** `{"name": ..., "arguments": {...}}`, also with `parameters`, and also inside `function`. The name is given with the brace of the arguments. */
function* readCall(source: Source, tools: Tools, isBare: boolean): Reading<How> {
  const call: Begun = { isBegun: false, hasArguments: false };
  const isRead = yield* readFields(source, call, { tools, isBare });
  if (!isRead && !call.isBegun) return 'bad';
  if (!call.isBegun) {
    if (call.name === undefined) return 'bad';
    yield* begin(source, call);
    yield piece(call.argumentsText ?? '{}');
  } else if (!call.hasArguments) return 'broken';
  // A brace that is missing behind whole arguments harms nobody.
  if (!isRead) goBack(source);
  yield { kind: 'end', isWhole: true };
  return 'whole';
}

function* begin(source: Source, call: Begun): Reading<void> {
  call.isBegun = true;
  source.mark = undefined;
  yield { kind: 'call', name: call.name! };
}

interface FieldOptions {
  readonly tools: Tools;
  readonly isBare: boolean;
}

/** The fields of an object up to its brace. Whether they can be those of a call. */
function* readFields(source: Source, call: Begun, options: FieldOptions): Reading<boolean> {
  source.at++;
  for (let isFirst = true; ; isFirst = false) {
    let next = yield* behindSpace(source);
    if (!isFirst && next === ',') {
      source.at++;
      next = yield* behindSpace(source);
    } else if (!isFirst && next !== '}') return false;
    if (next === '}') {
      source.at++;
      return true;
    }
    const key = yield* readText(source);
    if (key === undefined || (options.isBare && isFirst && !FIRST_KEYS.has(key))) return false;
    yield* behindSpace(source);
    if (!(yield* take(source, ':'))) return false;
    if (!(yield* readField(source, key, { ...options, call }))) return false;
  }
}

function* readField(
  source: Source,
  key: string,
  { call, ...options }: FieldOptions & { readonly call: Begun },
): Reading<boolean> {
  const character = yield* behindSpace(source);
  if (key === 'function' && character === '{') return yield* readFields(source, call, { ...options, isBare: false });
  if (key === 'name' && call.name === undefined) {
    const name = yield* readText(source);
    if (name === undefined || !options.tools.has(name)) return false;
    call.name = name;
    return true;
  }
  if ((key === 'arguments' || key === 'parameters') && !call.hasArguments) return yield* readArguments(source, call);
  const [isWhole] = yield* gathered(jsonPieces(source, 'json'));
  return isWhole;
}

/** An object, the JSON text of one, or nothing. */
function* readArguments(source: Source, call: Begun): Reading<boolean> {
  const character = yield* here(source);
  if (character === '{' && call.name !== undefined) {
    yield* begin(source, call);
    if (!(yield* jsonPieces(source, 'json'))) return false;
    call.hasArguments = true;
    source.mark = source.at;
    return true;
  }
  const [isWhole, text] = yield* gathered(jsonPieces(source, 'json'));
  if (!isWhole) return false;
  if (text === 'null') return true;
  const isText = text.startsWith('"');
  const argumentsText = isText ? argumentsTextOf(JSON.parse(text)) : text.startsWith('{') ? text : undefined;
  if (argumentsText === undefined) return false;
  call.argumentsText = argumentsText;
  call.hasArguments = true;
  return true;
}

/** A text in quotes; undefined where there is none. */
function* readText(source: Source): Reading<string | undefined> {
  const character = yield* here(source);
  if (character !== '"' && character !== "'") return undefined;
  const [isWhole, text] = yield* gathered(quotedText(source, false));
  return isWhole ? (JSON.parse(text) as string) : undefined;
}
