import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { COMMANDS } from './commands.ts';
import { runCli } from './frame/frame.ts';
import { SAMPLE_PAIRS } from './start/init-pairs.ts';
import { insteadOf } from './start/wished-commands.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pt-'));
  const rows = [...SAMPLE_PAIRS, SAMPLE_PAIRS[0], { ...SAMPLE_PAIRS[1], chosen: '' }];
  writeFileSync(join(folder, 'p.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  writeFileSync(join(folder, 'odd.jsonl'), '{"frage": "a", "gut": "b", "schlecht": "c"}\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What a terminal of so many columns shows. */
async function shown(words: readonly string[], columns: number): Promise<string[]> {
  let text = '';
  const stream = { isTTY: true, columns, write: (part: string) => (text += part) };
  await runCli(words, {
    version: '0.0.0',
    commands: COMMANDS,
    instead: async (word) => insteadOf(word),
    process: {
      stdout: stream,
      stderr: stream,
      environment: { NO_COLOR: '1', HF_HUB_OFFLINE: '1', LANG: 'C.UTF-8' },
      signals: new EventEmitter(),
      endAtOnce: () => undefined,
    },
  });
  return text.split('\n').map((line) =>
    line
      .split('\r')
      .at(-1)!
      .replaceAll(/\p{Cc}\[[\d;?]*[A-Za-z]/gu, ''),
  );
}

test.each([
  'data check p.jsonl',
  'data stats p.jsonl',
  'data check odd.jsonl',
  'data clean p.jsonl --apply duplicates --output clean.jsonl',
  'data convert p.jsonl --to openai-dpo --lenient --output dpo.jsonl',
  'data split p.jsonl --lenient --output split',
  'dpo --objective sigmod --lr fast --data p.jsonl',
  'dpo --model owner/name --data p.jsonl --output run --apply what',
  'compare a b --prompts p.jsonl --judges gpt-4 --output o',
  'evaluate p.jsonl',
  'export p.jsonl --to tar',
  'judge p.jsonl --judge-model gpt-4.1-mini',
  'fine-tune x',
  'serve',
  'help dpo extra',
  '--help',
  'init .',
])('%s fits narrow terminals, but for words that are longer than a line', async (line) => {
  for (const columns of [40, 60]) {
    const words = line.split(' ').map((word) => (/^(\w+\.jsonl|split|\.)$/.test(word) ? join(folder, word) : word));
    const lines = await shown(words, columns);
    expect(lines.join('').length).toBeGreaterThan(20);
    const wide = lines.filter((one) => one.length > columns && one.trim().includes(' '));
    // A file or a flag with its value may be longer than a line.
    expect(
      wide.filter((one) =>
        one
          .trim()
          .split(' ')
          .every((word) => word.length < columns - 12),
      ),
    ).toEqual([]);
  }
});
