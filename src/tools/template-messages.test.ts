import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { problemsOf, type JsonRecord } from '../core/index.ts';
import { createChatTemplate } from '../tokenizer/index.ts';
import { probeTemplate } from './probe.ts';
import { templateMessages } from './template-messages.ts';
import type { ToolDefinition } from './tool.ts';

const FOLDER = join(import.meta.dirname, '../../test/fixtures/jinja/templates');

function templateOf(source: string) {
  const template = createChatTemplate({
    source,
    origin: 'test',
    specialTokens: { bos_token: '<s>', eos_token: '</s>' },
    templateTime: '2026-11-30T00:00',
  });
  const traits = probeTemplate(template, ['<tool_call>']);
  return {
    traits,
    render(messages: readonly JsonRecord[], tools?: readonly ToolDefinition[]): string {
      const conversation = templateMessages(messages, tools, traits);
      return template.render(conversation.messages, {
        addGenerationPrompt: false,
        ...(conversation.tools !== undefined && { tools: conversation.tools }),
      });
    },
    problems: (messages: readonly JsonRecord[], tools?: readonly ToolDefinition[]) =>
      problemsOf(() => templateMessages(messages, tools, traits)).map(({ message }) => message),
  };
}

const recorded = (name: string) => templateOf(readFileSync(join(FOLDER, `${name}.jinja`), 'utf8'));

const weather: ToolDefinition = {
  type: 'function',
  function: { name: 'weather', description: null, parameters: null },
};
const call = (id: string, text: string, name = 'weather') => ({
  id,
  type: 'function',
  function: { name, arguments: text },
});
const user = { role: 'user', content: 'How is it?' };
const exact = '{"city": "Oslo", "n": 12345678901234567890, "x": 1.0}';

test('arguments that are JSON texts reach the template as objects, with their digits', () => {
  // QwenLM #444 and #1894, LocalAI #10256: a text where the template wants a mapping.
  const text = recorded('qwen25-tools').render(
    [
      user,
      { role: 'assistant', content: null, tool_calls: [call('call_1', exact)] },
      {
        role: 'tool',
        tool_call_id: 'call_1',
        content: [
          { type: 'text', text: 'rain' },
          { type: 'text', text: 'y' },
        ],
      },
    ],
    [weather],
  );
  expect(text).toContain(
    '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo", "n": 12345678901234567890, "x": 1.0}}\n</tool_call>',
  );
  expect(text).toContain('<tool_response>\nrainy\n</tool_response>');
  expect(text).toContain(
    '{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}',
  );
});

test("ids become Mistral's nine letters and digits, the same for a call and its result", () => {
  // mlx-lm #1375, vLLM #9019: ids of OpenAI's form are refused by the template.
  const mistral = recorded('mistral-v3-tools');
  const [first, second] = ['call_abcdefghijklmnopqrstuvwx', 'call_bbcdefghijklmnopqrstuvwx'];
  const text = mistral.render(
    [
      user,
      { role: 'assistant', tool_calls: [call(first, '{}'), call(second, '')] },
      { role: 'tool', tool_call_id: second, content: 'B' },
      { role: 'tool', tool_call_id: first, content: 'A' },
    ],
    [weather],
  );
  const calls = [...text.matchAll(/"id": "(\w+)"/g)].map((match) => match[1]!);
  const results = [...text.matchAll(/\{"content": (\w), "call_id": "(\w+)"\}/g)].map(
    (match) => `${match[1]} ${match[2]}`,
  );
  expect(calls).toHaveLength(2);
  expect(calls.every((id) => /^[A-Za-z0-9]{9}$/.test(id)) && calls[0] !== calls[1]).toBe(true);
  expect(results).toEqual([`B ${calls[1]}`, `A ${calls[0]}`]);
  const own = mistral.render([
    user,
    { role: 'assistant', tool_calls: [call('abcDEF123', '{}')] },
    { role: 'tool', tool_call_id: 'abcDEF123', content: 'A' },
  ]);
  expect(own).toContain('"id": "abcDEF123"');
});

test('results get the names of their calls, and without an id they belong to the calls in order', () => {
  const { traits } = recorded('qwen25-tools');
  const { messages } = templateMessages(
    [
      user,
      { role: 'assistant', tool_calls: [call('a', '{}', 'one'), call('b', '{}', 'two')] },
      { role: 'tool', content: '1' },
      { role: 'tool', content: '2' },
    ],
    undefined,
    traits,
  );
  expect(messages.slice(2)).toEqual([
    { role: 'tool', content: '1', tool_call_id: 'a', name: 'one' },
    { role: 'tool', content: '2', tool_call_id: 'b', name: 'two' },
  ]);
});

