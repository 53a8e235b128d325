import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { createChatTemplate, type Tokenizer } from '../../tokenizer/index.ts';
import { memorySource } from '../sources/source.ts';
import { loadPairs } from '../load.ts';
import { createTestingTokenizer } from '../testing/testing-tokenizer.ts';
import type { TokenisationReport } from '../tokens/tokenisation-report.ts';

const fixtures = join(import.meta.dirname, '../../../test/fixtures');
const FOLDERS = ['tokenizer/templates', 'jinja/templates'];
/** These show a language's constructs, and are no templates of models. */
const NO_MODELS = ['language', 'crlf', 'printing'];

const TEMPLATES = FOLDERS.flatMap((folder) =>
  readdirSync(join(fixtures, folder)).map((name) => join(folder, name)),
).filter((path) => !NO_MODELS.includes(basename(path, '.jinja')));

/** The byte tokenizer, whose special tokens are those of ChatML and <s>, with a template of the fixtures. */
function withTemplate(path: string): Tokenizer {
  const source = readFileSync(join(fixtures, path), 'utf8');
  const specialTokens = { bos_token: '<s>', eos_token: '</s>' };
  const chatTemplate = createChatTemplate({ source, origin: path, specialTokens, templateTime: '2024-07-03' });
  return { ...createTestingTokenizer(), chatTemplate };
}

const answer = (content: string) => [{ role: 'assistant', content }];

/** Ordinary rows: white space around texts, lists, code, HTML, other scripts, an earlier exchange. */
const ROWS = [
  { prompt: 'Name a river.', chosen: 'The Loire.', rejected: ' Mount Etna.\n' },
  {
    prompt: 'Write HTML & JSON.',
    chosen: '\n<p class="a">1 &amp; 2</p>\n\n```json\n{"a": [1, 2]}\n```\n',
    rejected: "I can't do that.",
  },
  {
    prompt: 'Gr\u00fc\u00df\u00ed in \u65e5\u672c\u8a9e?',
    chosen: '\u3053\u3093\u306b\u3061\u306f \u{1f600}',
    rejected: '- a\n- b\n\n\n1. c',
  },
  { prompt: 'Is 2 < 3?\n', chosen: 'Yes, 2 < 3 and 3 > 2.', rejected: '<b>No</b>' },
].map(({ prompt, chosen, rejected }) => ({
  prompt: [{ role: 'user', content: 'Hi!' }, ...answer('Hello.'), { role: 'user', content: prompt }],
  chosen: answer(chosen),
  rejected: answer(rejected),
}));

function findings({ lost, controlTokens, renderedAlready, untrainedOpening, stopInside, dropped }: TokenisationReport) {
  return {
    ...(Object.keys(lost).length > 0 && { lost }),
    ...(Object.keys(dropped).length > 0 && { dropped }),
    ...(controlTokens.count > 0 && { controlTokens }),
    ...(renderedAlready.count > 0 && { renderedAlready }),
    ...(stopInside.count > 0 && { stopInside }),
    ...(untrainedOpening.count > 0 && { opening: untrainedOpening.places[0]!.text }),
  };
}

/** What is found of ordinary rows, and is so. */
const KNOWN: Readonly<Record<string, object>> = { 'jinja/templates/deepseek-r1.jinja': { opening: '<think>\n' } };

test.each(TEMPLATES)('ordinary rows are not warned of: %s', async (path) => {
  const source = memorySource('d.jsonl', ROWS.map((row) => JSON.stringify(row)).join('\n'));
  const { tokenisation } = await loadPairs(source, { tokenizer: withTemplate(path) });
  expect(findings(tokenisation)).toEqual(KNOWN[path] ?? {});
});
