import type { GemmaFormat } from '../format.ts';
import { brokenRest } from './broken.ts';
import { behindSpace, here, take, takeMarker, takeWord, type Reading, type Source, type Tools } from './source.ts';
import { jsonPieces } from './values.ts';

const NAME = /[\w.-]+/y;

/** A call as Gemma writes it: keys stand as they are, texts between quotes of several characters. Whether it is one. */
export function* readGemmaCall(format: GemmaFormat, source: Source, tools: Tools): Reading<boolean> {
  source.at += format.open.length;
  yield* behindSpace(source);
  if (!(yield* take(source, 'call:'))) return false;
  const name = yield* takeWord(source, NAME);
  if (!tools.has(name) || (yield* here(source)) !== '{') return false;
  source.mark = undefined;
  yield { kind: 'call', name };
  if (yield* jsonPieces(source, format)) yield { kind: 'end', isWhole: true };
  else yield* brokenRest(source, [format.close, format.open]);
  yield* takeMarker(source, format.close);
  return true;
}
