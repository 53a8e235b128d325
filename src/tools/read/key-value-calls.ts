import { KEY_VALUE_TAGS } from '../format.ts';
import { brokenRest } from './broken.ts';
import { behindSpace, piece, take, takeWord, type Reading, type Source, type Tools } from './source.ts';
import { markerAt, skipSpace } from './space.ts';
import { readTagged, type ValueEnd } from './tagged-values.ts';

const NAME = /[\w.-]{1,256}/y;
const KEY = /[^<]{1,256}/y;

const { open: OPEN, close: CLOSE, openKey, closeKey, openValue, closeValue } = KEY_VALUE_TAGS;

/**
 * A call as GLM writes it: the name, then keys and values between tags of their own. Texts stand as they are, all else as JSON: the schema says which. A value that holds `</arg_value>` goes on
 * behind it, unless another key or the end of the call follows. Whether it is a call; the name is given with the first key.
 */
export function* readKeyValueCall(source: Source, tools: Tools): Reading<boolean> {
  source.at += OPEN.length;
  yield* behindSpace(source);
  const tool = tools.get(yield* takeWord(source, NAME));
  if (tool === undefined) return false;
  const end = valueEnd(source);
  let [isBegun, isFirst] = [false, true];
  for (;;) {
    yield* behindSpace(source);
    const isClosed = yield* take(source, CLOSE);
    const hasKey = !isClosed && (yield* take(source, openKey));
    if (!isClosed && !hasKey && !isBegun) return false;
    if (!isBegun) {
      isBegun = true;
      source.mark = undefined;
      yield { kind: 'call', name: tool.function.name };
    }
    if (isClosed) {
      yield piece(isFirst ? '{}' : '}');
      yield { kind: 'end', isWhole: true };
      return true;
    }
    const name = hasKey ? yield* readKey(source) : undefined;
    const argument = { tool, name: name ?? '', isFirst };
    const read = name === undefined ? undefined : yield* readTagged(source, end, argument);
    if (read?.isWhole !== true) {
      yield* brokenRest(source, [CLOSE, OPEN]);
      yield* take(source, CLOSE);
      return true;
    }
    isFirst &&= !read.isGiven;
  }
}

/** The key, up to where its value begins; undefined where none does. */
function* readKey(source: Source): Reading<string | undefined> {
  const key = yield* takeWord(source, KEY);
  if (key === '' || !(yield* take(source, closeKey))) return undefined;
  yield* behindSpace(source);
  return (yield* take(source, openValue)) ? key : undefined;
}

function valueEnd(source: Source): ValueEnd {
  return {
    tags: new RegExp(closeValue, 'g'),
    beginnings: [closeValue],
    trims: false,
    decide(text, place, tag) {
      const behind = skipSpace(text, place + tag.length);
      const found = [openKey, CLOSE].map((one) => markerAt(text, behind, one));
      if (found.includes(true) || (source.isOver && found.includes('more'))) return place + tag.length;
      return found.includes('more') ? 'more' : 'text';
    },
  };
}
