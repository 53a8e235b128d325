import type { NamedJsonFormat } from '../format.ts';
import { brokenRest } from './broken.ts';
import { readJsonList } from './json-calls.ts';
import { behindSpace, take, takeMarker, takeWord, type Reading, type Source, type Tools } from './source.ts';
import { jsonPieces } from './values.ts';

const NAME = /[\w.-]{1,256}/y;
const ID = /[\w-]{0,64}/y;

/** Calls as a name and JSON. Mistral's older list behind the same marker is read too, and an id between name and arguments is skipped. Whether there was one. */
export function* readNamedCalls(format: NamedJsonFormat, source: Source, tools: Tools): Reading<boolean> {
  const { before, open, middle, close, after } = format;
  if (before !== '' && source.text.startsWith(before, source.at)) {
    source.at += before.length;
    yield* behindSpace(source);
  }
  if (!(yield* take(source, open))) return false;
  const next = yield* behindSpace(source);
  if (next === '[' || next === '{') return yield* readJsonList(source, { open, close: '', tools, isBare: false });
  const name = yield* takeWord(source, NAME);
  if (!tools.has(name)) return false;
  yield* takeMarker(source, '[CALL_ID]');
  if (source.text.endsWith('[CALL_ID]', source.at)) {
    yield* behindSpace(source);
    yield* takeWord(source, ID);
  }
  yield* takeMarker(source, middle.trim());
  if ((yield* behindSpace(source)) !== '{') return false;
  source.mark = undefined;
  yield { kind: 'call', name };
  if (yield* jsonPieces(source, 'json')) yield { kind: 'end', isWhole: true };
  else yield* brokenRest(source, [close, after, open]);
  yield* takeMarker(source, close);
  yield* takeMarker(source, after);
  return true;
}
