import { jsonPieces } from './json-values.ts';
import { grammarOf, type Grammar } from './node.ts';

let objects: Grammar | undefined;

/** Any JSON object, for OpenAI's response format `json_object`. One for all answers, so that they share their masks. */
export function jsonObject(): Grammar {
  objects ??= grammarOf(jsonPieces().object);
  return objects;
}
