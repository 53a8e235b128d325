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
 * think aloud first and fence what they mean. Never throws; `problem` says what was expected.
 */
export function readAnswer(text: string): AnswerReading {
  if (text.trim() === '') return { problem: 'the reply was empty' };
  if (text.length > MAX_ANSWER_CHARACTERS)
    return { problem: `the reply had more than ${MAX_ANSWER_CHARACTERS} characters` };
  let problem = 'there was no JSON object in it';
  for (const candidate of [text, ...objectsIn(text).toReversed()]) {
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

/** Spans from `{` to the `}` that closes it, not nested in each other; quotes are respected. Linear in the text. */
function objectsIn(text: string): string[] {
  const found: string[] = [];
  let [depth, start, inString] = [0, 0, false];
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (inString) {
      if (character === '\\') i++;
      else if (character === '"') inString = false;
    } else if (character === '"' && depth > 0) inString = true;
    else if (character === '{') {
      if (depth++ === 0) start = i;
    } else if (character === '}' && depth > 0 && --depth === 0) found.push(text.slice(start, i + 1));
  }
  return found;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
