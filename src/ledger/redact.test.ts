import fc from 'fast-check';
import { expect, test } from 'vitest';
import { redactJson, redactText } from './redact.ts';

/** Each text and what is kept of it. */
const MASKED: readonly (readonly [string, string])[] = [
  ['Write to anna.kern+news@mail.firma.de, please.', 'Write to [email], please.'],
  ["<jürgen@müller.example>; o'neil@x.co", '<[email]>; [email]'],
  ["write to 'jane@mail.org'", "write to '[email]'"],
  ['?mail=jane%40example.com&x=1', '?mail=[email]&x=1'],
  ['Ruf +49 (0)171 123 45 67 an', 'Ruf [phone] an'],
  ['call (415) 555-2671 or 415-555-2671 or 1-415-555-2671', 'call [phone] or [phone] or [phone]'],
  ['Tel. 030/12345678, mobil 0171 1234567, 0044 20 7946 0958', 'Tel. [phone], mobil [phone], [phone]'],
  ['06 12 34 56 78 et +33612345678.', '[phone] et [phone].'],
  ['DE89 3704 0044 0532 0130 00 EUR', '[iban] EUR'],
  ['IBAN: GB82WEST12345698765432.', 'IBAN: [iban].'],
  ['de89370400440532013000', '[iban]'],
  ['card 4111 1111 1111 1111 exp 12/29', 'card [card] exp 12/29'],
  ['2024 4111-1111-1111-1111', '2024 [card]'],
  ['amex 3782 822463 10005, bare 5555555555554444', 'amex [card], bare [card]'],
  ['OPENAI_API_KEY=sk-proj-Ab12Cd34Ef56Gh78Ij90Kl12', 'OPENAI_API_KEY=[key]'],
  ['"sk-1234567890abcdef1234567890abcdef"', '"[key]"'],
  ['hf_AbCdEfGhIjKlMnOpQrStUvWxYz012345', '[key]'],
  ['ghp_16C7e42F292c6912E7710c838347Ae178B4a', '[key]'],
  ['aws AKIAIOSFODNN7EXAMPLE', 'aws [key]'],
  [`pt_live_${'a1B2'.repeat(10)}abc`, '[key]'],
  ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U', '[token]'],
  ['Authorization: Bearer abcdef0123456789abcdef', 'Authorization: Bearer [token]'],
  ['postgres://admin:hunter2@db.internal:5432/x', 'postgres://[credentials]@db.internal:5432/x'],
  [
    'git clone https://ghp_16C7e42F292c6912E7710c838347Ae178B4a@github.com/a/b',
    'git clone https://[credentials]@github.com/a/b',
  ],
  ['-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY----- tail', '[private-key] tail'],
  ['-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk (cut', '[private-key]'],
];

test.each(MASKED)('masks %j', (text, kept) => {
  expect(redactText(text)).toBe(kept);
});

/** What looks like one and is none: numbers, times, ids, versions, addresses of hosts, code. */
const KEPT: readonly string[] = [
  'It was 2024-01-15 12:30:45.123, or 15.01.2024, or 01/15/2024, or 2024-01-15T12:30:45+01:00.',
  'epoch 1700000000000 and 1796082137060123, in ns 1700000000000000000',
  'order 4929123412341234 has no right check digit, 215805592 is an id, hosted-eu-20260812-09 a host',
  '0.250750683890174 and 3.14159265358979 and 1e-10 and 1,234,567.89',
  '550e8400-e29b-41d4-a716-446655440000 and 12345678-1234-1234-1234-123456789012',
  'chatcmpl-9f8e7d6c5b4a39281706f5e4d3c2b1a0 call_4111111111111111x',
  'version 10.0.19045.3803, IP 192.168.100.200, ports 8000-8080, pages 100-200',
  'npm install @scope/package@1.2.3, icon@2x.png, decorator @Injectable()',
  'the desk-top and task-force, risk-adjusted-returns-2024-report, sk-learn is scikit-learn',
  'ssh://git@github.com/a/b.git, https://example.com:8080/path?x=1#y',
  'sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  'AB12 is a seat, GB82 TEST 1234 5698 7654 32 is no account',
  '1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20',
  '12345 67890 12345 67890',
  'the bearer of this letter, basic instructions',
  '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
  '[email] [card] [key]',
];

test.each(KEPT)('keeps %j', (text) => {
  expect(redactText(text)).toBe(text);
});

test('a text that is masked once is masked for good', () => {
  const parts = fc.constantFrom(...MASKED.map(([text]) => text), ...KEPT);
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 4 }), (texts) => {
      const once = redactText(texts.join(' ; '));
      expect(redactText(once)).toBe(once);
    }),
  );
});

test('arguments of tool calls stay JSON, and numbers that are cards go', () => {
  const call = {
    function: { name: 'pay', arguments: '{"card":4111111111111111,"to":"anna@firma.de","at":1700000000000}' },
  };
  expect(redactJson(call)).toEqual({
    function: { name: 'pay', arguments: '{"card":"[card]","to":"[email]","at":1700000000000}' },
  });
  expect(redactJson({ card: 4111111111111111, at: 1700000000000, ids: [1, null, true] })).toEqual({
    card: '[card]',
    at: 1700000000000,
    ids: [1, null, true],
  });
});

const choice = (...tokens: string[]) => ({ logprobs: { content: tokens.map((token) => ({ token, logprob: -1 })) } });

test('log-probabilities that spell what was masked go, others stay', () => {
  expect(redactJson(choice('an', 'na@fir', 'ma.de'))).toEqual({ logprobs: null });
  expect(redactJson({ logprobs: { tokens: ['41111111', '11111111'], token_logprobs: [0, 0] } })).toEqual({
    logprobs: null,
  });
  expect(redactJson(choice('an', 'na'))).toEqual(choice('an', 'na'));
});

test('long texts that nearly match take no time that grows with their square', () => {
  const near = [
    'a',
    '1',
    '-',
    'eyJ',
    'sk-',
    '+1',
    'a@',
    'a.',
    '0 ',
    'DE89 ',
    '4111 ',
    '://',
    'x:@',
    'eyJaaaaaaaaa.',
    '-----BEGIN PRIVATE KEY-----',
    '(0',
    '%40',
    'Bearer ',
  ];
  for (const part of near) {
    const text = part.repeat(Math.ceil(1_000_000 / part.length));
    expect(redactText(text).length).toBeGreaterThan(0);
  }
});

test('what is nested too deep is refused, not cut', () => {
  let value: unknown = 'x';
  for (let level = 0; level < 600; level++) value = [value];
  expect(() => redactJson(value as never)).toThrow('at most 500 levels');
});
