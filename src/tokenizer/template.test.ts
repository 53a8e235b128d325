import { describe, expect, it } from 'vitest';
import {
  badInputOf,
  readRecorded,
  readTemplate,
  type Conversation,
  type RecordedTemplates,
  type Rendered,
} from '../../test/fixtures/tokenizer/recorded.ts';
import { createChatTemplate } from './template.ts';
import { findTemplate } from './template-source.ts';
import type { ChatTemplate } from './tokenizer.ts';

const { conversations, rendered } = readRecorded<RecordedTemplates>('templates.json');
const templateTime = '2024-07-03T09:05:07';
const specialTokens = { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' };

function template(source: string, origin = 'test'): ChatTemplate {
  return createChatTemplate({ source, origin, specialTokens, templateTime });
}

function render(chat: ChatTemplate, { messages, prompt, tools, variables }: Conversation): string {
  return chat.render(messages, {
    addGenerationPrompt: prompt === true,
    ...(tools === undefined ? {} : { tools }),
    ...(variables === undefined ? {} : { variables }),
  });
}

/** The text, or what the error says of the template's own message. */
function outcome(chat: ChatTemplate, conversation: Conversation): Rendered {
  try {
    return { text: render(chat, conversation) };
  } catch (error) {
    return { error: /got its error "([^]*)"; change/.exec((error as Error).message)?.[1] ?? (error as Error).message };
  }
}

describe("recorded from Transformers' apply_chat_template", () => {
  it.each(Object.keys(rendered))('%s', (name) => {
    const chat = template(readTemplate(name), name);
    expect(conversations.length).toBe(13);
    expect(conversations.map((conversation) => outcome(chat, conversation))).toEqual(rendered[name]);
  });
});

/** The bad input that a template gives with the first conversation. */
function problemOf(source: string): string {
  return badInputOf(() => render(template(source, 'tokenizer_config.json'), conversations[0]!));
}

describe('errors', () => {
  it("a template's own exception comes with its message", () => {
    expect(problemOf("{{ raise_exception('Roles must alternate!') }}")).toBe(
      'chat template (tokenizer_config.json): the conversation must suit the template, got its error "Roles must alternate!"; change the messages or the template',
    );
  });

  it('a template that is cut off anywhere gives bad input or a text, never another error', () => {
    const source = readTemplate('llama3');
    const endings = Array.from({ length: source.length }, (_, length) => problemOf(source.slice(0, length)));
    const errors = endings.filter((text) => text.startsWith('chat template'));
    expect(errors.length).toBeGreaterThan(1000);
    const start = /^chat template \(tokenizer_config\.json\): line \d+ of the template must be valid Jinja, got "/;
    expect(errors.filter((text) => !start.test(text))).toEqual([]);
    expect(endings.filter((text) => text.startsWith('another error'))).toEqual([]);
  });

  it('a failing evaluation names what failed', () => {
    expect(problemOf('{{ messages[0].content.nothing() }}')).toBe(
      "chat template (tokenizer_config.json): line 1 of the template must render the conversation, got \"'str object' has no attribute 'nothing'\"; check the messages' fields and the template",
    );
  });

  it('hostile templates are refused: too long, too deep, too many numbers', () => {
    expect(problemOf('x'.repeat(2 ** 20 + 1))).toBe(
      'chat template (tokenizer_config.json): the template must have at most 1048576 characters, got 1048577; check that the file is a chat template',
    );
    expect(problemOf(`{{ ${'('.repeat(100_000)}`)).toBe(
      'chat template (tokenizer_config.json): line 1 of the template must stay within its limits, got "expressions and blocks must nest at most 100 deep, got more"; shorten the messages, or write it with less',
    );
    expect(problemOf('{% for i in range(1000000000) %}x{% endfor %}')).toBe(
      'chat template (tokenizer_config.json): line 1 of the template must render the conversation, got "Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000)."; check the messages\' fields and the template',
    );
  });
});

describe('variables', () => {
  it("the caller's own win over special tokens", () => {
    const chat = template('{{ bos_token }}{{ enable_thinking }}');
    const options = { addGenerationPrompt: false, variables: { bos_token: '<x>', enable_thinking: 3 } };
    expect(chat.render([], options)).toBe('<x>3');
  });

  it('a field that is undefined is not there', () => {
    const chat = template("{{ 'yes' if 'name' in messages[0] else 'no' }}");
    const message = { role: 'user', content: '', name: undefined } as unknown as { role: string; content: string };
    expect(chat.render([message], { addGenerationPrompt: false })).toBe('no');
  });

  it("a message's reasoning stands under the names that templates read", () => {
    const chat = template('{{ messages[0].thinking }}{{ messages[0].reasoning_content }}{{ messages[1] }}');
    const messages = [
      { role: 'assistant', content: '', reasoning: 'why ' },
      { role: 'user', content: 'x' },
    ] as unknown as Conversation['messages'];
    expect(chat.render(messages, { addGenerationPrompt: false })).toBe("why why {'role': 'user', 'content': 'x'}");
  });

  it.each([
    ['no call', '{{ messages }}', undefined],
    ['only in a comment', "{# strftime_now('%d') #}{{ messages }}", undefined],
    ['only whether it exists', '{{ strftime_now is defined }}', undefined],
    ['a call', "{{ strftime_now('%d %B %Y') }}", '03 July 2024'],
    [
      'calls in a macro, and twice',
      '{% macro f() %}{{ strftime_now("%F") }} {{ strftime_now( format=\'%H\' ) }} {{ strftime_now("%F") }}{% endmacro %}',
      '2024-07-03, 09',
    ],
    [
      "Llama 3.2's way",
      "{% if strftime_now is defined %}{% set date_string = strftime_now('%d %b %Y') %}{% endif %}",
      '03 Jul 2024',
    ],
    ['a format that is computed', "{% set f = '%d' %}{{ strftime_now(f) }}", '2024-07-03T09:05:07'],
    ['the function by another name', "{% set now = strftime_now %}{{ now('%d') }}", '2024-07-03T09:05:07'],
    ['a code that is refused', "{{ strftime_now('%Q') }}", '2024-07-03T09:05:07'],
  ])('what it prints of the time: %s', (_name, source, printed) => {
    const { clock } = template(source);
    expect(clock?.printed()).toBe(printed);
    expect(clock?.time).toBe(printed === undefined ? undefined : templateTime);
  });

  it('refuses a time that is none', () => {
    expect(() =>
      createChatTemplate({ source: '', origin: 'test', specialTokens: {}, templateTime: '30.11.2026' }),
    ).toThrow(
      'chat template (test): the time must be a day or a local time in ISO 8601, such as 2026-11-30 or 2026-11-30T09:30, got "30.11.2026"',
    );
  });

  it('strftime_now tells the given time', () => {
    expect(render(template("{{ strftime_now('%A %-d %B %Y, %H:%M:%S %p %j %%') }}"), { messages: [] })).toBe(
      'Wednesday 3 July 2024, 09:05:07 AM 185 %',
    );
  });
});

function find(file: string | undefined, inConfig: unknown): ChatTemplate | undefined {
  return findTemplate(file, inConfig, {}, templateTime);
}

describe('the three places of a template', () => {
  const plain = { addGenerationPrompt: false } as const;

  it('its own file wins over tokenizer_config.json', () => {
    expect(find('file', 'config')?.source).toBe('file');
    expect(find(undefined, 'config')?.source).toBe('config');
    expect(find(undefined, undefined)).toBe(undefined);
  });

  it('of a list the default is used, and tool_use with tools', () => {
    const list = [
      { name: 'default', template: 'D' },
      { name: 'tool_use', template: 'T' },
    ];
    expect(find(undefined, list)?.render([], plain)).toBe('D');
    expect(find(undefined, list)?.render([], { ...plain, tools: [{}] })).toBe('T');
    expect(find(undefined, list)?.render([], { ...plain, tools: [] })).toBe('D');
  });

  it('a list without default is refused', () => {
    expect(() => find(undefined, [{ name: 'rag', template: 'R' }])).toThrow(
      'tokenizer_config.json: tokenizer: chat_template must be a string or a list of {name, template} with the name "default", got the names rag; name one of them "default"',
    );
  });
});
