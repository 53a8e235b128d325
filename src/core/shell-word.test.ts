import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { commandLines, shellCommand, shellWord, shellWords } from './shell-word.ts';

test('words that a shell would take apart are quoted', () => {
  expect(['run', 'a/b-1.gguf', 'my run', "it's", '$HOME', '', 'a\nb'].map(shellWord)).toEqual([
    'run',
    'a/b-1.gguf',
    '"my run"',
    `"it's"`,
    "'$HOME'",
    '""',
    "'a\nb'",
  ]);
  expect(shellCommand(['dpo', '--output', 'my run'])).toBe('npx preftune dpo --output "my run"');
});

test('a shell takes quoted words back apart into what they were, and so do we', () => {
  const words = ['plain', 'two words', 'it\'s $HOME `x` \\ "q"', '*', '~', '', '--a=b c', 'ä\n\tü', '!!', '#no'];
  const line = words.map(shellWord).join(' ');
  const out = execFileSync('sh', ['-c', `for word in ${line}; do printf '%s\\0' "$word"; done`], { encoding: 'utf8' });
  expect(out.split('\0').slice(0, -1)).toEqual(words);
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' })), (any) => {
      expect(shellWords(any.map(shellWord).join(' '))).toEqual(any);
    }),
  );
});

test('a command breaks before options, never inside quotes, and a shell still reads the same words', () => {
  const command = shellCommand(['dpo', '--model', 'owner/some-model', '--data', 'my pairs.jsonl', '--output', 'run']);
  expect(commandLines(command, 200)).toEqual([command]);
  expect(commandLines(command, 44)).toEqual([
    'npx preftune dpo --model owner/some-model \\',
    '  --data "my pairs.jsonl" --output run',
  ]);
  for (let columns = 24; columns < 100; columns++) {
    const lines = commandLines(command, columns);
    expect(lines.filter((line) => line.length > columns)).toEqual([]);
    expect(shellWords(lines.join('\n'))).toEqual(shellWords(command));
  }
});
