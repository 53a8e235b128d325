import { asksForLanguage, type DetectLanguage } from './language.ts';
import { isRepeating } from './repeats.ts';
import { isRefusal } from './signals.ts';
import { isEmptyText, wordsOf } from './text-measures.ts';

/** In which ways an answer can be broken, the plainest first. */
export const FLAW_NAMES = [
  'empty',
  'characters',
  'marks',
  'user-turn',
  'repeats',
  'echo',
  'middle',
  'unended',
  'refuses',
  'language',
  'short',
  'long',
  'same',
  'copy',
] as const;
export type FlawName = (typeof FLAW_NAMES)[number];

/** An answer as it came out of a model, or as it stands in the data. */
export interface SeenAnswer {
  readonly text: string;
  readonly tokens: number;
  /** It did not end before its limit of tokens. */
  readonly isCut?: boolean;
  /** Control tokens among its tokens, besides the one that ended it. */
  readonly marks?: readonly string[];
  /** The row whose chosen answer this is, word for word, though the prompt is another one. */
  readonly copyOf?: string;
}

export interface FlawContext {
  readonly prompt: string;
  /** What is known of how long the answer should be, and in which language: the answer before training, and that of the data. */
  readonly before?: SeenAnswer | undefined;
  readonly chosen?: SeenAnswer | undefined;
  /** Answers of the same model to other prompts. */
  readonly others?: readonly SeenAnswer[] | undefined;
  readonly detectLanguage?: DetectLanguage | undefined;
}

/** How far from the lengths of before and of the data an answer may be. */
const MOST_SHORTER = 4;
const MOST_LONGER = 3;
/** Lengths that say something, in tokens. */
const MIN_TOKENS = 12;
/** Answers that are the same in so many words are the same. */
const SAME_WORDS = 40;
const MIN_SAME_WORDS = 3;

/** What no text has: what decoding puts where bytes are no character, control characters, private use, half characters. */
const BROKEN_CHARACTER =
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  /[\uFFFD\uE000-\uF8FF\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;
/** UTF-8 read as Latin 1, and spellings of a vocabulary instead of their text. */
const MISREAD = /â€[™œ\u009D\u0093\u0094]|Ã[\u0080-\u00BF]|[^\s]Ġ\S+Ġ|[^\s]▁\S+▁/;
/** Marks of the usual templates, written out as text. */
const WRITTEN_MARK =
  /<\|[a-z][\w ]*\|>|<\/?s>|<(?:unk|pad|bos|eos)>|\[\/?INST\]|<<\/?SYS>>|<(?:start|end)_of_turn>|<｜[^｜>]{1,30}｜>/i;
/** A line on which somebody else than the assistant begins to speak. */
const USER_TURN =
  /(?:^|\n)[ \t]*(?:#{2,4} ?(?:instruction|human|user|question|input)\b|(?:\*\*)?(?:human|user|customer|q|question)(?:\*\*)?[ \t]?:|user[ \t]*\n)/i;

/**
 * In which ways an answer is broken, in the order of FLAW_NAMES. An empty one is nothing else; one that repeats itself, or is no text, is asked for neither its
 * language nor its length.
 */
export function flawsOf(answer: SeenAnswer, context: FlawContext): FlawName[] {
  if (isEmptyText(answer.text) && !isRepeating(answer.text)) return ['empty'];
  const found = FLAW_NAMES.filter((name) => name !== 'empty' && FLAWS[name](answer, context));
  const isText = !found.includes('repeats') && !found.includes('characters');
  return isText ? found : found.filter((name) => !NEEDS_TEXT.has(name));
}

const NEEDS_TEXT: ReadonlySet<FlawName> = new Set(['language', 'short', 'long']);

type IsFlawed = (answer: SeenAnswer, context: FlawContext) => boolean;

const FLAWS: Readonly<Record<Exclude<FlawName, 'empty'>, IsFlawed>> = {
  characters: ({ text, isCut }) => {
    // The limit of tokens may have cut a character.
    const whole = isCut === true ? text.replace(/\uFFFD+$/, '') : text;
    return BROKEN_CHARACTER.test(whole) || MISREAD.test(whole);
  },
  marks: ({ text, marks = [] }) => marks.length > 0 || WRITTEN_MARK.test(text),
  'user-turn': ({ text }) => USER_TURN.test(text),
  repeats: ({ text }) => isRepeating(text),
  echo: ({ text }, { prompt }) => {
    const [said, asked] = [wordsOf(text), wordsOf(prompt)];
    return (
      asked.length > MIN_SAME_WORDS && said.length < 1.25 * asked.length && asked.every((word, i) => said[i] === word)
    );
  },
  // Who writes without capitals begins so, too.
  middle: ({ text }, { before, chosen }) => {
    const usual = chosen ?? before;
    return /^\s*\p{Ll}\S*\s+\p{Ll}/u.test(text) && usual !== undefined && /^\s*\p{Lu}/u.test(usual.text);
  },
  // Where the data's own answer is as long, the limit says nothing.
  unended: ({ isCut, tokens }, { chosen }) => isCut === true && (chosen === undefined || 2 * chosen.tokens <= tokens),
  refuses: ({ text }) => isRefusal(text),
  // A short prompt has no language that is sure; the answer before has then, and where that is short, too, the data's.
  language: ({ text }, { prompt, before, chosen, detectLanguage }) => {
    const own = detectLanguage?.(text);
    if (own === undefined || asksForLanguage(prompt)) return false;
    const wanted = [prompt, ...(before === undefined ? [] : [before.text, chosen?.text])].flatMap((one) =>
      one === undefined ? [] : (detectLanguage!(one) ?? []),
    );
    return wanted.length > 0 && own !== wanted[0];
  },
  short: ({ tokens }, { before, chosen }) => {
    const lengths = soundLengths(before, chosen);
    return lengths.length > 0 && MOST_SHORTER * tokens < Math.min(...lengths) && Math.min(...lengths) >= MIN_TOKENS;
  },
  long: ({ tokens, isCut }, { before, chosen }) => {
    const lengths = soundLengths(before, chosen);
    return isCut !== true && lengths.length > 0 && tokens > MOST_LONGER * Math.max(MIN_TOKENS, ...lengths);
  },
  same: ({ text }, { others = [] }) => {
    const own = sameness(text);
    return own !== undefined && others.some((other) => sameness(other.text) === own);
  },
  copy: ({ copyOf }) => copyOf !== undefined,
};

/** Tokens of the answers that another one may be measured by. */
function soundLengths(...answers: readonly (SeenAnswer | undefined)[]): number[] {
  return answers.flatMap((one) =>
    one === undefined || isEmptyText(one.text) || isRepeating(one.text) ? [] : [one.tokens],
  );
}

function sameness(text: string): string | undefined {
  const words = wordsOf(text);
  return words.length < MIN_SAME_WORDS ? undefined : words.slice(0, SAME_WORDS).join(' ');
}
