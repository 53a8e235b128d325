import { z } from 'zod';

const ANSWER = z.object({
  rationale: z.string(),
  winner: z.enum(['first', 'second', 'tie']),
  confidence: z.number().min(0).max(1),
});

/** What a model says of a comparison, in terms of the order in which it saw the answers. */
export type JudgeAnswer = z.infer<typeof ANSWER>;

/** For `response_format`: without bounds of numbers, which several servers refuse; they are checked when the answer is read. */
export const ANSWER_SCHEMA: Readonly<Record<string, unknown>> = {
  type: 'object',
  properties: {
    rationale: { type: 'string' },
    winner: { type: 'string', enum: ['first', 'second', 'tie'] },
    confidence: { type: 'number' },
  },
  required: ['rationale', 'winner', 'confidence'],
  additionalProperties: false,
};

/** Longer answers are not searched for JSON. */
const MAX_ANSWER_CHARACTERS = 200_000;

export type AnswerReading = { readonly answer: JudgeAnswer } | { readonly problem: string };

/**
 * The answer in a model's text: the text itself, or the last JSON object in it that fits, since models without structured output
 * think aloud first and fence what they mean. What stands between `<think>` and `</think>` is a draft. Never throws; `problem` says what was expected.
 */
export function readAnswer(text: string): AnswerReading {
  if (text.trim() === '') return { problem: 'the reply was empty' };
  if (text.length > MAX_ANSWER_CHARACTERS)
    return { problem: `the reply had more than ${MAX_ANSWER_CHARACTERS} characters` };
  const said = withoutThoughts(text);
  let problem = 'there was no JSON object in it';
  for (const candidate of [text, said, ...objectsIn(said)]) {
    const value = parsed(candidate);
    if (value === undefined) continue;
    const result = ANSWER.safeParse(value);
    if (result.success) return { answer: result.data };
    problem = result.error.issues
      .map(({ path, message }) => `${path.join('.') || 'the object'}: ${message}`)
      .join('; ');
  }
  return { problem };
}

const THOUGHT_END = '</think>';

/** What a model says after thinking: behind the last `</think>`, and before a `<think>` that never ends. */
function withoutThoughts(text: string): string {
  const end = text.lastIndexOf(THOUGHT_END);
  const said = end === -1 ? text : text.slice(end + THOUGHT_END.length);
  const open = said.indexOf('<think>');
  return open === -1 ? said : said.slice(0, open);
}

/** Objects are looked for at so many braces, from the last one, and not beyond so many characters in all. */
const MAX_BRACES = 500;
const MAX_SCANNED = 2_000_000;

/** Spans from a `{` to the `}` that closes it, the last first; a brace that never closes hides nothing behind it. */
function* objectsIn(text: string): Iterable<string> {
  let [braces, scanned] = [0, 0];
  for (let start = text.lastIndexOf('{'); start !== -1; start = start === 0 ? -1 : text.lastIndexOf('{', start - 1)) {
    if (++braces > MAX_BRACES || scanned > MAX_SCANNED) return;
    const end = closingBrace(text, start);
    scanned += (end ?? text.length) - start;
    if (end !== undefined) yield text.slice(start, end + 1);
  }
}

/** Where the object that opens at `start` closes; quotes are respected. */
function closingBrace(text: string, start: number): number | undefined {
  let [depth, inString] = [0, false];
  for (let i = start; i < text.length; i++) {
    const character = text[i];
    if (inString) {
      if (character === '\\') i++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '{') depth++;
    else if (character === '}' && --depth === 0) return i;
  }
  return undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
