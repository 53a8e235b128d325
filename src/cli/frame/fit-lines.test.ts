import { expect, test } from 'vitest';
import { shellWords } from '../../core/index.ts';
import { fitLines } from './fit-lines.ts';

test('lines break between words, and go on below what they began with', () => {
  const text = [
    'short',
    'warning: a sentence that is longer than the terminal is wide',
    'metrics:  run/metrics.jsonl and where TensorBoard looks for them',
    '  - a point of a list that is longer than the terminal',
    '{"json": "is never broken, since machines read it as one line"}',
    'see /a/path/that/is/longer/than/the/terminal/and/stays/whole for more',
  ].join('\n');
  expect(fitLines(text, 32, 2).split('\n')).toEqual([
    'short',
    'warning: a sentence that is',
    '  longer than the terminal is',
    '  wide',
    'metrics:  run/metrics.jsonl and',
    '          where TensorBoard',
    '          looks for them',
    '  - a point of a list that is',
    '    longer than the terminal',
    '{"json": "is never broken, since machines read it as one line"}',
    'see',
    '  /a/path/that/is/longer/than/the/terminal/and/stays/whole',
    '  for more',
  ]);
});

test('a command stays one that can be typed', () => {
  const line =
    'dpo: stopped after step 3 of 9, which is saved; continue with: npx preftune dpo --output "my run" --resume';
  const lines = fitLines(line, 40, 2).split('\n');
  expect(lines).toEqual([
    'dpo: stopped after step 3 of 9, which is',
    '  saved; continue with:',
    '  npx preftune dpo --output "my run" \\',
    '    --resume',
  ]);
  expect(shellWords(lines.slice(2).join('\n'))).toEqual(shellWords(line.slice(line.indexOf('npx'))));
});
