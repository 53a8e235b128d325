import { z } from 'zod';
import { splitSentences } from './reading-level.ts';

/** What a check may need besides the answer. */
export interface InstructionContext {
  /** ISO 639-1 code of a text's language, undefined where it cannot tell. Without it checks of language hold. */
  readonly detectLanguage?: ((text: string) => string | undefined) | undefined;
}

interface InstructionCheck {
  readonly kwargs: z.ZodType<Record<string, unknown>>;
  holds(answer: string, kwargs: never, context: InstructionContext): boolean;
}

function check<Shape extends z.ZodRawShape>(
  shape: Shape,
  holds: (answer: string, kwargs: z.output<z.ZodObject<Shape>>, context: InstructionContext) => boolean,
): InstructionCheck {
  return { kwargs: z.object(shape), holds: holds as InstructionCheck['holds'] };
}

const count = z.number().int().min(0);
const word = z.string().min(1);
const relation = z.enum(['less than', 'at least']);

function compare(found: number, wanted: number, how: z.output<typeof relation>): boolean {
  return how === 'less than' ? found < wanted : found >= wanted;
}

/** Times that a text occurs, whatever its case; with `whole`, only where no letter, digit or underscore touches it. */
function occurrences(answer: string, text: string, whole = false): number {
  const escaped = text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  const pattern = whole ? `(?<![\\p{L}\\p{N}_])${escaped}(?![\\p{L}\\p{N}_])` : escaped;
  return answer.match(new RegExp(pattern, 'giu'))?.length ?? 0;
}

/** Upper case throughout, at least one letter: what Python's isupper says. */
function isUpper(text: string): boolean {
  return text === text.toUpperCase() && text !== text.toLowerCase();
}

function isIn(language: string, text: string, { detectLanguage }: InstructionContext): boolean {
  const found = detectLanguage?.(text);
  return found === undefined || found === language.split('-')[0];
}

const CONSTRAINED = ['My answer is yes.', 'My answer is no.', 'My answer is maybe.'];

