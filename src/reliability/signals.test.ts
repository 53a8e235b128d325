import { describe, expect, test } from 'vitest';
import { findPersonalData, maskPersonalData } from './personal-data.ts';
import { hasMarkdown, isRefusal, isTruncated } from './signals.ts';

function kinds(text: string): string[] {
  return findPersonalData(text).map(({ kind }) => kind);
}

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

describe('personal data and secrets', () => {
  test.each([
    ['write to jane.doe+x@mail.co.uk!', ['email']],
    ['user@example.com and logo@2x.png are nobody', []],
    ['call +49 30 1234 5678 or (212) 867-5309', ['phone', 'phone']],
    ['in fiction: 212-555-0123; a date 2024-01-15; 1,234,567,890', []],
    ['DE89 3704 0044 0532 0130 00', ['iban']],
    ['DE88 3704 0044 0532 0130 00', []],
    ['4111 1111 1111 1111 and 378282246310005', ['card', 'card']],
    ['4111 1111 1111 1112, and 355909190063-746, and 4212883012996', []],
    ['host 93.184.216.34, local 192.168.1.1, version 1.2.3.4, 256.1.1.1', ['ip']],
    ['AKIAIOSFODNN7ABCDEFG', ['api-key']],
    [`hf_${'aB3dE5gH7jK9mN1pQ3sT5vW7yZ'}1234567`, ['api-key']],
    ['sk-learn is a package, and hf_hub_download a function', []],
    ['-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----', ['private-key']],
  ])('%j', (text, expected) => {
    expect(kinds(text)).toEqual(expected);
  });

  test('masks what is asked for and nothing else', () => {
    const text = 'jane@mail.org has 4111 1111 1111 1111.';
    expect(maskPersonalData(text)).toBe('[email] has [card].');
    expect(maskPersonalData(text, ['card'])).toBe('jane@mail.org has [card].');
    expect(maskPersonalData('nothing')).toBe('nothing');
  });

  test('hostile texts take no time', { timeout: 300_000 }, () => {
    const texts = ['a@', '1 ', '1.', 'AB12', '-----BEGIN PRIVATE KEY', 'eyJ', 'a.', '1:', '+1 (', '4-'];
    const start = process.cpuUsage();
    for (const text of texts) findPersonalData(text.repeat(50_000));
    for (const text of texts) isTruncated(text.repeat(50_000));
    // Of the processor, not of the clock: the machine may be busy.
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1e6).toBeLessThan(10);
  });
});
