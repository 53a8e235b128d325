import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { shownValue } from './shown-value.ts';

test('texts stand in double quotes, what steers a terminal is escaped, long values are cut', () => {
  expect(
    ['warm', '', 'a "b"', 'x\u001b[2J\u009b', 3, true, null, undefined, [1, 'a'], { a: 1 }].map(shownValue),
  ).toEqual([
    '"warm"',
    '""',
    String.raw`"a \"b\""`,
    String.raw`"x\u001b[2J\u009b"`,
    '3',
    'true',
    'null',
    'undefined',
    '[1,"a"]',
    '{"a":1}',
  ]);
  expect(shownValue('x'.repeat(500))).toHaveLength(203);
});

test('messages quote what they got in one way', () => {
  const root = join(import.meta.dirname, '..');
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    // Templates speak as Jinja does.
    (file) => file.endsWith('.ts') && !file.includes('.test.') && !file.startsWith('jinja'),
  );
  expect(files.length).toBeGreaterThan(300);
  const quoting = files.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/got (?:also )?['"]\$\{.*/g)].map(
      ([line]) => `${file}: ${line}`,
    ),
  );
  expect(quoting).toEqual([]);
});
