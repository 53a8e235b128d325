import { expect, test } from 'vitest';
import { readAnswer } from './answer.ts';

const ANSWER = { rationale: 'It is {right}.', winner: 'first', confidence: 0.9 } as const;
const JSON_TEXT = JSON.stringify(ANSWER);
const DRAFT = JSON.stringify({ rationale: 'not sure yet', winner: 'tie', confidence: 0.5 });

test.each([
  ['alone', JSON_TEXT],
  ['fenced', `\`\`\`json\n${JSON_TEXT}\n\`\`\``],
  ['behind a brace that never closes', `The set {1, 2 is left open.\n${JSON_TEXT}`],
  ['behind an open brace and an open quote', `He wrote {"a and left.\n${JSON_TEXT}`],
  ['before a brace that never closes', `${JSON_TEXT}\nAs in {x`],
  ['behind a draft', `${DRAFT}\nNo: ${JSON_TEXT}`],
  ['behind thoughts', `<think>${DRAFT}</think>${JSON_TEXT}`],
  ['behind thoughts that the template opened', `${DRAFT}</think>\n${JSON_TEXT}`],
])('the answer %s', (_name, text) => {
  expect(readAnswer(text)).toEqual({ answer: ANSWER });
});

test('a rationale may speak of thoughts', () => {
  const answer = { ...ANSWER, rationale: 'it closes <think> late' };
  expect(readAnswer(JSON.stringify(answer))).toEqual({ answer });
});

test('a draft inside thoughts that never end is no answer', () => {
  expect(readAnswer(`<think>\nA draft: ${DRAFT}\nBut`)).toEqual({ problem: 'there was no JSON object in it' });
});

test('what is wrong with the object that there is; many braces end', () => {
  expect(readAnswer('{"winner": "both"}')).toEqual({
    problem:
      'rationale: Invalid input: expected string, received undefined; winner: Invalid option: expected one of "first"|"second"|"tie"; confidence: Invalid input: expected number, received undefined',
  });
  expect(readAnswer(`${JSON_TEXT}${'{'.repeat(100_000)}`)).toEqual({ problem: 'there was no JSON object in it' });
});
