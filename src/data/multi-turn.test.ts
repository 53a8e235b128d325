import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createChatTemplate, type Message, type Tokenizer } from '../tokenizer/index.ts';
import { loadPairs } from './load.ts';
import { packPairs } from './tokens/packing.ts';
import { memorySource } from './sources/source.ts';
import { createTestingTokenizer } from './testing/testing-tokenizer.ts';
import { createRowTokenizer } from './tokens/tokenize-row.ts';
import { renderTokenisationReport } from './tokens/tokenisation-text.ts';

const origin = { file: 'd', line: 1 };
const user = (content: string): Message => ({ role: 'user', content });
const assistant = (content: string): Message => ({ role: 'assistant', content });
const templates = join(import.meta.dirname, '../../test/fixtures/tokenizer/templates');

/** The byte tokenizer with a published chat template. */
function withTemplate(name: string): Tokenizer {
  const source = readFileSync(join(templates, `${name}.jinja`), 'utf8');
  const specialTokens = { bos_token: '<s>', eos_token: '</s>' };
  const templateTime = '2024-07-03';
  return {
    ...createTestingTokenizer(),
    chatTemplate: createChatTemplate({ source, origin: name, specialTokens, templateTime }),
  };
}

/** In the manner of Qwen3: the last turn, and only it, gets a reasoning block. */
const REASONING_TEMPLATE = `{% for message in messages %}
{{ '<|im_start|>' + message.role + '\\n' }}
{%- if message.role == 'assistant' and loop.last %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}
{{- message.content }}
{%- for call in message.tool_calls or [] %}{{ '<call>' + call.function | tojson + '</call>' }}{% endfor %}
{{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}`;

/** What of an answer is scored, in [ ], and what is not. */
function scored(tokenizer: Tokenizer, ids: Int32Array, mask: Int32Array | undefined): string {
  let text = '';
  ids.forEach((id, index) => {
    const [now, before] = [mask?.[index] !== 0, index > 0 && mask?.[index - 1] !== 0];
    text += (now && !before ? '[' : !now && before ? ']' : '') + tokenizer.decode([id]);
  });
  return mask?.at(-1) === 0 ? text : `${text}]`;
}

const row = {
  id: 'x',
  origin,
  prompt: [user('Hi')],
  chosen: [assistant('Yes?'), user('Why?'), assistant('So.')],
  rejected: [assistant('No')],
};

test('of an answer of several turns the turns of the assistant are scored, to their end', () => {
  const tokenizer = createTestingTokenizer({ template: 'chatml' });
  const result = createRowTokenizer(tokenizer, {}).pair(row);
  if (result.kind === 'dropped') throw new Error(result.reason);
  const { chosen, rejected, chosenMask, rejectedMask } = result.rows[0]!;
  expect(scored(tokenizer, chosen, chosenMask)).toBe(
    '[Yes?<|im_end|>]\n<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n[So.<|im_end|>]',
  );
  expect(rejectedMask).toBeUndefined();
  expect(scored(tokenizer, rejected, rejectedMask)).toBe('[No<|im_end|>]');
});

test('truncation cuts the mask with the answer; tokens that merge over an edge are scored with the turn they open', () => {
  const tokenizer = createTestingTokenizer({ template: 'chatml', merges: ['\nSo'] });
  const whole = createRowTokenizer(tokenizer, {}).pair(row);
  if (whole.kind === 'dropped') throw new Error(whole.reason);
  const { chosen, chosenMask } = whole.rows[0]!;
  expect(scored(tokenizer, chosen, chosenMask)).toBe(
    '[Yes?<|im_end|>]\n<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant[\nSo.<|im_end|>]',
  );
  const length = whole.rows[0]!.prompt.length + 8;
  const cut = createRowTokenizer(tokenizer, { maxLength: length }).pair(row);
  if (cut.kind === 'dropped') throw new Error(cut.reason);
  expect(cut.rows[0]!.chosenMask).toEqual(Int32Array.of(1, 1, 1, 1, 1, 0, 0, 0));
});

