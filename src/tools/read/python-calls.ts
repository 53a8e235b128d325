import { PYTHON_TAG, type PythonFormat } from '../format.ts';
import { brokenRest } from './broken.ts';
import type { How } from './json-calls.ts';
import {
  behindSpace,
  goBack,
  piece,
  take,
  takeMarker,
  takeWord,
  type Reading,
  type Source,
  type Tools,
} from './source.ts';
import { jsonPieces } from './values.ts';

const NAME = /[A-Za-z_][\w.-]*/y;

/** Calls as Python writes them, with arguments by name: those by place are no calls, since only the function says what they are. Whether there were any. */
export function* readPythonCalls(format: PythonFormat, source: Source, tools: Tools): Reading<boolean> {
  const opener = [format.open, PYTHON_TAG].find((marker) => marker !== '' && source.text.startsWith(marker, source.at));
  source.at += opener?.length ?? 0;
  if (format.isList) {
    yield* behindSpace(source);
    if (!(yield* take(source, '['))) return false;
  }
  let count = 0;
  for (;;) {
    yield* behindSpace(source);
    if (count > 0 && format.isList && (yield* take(source, ']'))) {
      source.mark = source.at;
      break;
    }
    const how = yield* readCall(source, tools);
    if (how === 'bad') break;
    count++;
    if (how === 'broken') {
      yield* brokenRest(source, [format.close, format.open, PYTHON_TAG]);
      yield* takeMarker(source, format.close);
      return true;
    }
    source.mark = source.at;
    let separator = yield* behindSpace(source);
    if (format.isList && separator !== ',' && separator !== ']') break;
    while (separator === ',' || (separator === ';' && !format.isList)) {
      source.at++;
      separator = yield* behindSpace(source);
    }
  }
  if (count === 0) return false;
  goBack(source);
  yield* takeMarker(source, format.close);
  return true;
}

/** `name(key=value, ...)`; its name is given with the first key. */
function* readCall(source: Source, tools: Tools): Reading<How> {
  const name = yield* takeWord(source, NAME);
  if (name === '') return 'bad';
  yield* behindSpace(source);
  if (!(yield* take(source, '('))) return 'bad';
  // Gemma writes print(f(...)), as if the answer were run.
  if (name === 'print' && !tools.has(name)) {
    yield* behindSpace(source);
    const how = yield* readCall(source, tools);
    if (how === 'whole') yield* takeMarker(source, ')');
    return how;
  }
  if (!tools.has(name)) return 'bad';
  for (let count = 0; ; count++) {
    let next = yield* behindSpace(source);
    if (count > 0 && next === ',') {
      source.at++;
      next = yield* behindSpace(source);
    } else if (count > 0 && next !== ')') return 'broken';
    if (next === ')') {
      source.at++;
      if (count === 0) yield* begin(source, name);
      yield piece(count === 0 ? '{}' : '}');
      yield { kind: 'end', isWhole: true };
      return 'whole';
    }
    const key = yield* takeWord(source, NAME);
    yield* behindSpace(source);
    if (key === '' || !(yield* take(source, '='))) {
      if (count === 0) return 'bad';
      yield piece(`,${key}`);
      return 'broken';
    }
    if (count === 0) yield* begin(source, name);
    yield piece(`${count === 0 ? '{' : ','}${JSON.stringify(key)}:`);
    if (!(yield* jsonPieces(source, 'python'))) return 'broken';
  }
}

function* begin(source: Source, name: string): Reading<void> {
  source.mark = undefined;
  yield { kind: 'call', name };
}
