import { expect, test } from 'vitest';
import { hasMarkdown, isRefusal, isTruncated } from './signals.ts';

test.each([
  ['The sky is blue. This happens because the air scatters', true],
  ['First we mix the flour,', true],
  ['```js\nconst a = 1;\n', true],
  ['The sky is blue. This happens because of scattering.', false],
  ['The sky is blue. Yes', false],
  ['no stops at all but many words here', false],
  ['Here is a list.\n- apples and pears and plums\n- bread and butter', false],
  ['See the page. It is at https://en.wikipedia.org/wiki/Sky', false],
  ['天空是蓝色的。', false],
  ['Great. Have a wonderful day today 😊', false],
  ['', false],
])('%j breaks off: %s', (text, expected) => {
  expect(isTruncated(text)).toBe(expected);
});

test.each([
  ["I'm sorry, but I can't help with that.", true],
  ['I’m sorry, but I cannot do this.', true],
  ['As an AI language model, I cannot have opinions.', true],
  ['I cannot really provide medical advice.', true],
  ['Lo siento, pero no puedo ayudar.', true],
  ["I'm sorry to hear that! You can call them.", false],
  ['You cannot divide by zero.', false],
])('%j refuses: %s', (text, expected) => {
  expect(isRefusal(text)).toBe(expected);
});

test('Markdown', () => {
  const laidOut = ['# Title', 'a\n- b', '1. one', 'so **bold** it', 'call `f()`', '```\nx\n```', '> quote'];
  expect(laidOut.map(hasMarkdown)).toEqual(laidOut.map(() => true));
  expect(['plain text', '2 * 3 * 4', 'a-b', 'in 1999. Then'].map(hasMarkdown)).toEqual([false, false, false, false]);
});

test('hostile texts take no time', { timeout: 300_000 }, () => {
  const start = process.cpuUsage();
  for (const text of ['a@', '1 ', '1.', 'a.', '```', '- ']) isTruncated(text.repeat(50_000));
  // Of the processor, not of the clock: the machine may be busy.
  const { user, system } = process.cpuUsage(start);
  expect((user + system) / 1e6).toBeLessThan(10);
});