test('tool calls and tool results go through the template with the tools', () => {
  const tokenizer = withTemplate('qwen25');
  const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }];
  const result = createRowTokenizer(tokenizer, {}).pair({
    ...row,
    prompt: [user('Weather in Oslo?')],
    chosen: [
      {
        role: 'assistant',
        content: '',
        tool_calls: [{ type: 'function', function: { name: 'weather', arguments: { city: 'Oslo' } } }],
      },
      { role: 'tool', name: 'weather', content: '4 C' },
      assistant('4 degrees.'),
    ],
    rejected: [assistant('Sunny.')],
    tools,
  });
  if (result.kind === 'dropped') throw new Error(result.reason);
  const { prompt, chosen, chosenMask } = result.rows[0]!;
  expect(tokenizer.decode([...prompt])).toContain(
    JSON.stringify(tools[0])
      .replaceAll(/([:,])"/g, '$1 "')
      .slice(0, 30),
  );
  expect(scored(tokenizer, chosen, chosenMask)).toBe(
    '[<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call><|im_end|>]\n' +
      '<|im_start|>user\n<tool_response>\n4 C\n</tool_response><|im_end|>\n<|im_start|>assistant\n[4 degrees.<|im_end|>]',
  );
});

test.each(['llama3', 'qwen3', 'zephyr'])('%s: scored is what the assistant says, and nothing else', (name) => {
  const tokenizer = withTemplate(name);
  const result = createRowTokenizer(tokenizer, {}).pair(row);
  if (result.kind === 'dropped') throw new Error(result.reason);
  const { chosen, chosenMask } = result.rows[0]!;
  const text = scored(tokenizer, chosen, chosenMask);
  const spans = Array.from(text.matchAll(/\[([^\]]*)\]/g), (match) => match[1]!.replaceAll(/<[^>]*>|\s/g, ''));
  expect(spans).toEqual(['Yes?', 'So.']);
});

test('a reasoning block in the last turn only: turns of tool calls are found all the same', () => {
  const options = { origin: 'test', specialTokens: {}, templateTime: '1970-01-01' };
  const chatTemplate = createChatTemplate({ source: REASONING_TEMPLATE, ...options });
  const tokenizer = { ...createTestingTokenizer(), chatTemplate };
  const call = { type: 'function', function: { name: 'weather', arguments: { city: 'Oslo' } } };
  const result = createRowTokenizer(tokenizer, {}).pair({
    ...row,
    chosen: [
      { role: 'assistant', content: '', tool_calls: [call] },
      { role: 'tool', content: '4 C' },
      assistant('4 degrees.'),
    ],
  });
  if (result.kind === 'dropped') throw new Error(result.reason);
  const { chosen, chosenMask } = result.rows[0]!;
  expect(scored(tokenizer, chosen, chosenMask)).toBe(
    '[<call>{"name": "weather", "arguments": {"city": "Oslo"}}</call><|im_end|>]\n<|im_start|>tool\n4 C<|im_end|>\n' +
      '<|im_start|>assistant\n[<think>\n\n</think>\n\n4 degrees.<|im_end|>]',
  );
});

test('a template that rewrites earlier turns is refused for answers of several turns', () => {
  const chatTemplate = {
    source: '',
    render: (messages: readonly Message[]) =>
      messages.map(({ content }, index) => `${messages.length - index}${content}`).join(''),
  };
  const tokenizer = { ...createTestingTokenizer(), chatTemplate };
  expect(() => createRowTokenizer(tokenizer, {}).pair(row)).toThrow(
    'chat template: a turn must be written alike whatever follows it, got other text for it in the middle of an answer',
  );
});

test('masks travel through storage and report, and unscored tokens are in no batch', async () => {
  const tokenizer = createTestingTokenizer({ template: 'chatml' });
  const { prompt, chosen, rejected } = row;
  const source = memorySource('d', JSON.stringify({ prompt, chosen, rejected }));
  const { rows, tokenisation } = await loadPairs(source, { tokenizer });
  const pair = rows.row(0);
  expect(scored(tokenizer, pair.chosen, pair.chosenMask)).toContain('[So.<|im_end|>]');
  const { targets, owners } = packPairs([pair]);
  const ofChosen = [...targets].filter((_, index) => owners[index] === 0);
  expect(tokenizer.decode(ofChosen)).toBe('Yes?<|im_end|>So.<|im_end|>');
  expect(tokenizer.decode([...targets].filter((_, index) => owners[index] === 1))).toBe('No<|im_end|>');
  const [example] = tokenisation.examples;
  expect([example!.tokenCount, example!.scoredCount]).toEqual([
    pair.prompt.length + pair.chosen.length,
    ofChosen.length,
  ]);
  const text = renderTokenisationReport(tokenisation, 1000);
  expect(text).toContain('⟦Y·e·s·?·<|im_end|>⟧↵');
  expect(text).toContain('⟦S·o·.·<|im_end|>⟧');
});
