import { expect, test } from 'vitest';
import { z } from 'zod';
import { helpOf, placeholderOf } from './option-help.ts';
import { valueOfJson, valueOfText } from './option-kind.ts';
import { flagOf, optionsOf, withValueAt } from './option-list.ts';
import { changed, grouped, metaOf, oneOrMore, option, texts } from './option.ts';

const CHOICES = ['reverse_kl', 'forward_kl', 'js_divergence'] as const;

const OPTIONS = optionsOf(
  z.strictObject({
    text: option(z.string(), { help: 'a text' }),
    texts: option(texts().optional(), { help: 'texts' }),
    whole: option(z.int().default(3), { help: 'a count' }),
    share: option(z.number().default(5e-5), { help: 'a share' }),
    isOn: option(z.boolean().default(true), { help: 'a switch' }),
    way: option(z.enum(['a', 'b']).default('a'), { help: 'a way' }),
    divergence: option(z.enum(CHOICES).optional(), { help: 'a divergence', usually: 'reverse_kl' }),
    items: option(z.array(z.string()).default(['x', 'y']), { help: 'items' }),
    values: option(oneOrMore(z.enum(['a', 'b'])).optional(), { help: 'ways' }),
    warmth: option(z.union([z.number(), z.literal('none')]).optional(), { help: 'warmth' }),
    any: option(z.record(z.string(), z.unknown()).optional(), { help: 'fields' }),
    rate: option(z.number().optional(), {
      help: 'a rate',
      usuallyBy: { option: 'method', values: { lora: 5e-5, full: 1e-6 } },
    }),
    inner: z.strictObject({ deepValue: option(z.int().optional(), { help: 'deep' }) }).prefault({}),
  }),
);

test('flags, placeholders and help come of the schema', () => {
  expect(OPTIONS.map((each) => `${each.flag} ${placeholderOf(each.kind)} ${helpOf(each)}`)).toEqual([
    '--text <text> a text (required)',
    '--texts <text> texts',
    '--whole <integer> a count (default: 3)',
    '--share <number> a share (default: 5e-5)',
    '--is-on  a switch',
    '--way <a|b> a way (default: a)',
    '--divergence <choice> a divergence (default: reverse_kl; reverse_kl, forward_kl, js_divergence)',
    '--items <list> items (default: x,y)',
    '--values <a|b,...> ways',
    '--warmth <number|none> warmth',
    '--any <json> fields',
    '--rate <number> a rate (default: 5e-5, with --method full 1e-6)',
    '--inner.deep-value <integer> deep',
  ]);
  expect(flagOf('lora.rankStabilised')).toBe('--lora.rank-stabilised');
});

test('texts of the command line and values of files become the same values', () => {
  const kinds = new Map(OPTIONS.map(({ path, kind }) => [path, kind]));
  const read = (path: string, text: string) => valueOfText(kinds.get(path)!, text);
  expect(read('whole', '4')).toBe(4);
  expect(read('whole', 'four')).toBe('four');
  expect(read('whole', ' ')).toBe(' ');
  expect(read('items', 'a, b,')).toEqual(['a', 'b']);
  expect(read('values', 'a,b')).toEqual(['a', 'b']);
  expect(read('values', 'a')).toBe('a');
  expect([read('warmth', 'none'), read('warmth', '0.5')]).toEqual(['none', 0.5]);
  expect(read('any', '{"a": [1]}')).toEqual({ a: [1] });
  expect(valueOfJson(kinds.get('items')!, 'a,b')).toEqual(['a', 'b']);
  expect(valueOfJson({ type: 'values', of: { type: 'number' } }, ['0.1', 0.2])).toEqual([0.1, 0.2]);
});

test('what is said of an option is kept through optional, and changed for one use alone', () => {
  const field = option(z.int(), { help: 'rows', alias: '-r', isCommon: true });
  expect(metaOf(field.optional())).toEqual({ help: 'rows', alias: '-r', isCommon: true });
  expect(metaOf(changed(field, { help: 'lines' }))).toEqual({ help: 'lines', alias: '-r', isCommon: true });
  expect(metaOf(grouped('Rows', { field }).field)).toEqual({
    help: 'rows',
    alias: '-r',
    isCommon: true,
    group: 'Rows',
  });
  expect(metaOf(field)).toEqual({ help: 'rows', alias: '-r', isCommon: true });
});

test('values at dotted paths are put in, in place, and taken out', () => {
  const values = { a: 1, lora: { rank: 2, alpha: 3 }, z: 0 };
  expect(JSON.stringify(withValueAt(values, 'lora.rank', 4))).toBe('{"a":1,"lora":{"rank":4,"alpha":3},"z":0}');
  expect(withValueAt(values, 'lora.rank', undefined)).toEqual({ a: 1, lora: { alpha: 3 }, z: 0 });
  expect(withValueAt({}, 'lora.rank', 4)).toEqual({ lora: { rank: 4 } });
});

test('texts by name are typed as name=text, and stand in files as objects', () => {
  const kind = { type: 'pairs' } as const;
  expect(valueOfText(kind, 'prompt=question, chosen = a=b')).toEqual({ prompt: 'question', chosen: 'a=b' });
  // The schema refuses what stays a text.
  for (const text of ['prompt', 'prompt=', '=q', 'prompt=a,prompt=b', '']) expect(valueOfText(kind, text)).toBe(text);
  expect(valueOfJson(kind, 'prompt=question')).toEqual({ prompt: 'question' });
  expect(valueOfJson(kind, { prompt: 'question' })).toEqual({ prompt: 'question' });
});
