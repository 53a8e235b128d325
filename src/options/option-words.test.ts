import { expect, test } from 'vitest';
import { z } from 'zod';
import { option, texts } from './option.ts';
import { optionWords } from './option-words.ts';

test('given options become the words that give them again', () => {
  const schema = z.strictObject({
    data: option(texts(), { help: 'rows' }),
    rate: option(z.number().optional(), { help: 'rate' }),
    isOn: option(z.boolean().default(true), { help: 'on' }),
    isOff: option(z.boolean().default(false), { help: 'off' }),
    lora: z.strictObject({ targets: option(z.array(z.string()).optional(), { help: 'modules' }) }).optional(),
    judges: option(z.array(z.strictObject({ kind: z.string() })).optional(), { help: 'judges' }),
  });
  expect(
    optionWords(schema, {
      data: ['a b', 'c'],
      rate: 5e-5,
      isOn: false,
      isOff: false,
      lora: { targets: ['q', 'v'] },
      judges: [{ kind: 'json' }],
    }),
  ).toEqual(
    ['--data', 'a b', '--data', 'c', '--rate', '5e-5', '--no-is-on', '--lora.targets', 'q,v'].concat([
      '--judges',
      '[{"kind":"json"}]',
    ]),
  );
  expect(optionWords(schema, { isOn: true, isOff: true })).toEqual(['--is-on', '--is-off']);
});
