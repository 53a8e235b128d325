import { describe, expect, test } from 'vitest';
import { findPersonalData, maskPersonalData } from './personal-data.ts';

function kinds(text: string): string[] {
  return findPersonalData(text).map(({ kind }) => kind);
}

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
    ['GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26, and de89370400440532013000', []],
    ['gsk_aB3dE5gH7jK9mN1pQ3sT5vW7yZ1234567, jürgen@müller.de', ['api-key', 'email']],
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
    // Of the processor, not of the clock: the machine may be busy.
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1e6).toBeLessThan(10);
  });
});
