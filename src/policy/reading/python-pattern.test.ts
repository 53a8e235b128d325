import { expect, test } from 'vitest';
import { moduleRule, patternOfPython } from './python-pattern.ts';

const PATH = 'model.layers.1.self_attn.q_proj';

test.each([
  ['a name', 'q_proj', true],
  ['a whole path', String.raw`model\.layers\.1\.self_attn\.q_proj`, true],
  ['an escape that needs none', String.raw`self\_attn\.q_proj`, true],
  ['an anchor of the beginning', '^model.layers.1.self_attn.q_proj', true],
  ['the end of the text', String.raw`q_proj\Z`, true],
  ['a named group and its repetition', String.raw`(?P<layer>model\.layers\.1)\.self_attn\.q_proj`, true],
  ['the end of a name is no name', 'proj', false],
  ['another layer', String.raw`layers\.2\.self_attn\.q_proj`, false],
])('%s', (_name, key, expected) => {
  expect(moduleRule(key)!.test(PATH)).toBe(expected);
});

test('what the two languages read otherwise, and what is no expression', () => {
  for (const foreign of ['(unclosed', String.raw`layers\.1++\.q_proj`, '(?>a)b', '(?i)Q_PROJ', '(?(1)a|b)', 'a*+'])
    expect([foreign, patternOfPython(foreign)]).toEqual([foreign, undefined]);
  expect(patternOfPython(String.raw`a\++`)!.test('a++')).toBe(true);
  expect(patternOfPython('(?P<x>a)(?P=x)')!.test('aa')).toBe(true);
});
