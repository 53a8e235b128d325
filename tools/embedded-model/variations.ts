import { pick } from '../../src/quickstart/index.ts';
import type { Random } from '../../src/core/index.ts';

/** Ways to put a question, `{q}` being the question; the plain one is left to the caller. */
const WRAPPERS = [
  'Please tell me: {q}',
  'Can you tell me this? {q}',
  'Hello! {q}',
  'Hi! {q}',
  'I have a question. {q}',
  'I would like to know: {q}',
  'Please help me. {q}',
  'Tell me: {q}',
  '{q} Please tell me.',
  '{q} Thank you!',
  '{q} I want to know.',
  'My teacher asked me: {q}',
];

/**
 * `question` as people may write it: two in three as it stands, one in six within a polite frame, one in twelve in lower case
 * without its last mark, one in twelve without its last mark only.
 */
export function varyQuestion(question: string, random: Random): string {
  const draw = random.nextInt(12);
  if (draw >= 4) return question;
  if (draw >= 2) return pick(WRAPPERS, random).replace('{q}', question);
  const bare = question.replace(/[.?!]$/, '');
  return draw === 1 ? bare : bare.toLowerCase();
}
