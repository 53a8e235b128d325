/** Signs in the text of an answer. They are guesses by pattern: good for shares over a data set, not proof about one row. */

/** Heading, list, bold, code, table or quote at least once. */
const MARKDOWN = /^ {0,3}(?:#{1,6} \S|[-*+] \S|\d{1,3}[.)] \S|>\s?\S|```|\|.+\|)|\*\*[^*\n]+\*\*|`[^`\n]+`/m;

/** Whether an answer is laid out with Markdown. */
export function hasMarkdown(text: string): boolean {
  return MARKDOWN.test(text);
}

/** How refusals begin, in the first 300 characters: English and the large European languages. */
const REFUSAL = new RegExp(
  [
    String.raw`\b(?:i'?m|i am|we'?re) (?:(?:so|very|really|terribly) )?sorry,? (?:but )?(?:i|we) (?:can'?t|cannot|can not|won'?t|am not able|'?m not able|am unable|'?m unable)`,
    String.raw`\bi (?:can'?t|cannot|can not|won'?t|will not|am not able to|'?m not able to|am unable to|'?m unable to) (?:\w+ ){0,2}(?:help|assist|provide|answer|do that|comply|fulfil|discuss|share|create|write|generate|support)`,
    String.raw`\bi (?:must|have to) (?:decline|refuse)\b`,
    String.raw`\bas an? (?:ai|artificial intelligence|(?:large )?language model)[^.]{0,60}\b(?:can'?t|cannot|not able|unable|don'?t|do not|not possible)`,
    String.raw`\bi (?:don'?t|do not) feel comfortable\b`,
    String.raw`\b(?:es tut mir leid|tut mir leid),? (?:aber )?(?:ich|das) kann`,
    String.raw`\bje suis désolé(?:e)?,? (?:mais )?je ne peux`,
    String.raw`\blo siento,? (?:pero )?no puedo`,
  ].join('|'),
  'i',
);

/** Whether an answer refuses to do what was asked. */
export function isRefusal(text: string): boolean {
  return REFUSAL.test(text.slice(0, 300).replaceAll('’', "'"));
}

/** Characters with which a finished answer may end: stops of many scripts, quotes, brackets, marks of layout, symbols and emoji. */
const FINISHED = /(?:[.!?…。！？؟।:;)\]}>"'”’»`*_~|/=+%$°]|\p{S}|\p{Extended_Pictographic})$/u;
const SENTENCE_END = /[.!?。！？](?:["'”’)]*)(?:\s|$)/;
const WORDS_AFTER = /(?:[\p{L}\p{N}]+[^\p{L}\p{N}]+){3}/u;
const LIST_ITEM = /^\s*(?:[-*+•]|\d{1,3}[.)]|#{1,6})\s/;
const LINK_END = /(?:https?:\/\/|www\.)\S+$/;

/**
 * Whether an answer breaks off: a code block stays open; it ends with a comma or an open bracket; or it writes sentences with a stop, and the last
 * one, of at least four words, has none. Lists, headings and links end without a stop and do not count; nor does who never writes one.
 */
export function isTruncated(text: string): boolean {
  const trimmed = text.trimEnd();
  if ((trimmed.match(/^\s*```/gm)?.length ?? 0) % 2 === 1) return true;
  if (trimmed.length < 20) return false;
  if (/[,([{，、]$/.test(trimmed)) return true;
  if (FINISHED.test(trimmed) || LINK_END.test(trimmed)) return false;
  const last = trimmed.slice(trimmed.lastIndexOf('\n') + 1);
  if (LIST_ITEM.test(last)) return false;
  const stops = [...trimmed.matchAll(new RegExp(SENTENCE_END, 'g'))];
  const end = stops.at(-1);
  return end !== undefined && WORDS_AFTER.test(trimmed.slice(end.index + 1));
}
