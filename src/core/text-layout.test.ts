import { expect, test } from 'vitest';
import { count, listing, percent, share, table, visibleText, wrap } from './text-layout.ts';

test('numbers for people', () => {
  expect([count(1234567), count(0.25), percent(0.1234), percent(0.285, 0), percent(1, 2)]).toEqual([
    '1,234,567',
    '0.3',
    '12.3 %',
    '28 %',
    '100.00 %',
  ]);
  expect([share(1, 3), share(2000, 2000), share(0, 0)]).toEqual(['1 (33.3 %)', '2,000 (100.0 %)', '0']);
});

test('a text breaks at spaces, and a long word begins where there is room', () => {
  expect(wrap('one two three four', 9)).toEqual(['one two', 'three', 'four']);
  expect(wrap('exactly 9', 9)).toEqual(['exactly 9']);
  expect(wrap('a /long/path/without/a/space', 10)).toEqual(['a /long/pa', 'th/without', '/a/space']);
  expect(wrap('behind /long/path', 10)).toEqual(['behind', '/long/path']);
  expect(wrap('  indented  text', 12)).toEqual(['  indented', 'text']);
  expect(wrap('😀😀😀😀', 2)).toEqual(['😀😀', '😀😀']);
  expect(wrap('', 5)).toEqual(['']);
  // A terminal of no width must not hang us.
  expect(wrap('ab c', 0)).toEqual(['a', 'b', 'c', '']);
});

test('lines have what they begin with, and long words whole where that is asked for', () => {
  const lead = { first: '1. ', rest: '   ', keepsWords: true };
  expect(wrap('one two /long/path/of/mine three', 11, lead)).toEqual([
    '1. one two',
    '   /long/path/of/mine',
    '   three',
  ]);
  expect(wrap(['lr 1e-4', 'beta 0.1', 'x'], 18, { ...lead, gap: '  ' })).toEqual(['1. lr 1e-4', '   beta 0.1  x']);
  // Parts are not broken at their spaces.
  expect(wrap(['a b c d', 'e'], 5, { keepsWords: true })).toEqual(['a b c d', 'e']);
});

test('two columns, and tables that lose their last columns where there is no room', () => {
  expect(
    listing(
      [
        ['rows', '12'],
        ['dropped', 'three words here'],
      ],
      20,
    ),
  ).toEqual(['rows     12', 'dropped  three words', '         here']);
  const rows = [
    ['name', 'rate', 'rank'],
    ['a', '0.5', '1'],
  ];
  expect(table(rows, 20)).toEqual(['name  rate  rank', 'a      0.5     1']);
  expect(table(rows, 12)).toEqual(['name  rate', 'a      0.5']);
});

test('what would steer a terminal is shown', () => {
  expect(visibleText('a\r\nb\n\tc\u001b[2J\u200b')).toBe('a↵b↵→c<U+001B>[2J<U+200B>');
});