/** The instructions of IFEval by their names, with their arguments. Source: Zhou et al. (2023), arXiv 2311.07911, table 4, and its data set google/IFEval. */
export const INSTRUCTION_CHECKS = {
  'keywords:existence': check({ keywords: z.array(word).min(1) }, (answer, { keywords }) =>
    keywords.every((keyword) => occurrences(answer, keyword) > 0),
  ),
  'keywords:frequency': check({ keyword: word, frequency: count, relation }, (answer, { keyword, frequency, ...how }) =>
    compare(occurrences(answer, keyword.trim()), frequency, how.relation),
  ),
  'keywords:forbidden_words': check({ forbidden_words: z.array(word).min(1) }, (answer, kwargs) =>
    kwargs.forbidden_words.every((forbidden) => occurrences(answer, forbidden, true) === 0),
  ),
  'keywords:letter_frequency': check({ letter: word, let_frequency: count, let_relation: relation }, (answer, kwargs) =>
    compare(
      answer.toLowerCase().split(kwargs.letter.trim().toLowerCase()).length - 1,
      kwargs.let_frequency,
      kwargs.let_relation,
    ),
  ),
  'language:response_language': check({ language: word }, (answer, { language }, context) =>
    isIn(language, answer, context),
  ),
  'length_constraints:number_sentences': check({ num_sentences: count, relation }, (answer, kwargs) =>
    compare(splitSentences(answer).length, kwargs.num_sentences, kwargs.relation),
  ),
  'length_constraints:number_paragraphs': check({ num_paragraphs: count }, (answer, kwargs) => {
    const parts = answer.split(/\s?\*\*\*\s?/);
    const isInnerEmpty = parts.slice(1, -1).some((part) => part.trim() === '');
    return !isInnerEmpty && parts.filter((part) => part.trim() !== '').length === kwargs.num_paragraphs;
  }),
  'length_constraints:number_words': check({ num_words: count, relation }, (answer, kwargs) =>
    compare(answer.match(/[\p{L}\p{M}\p{N}_]+/gu)?.length ?? 0, kwargs.num_words, kwargs.relation),
  ),
  'length_constraints:nth_paragraph_first_word': check(
    { num_paragraphs: count, nth_paragraph: count.min(1), first_word: word },
    (answer, kwargs) => {
      const parts = answer.split('\n\n');
      const filled = parts.filter((part) => part.trim() !== '').length;
      if (filled !== kwargs.num_paragraphs || kwargs.nth_paragraph > filled) return false;
      const [first = ''] = parts[kwargs.nth_paragraph - 1]!.trim().split(/\s+/);
      const bare = first.replace(/^'+/, '').replace(/^"+/, '');
      return bare.split(/[.,?!'"]/)[0]!.toLowerCase() === kwargs.first_word.toLowerCase();
    },
  ),
  'detectable_content:number_placeholders': check(
    { num_placeholders: count },
    (answer, kwargs) => (answer.match(/\[[^\n]*?\]/g)?.length ?? 0) >= kwargs.num_placeholders,
  ),
  'detectable_content:postscript': check({ postscript_marker: word }, (answer, { postscript_marker: marker }) => {
    const lower = answer.toLowerCase();
    if (marker.trim() === 'P.P.S') return /p\.\s?p\.\s?s/.test(lower);
    if (marker.trim() === 'P.S.') return /p\.\s?s\./.test(lower);
    return lower.includes(marker.trim().toLowerCase());
  }),
  'detectable_format:number_bullet_lists': check({ num_bullets: count }, (answer, kwargs) => {
    const stars = answer.match(/^\s*\*[^*].*$/gm)?.length ?? 0;
    return stars + (answer.match(/^\s*-.*$/gm)?.length ?? 0) === kwargs.num_bullets;
  }),
  'detectable_format:constrained_response': check({}, (answer) => CONSTRAINED.some((text) => answer.includes(text))),
  'detectable_format:number_highlighted_sections': check({ num_highlights: count }, (answer, kwargs) => {
    const marked = [...answer.matchAll(/\*[^\n*]*\*/g), ...answer.matchAll(/\*\*[^\n*]*\*\*/g)];
    return marked.filter(([text]) => text.replaceAll('*', '').trim() !== '').length >= kwargs.num_highlights;
  }),
  'detectable_format:multiple_sections': check({ section_spliter: word, num_sections: count }, (answer, kwargs) => {
    const escaped = kwargs.section_spliter.trim().replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
    return answer.split(new RegExp(`\\s?${escaped}\\s?\\d+\\s?`)).length - 1 >= kwargs.num_sections;
  }),
  'detectable_format:json_format': check({}, (answer) => {
    const inside = answer
      .trim()
      .replace(/^```(?:json|Json|JSON)?/, '')
      .replace(/```$/, '');
    try {
      JSON.parse(inside.trim());
      return true;
    } catch {
      return false;
    }
  }),
  'detectable_format:title': check({}, (answer) =>
    [...answer.matchAll(/<<[^\n]+>>/g)].some(([title]) => title.replace(/^<+/, '').replace(/>+$/, '').trim() !== ''),
  ),
  'combination:two_responses': check({}, (answer) => {
    const parts = answer.split('******');
    if (parts.slice(1, -1).some((part) => part.trim() === '')) return false;
    const [first, second, ...more] = parts.map((part) => part.trim()).filter((part) => part !== '');
    return second !== undefined && more.length === 0 && first !== second;
  }),
  'combination:repeat_prompt': check({ prompt_to_repeat: word }, (answer, kwargs) =>
    answer.trim().toLowerCase().startsWith(kwargs.prompt_to_repeat.trim().toLowerCase()),
  ),
  'startend:end_checker': check({ end_phrase: word }, (answer, kwargs) =>
    answer
      .trim()
      .replace(/^"+|"+$/g, '')
      .toLowerCase()
      .endsWith(kwargs.end_phrase.trim().toLowerCase()),
  ),
  'startend:quotation': check({}, (answer) => {
    const text = answer.trim();
    return text.length > 1 && text.startsWith('"') && text.endsWith('"');
  }),
  'change_case:capital_word_frequency': check(
    { capital_frequency: count, capital_relation: relation },
    (answer, kwargs) => {
      const words = answer.match(/[\p{L}\p{N}_]+(?:[-'’.][\p{L}\p{N}_]+)*/gu) ?? [];
      return compare(words.filter(isUpper).length, kwargs.capital_frequency, kwargs.capital_relation);
    },
  ),
  'change_case:english_capital': check(
    {},
    (answer, _kwargs, context) => isUpper(answer) && isIn('en', answer.toLowerCase(), context),
  ),
  'change_case:english_lowercase': check(
    {},
    (answer, _kwargs, context) =>
      answer === answer.toLowerCase() && answer !== answer.toUpperCase() && isIn('en', answer, context),
  ),
  'punctuation:no_comma': check({}, (answer) => !answer.includes(',')),
} as const satisfies Readonly<Record<string, InstructionCheck>>;

export type InstructionName = keyof typeof INSTRUCTION_CHECKS;
