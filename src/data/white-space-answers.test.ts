import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createChatTemplate, type Tokenizer } from '../tokenizer/index.ts';
import { loadPairs } from './load.ts';
import { memorySource } from './sources/source.ts';
import { createTestingTokenizer } from './testing/testing-tokenizer.ts';

const folder = join(import.meta.dirname, '../../test/fixtures/jinja');
const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
const templates = JSON.parse(read('scored/templates.json')) as Readonly<Record<string, string>>;
type Side = Readonly<Record<'chosen' | 'rejected', string>>;
const recorded = JSON.parse(read('recorded/scored.json')) as Readonly<Record<string, readonly Side[]>>;

/** The byte tokenizer with a template that strips characters of its own choice. */
function withTemplate(name: string): Tokenizer {
  const chatTemplate = createChatTemplate({
    source: templates[name]!,
    origin: name,
    specialTokens: {},
    templateTime: '2024-07-03',
  });
  return { ...createTestingTokenizer(), chatTemplate };
}

test.each([
  ['pairs', undefined],
  ['headings', 1],
  ['reasoning-indented', undefined],
])('%s: what a template strips of an answer is what Python strips', async (name, same) => {
  const tokenizer = withTemplate(name);
  const source = memorySource(`${name}.jsonl`, read(`scored/${name}.jsonl`));
  const { rows } = await loadPairs(source, { tokenizer });
  const scored = Array.from({ length: rows.count }, (_, at) => rows.row(at)).map(({ chosen, rejected }) => ({
    chosen: tokenizer.decode([...chosen]),
    rejected: tokenizer.decode([...rejected]),
  }));
  expect(scored).toEqual(recorded[name]!.filter((_, at) => at !== same));
});