test('calls that a template passes over are written into the content', () => {
  const text = recorded('smollm3').render(
    [
      user,
      { role: 'assistant', content: 'Wait.', tool_calls: [call('call_1', '{"city": "Oslo"}')] },
      { role: 'tool', tool_call_id: 'call_1', content: 'rain' },
    ],
    [weather],
  );
  expect(text).toContain(
    'Wait.\n<tool_call>\n{"name": "weather", "arguments": {"city":"Oslo"}}\n</tool_call><|im_end|>',
  );
});

test('several calls of a turn become turns of one, where the template writes only one', () => {
  const template = templateOf(
    `{{ tools | tojson if tools }}{% for m in messages %}<|{{ m.role }}|>{{ m.content or '' }}{% if m.tool_calls %}{% if m.tool_calls | length > 1 %}{{ raise_exception('one call alone') }}{% endif %}{% set f = m.tool_calls[0].function %}{{ '{"name": "' ~ f.name ~ '", "parameters": ' ~ f.arguments | tojson ~ '}' }}{% endif %}{% endfor %}`,
  );
  const text = template.render([
    user,
    { role: 'assistant', content: 'Both.', tool_calls: [call('a', '{}', 'one'), call('b', '{}', 'two')] },
    { role: 'tool', tool_call_id: 'b', content: 'B' },
    { role: 'tool', tool_call_id: 'a', content: 'A' },
    { role: 'assistant', content: 'Done.' },
  ]);
  expect(text).toBe(
    '<|user|>How is it?<|assistant|>Both.{"name": "one", "parameters": {}}<|tool|>A<|assistant|>{"name": "two", "parameters": {}}<|tool|>B<|assistant|>Done.',
  );
});

test('a system message is there where tools are listed beside one alone', () => {
  const phi = recorded('phi4-mini-tools');
  expect(phi.render([user], [weather])).toContain('<|system|><|tool|>[{"type": "function"');
  expect(phi.render([{ role: 'developer', content: 'Be brief.' }, user], [weather])).toContain(
    '<|system|>Be brief.<|tool|>[',
  );
  expect(phi.render([user])).toBe('<|user|>How is it?<|end|></s>');
});

test('developer is system, tool_calls that are empty are none, content is one text or parts', () => {
  const { messages } = templateMessages(
    [
      {
        role: 'developer',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
      { role: 'assistant', content: null, tool_calls: [], name: null },
    ],
    undefined,
    recorded('chatml').traits,
  );
  expect(messages).toEqual([
    { role: 'system', content: 'ab' },
    { role: 'assistant', content: '' },
  ]);
  const parts = templateOf(`{% for m in messages %}{% for p in m.content %}{{ p.text }}{% endfor %}{% endfor %}`);
  expect(parts.render([{ role: 'user', content: 'Hello' }])).toBe('Hello');
});

test('all that is wrong is said at once, with its place', () => {
  expect(
    recorded('qwen25-tools').problems(
      [
        { role: 'user', content: [{ type: 'image_url', image_url: {} }] },
        {
          role: 'assistant',
          tool_calls: [call('a', '{"city": '), call('b', '[1]'), { id: 'c', function: { arguments: '7' } }],
        },
        { role: 'tool', tool_call_id: 'z', content: 5 },
      ],
      [weather, weather],
    ),
  ).toEqual([
    'tools[1].function.name: must be a name of its own, got "weather", which tools[0] has',
    'messages[0].content[0]: must be a part of type text, which is all that the model reads, got "image_url"',
    'messages[1].tool_calls[0].function.arguments: must be the JSON text of an object, got "{\\"city\\": "',
    'messages[1].tool_calls[1].function.arguments: must be the JSON text of an object, got "[1]"',
    'messages[1].tool_calls[2].function.name: must be the name of a tool, got null',
    'messages[1].tool_calls[2].function.arguments: must be the JSON text of an object, got "7"',
    'messages[2].content: must be a text or a list of parts, got 5',
    'messages[2].tool_call_id: must be the id of a call in an assistant message before it, got "z"',
  ]);
  const lists = "since the model's chat template does not tell it of tools; ask without them or choose another model";
  expect(recorded('chatml').problems([user], [weather])).toEqual([`tools: must not be given, ${lists}`]);
  expect(
    recorded('olmo2').problems([
      user,
      { role: 'assistant', tool_calls: [call('a', '{}')] },
      { role: 'tool', tool_call_id: 'a', content: 'x' },
    ]),
  ).toEqual([
    "messages[1].tool_calls: must not be given, since the model's chat template has no place for calls; leave these turns out or choose another model",
    "messages[2]: must not be a result of a tool, since the model's chat template has no place for results; leave it out or choose another model",
  ]);
});
