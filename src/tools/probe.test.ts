import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createChatTemplate } from '../tokenizer/index.ts';
import { TOOL_FORMATS, type ToolFormat } from './format.ts';
import { probeTemplate, toolFormatOf } from './probe.ts';

const FOLDER = join(import.meta.dirname, '../../test/fixtures/jinja/templates');

function template(source: string) {
  return createChatTemplate({
    source,
    origin: 'test',
    specialTokens: { bos_token: '<s>', eos_token: '</s>' },
    templateTime: '2026-11-30T00:00',
  });
}

/** What tells the traits of a template apart, in words. */
function traitsOf(source: string, tokens: readonly string[] = []): string {
  const traits = probeTemplate(template(source), tokens);
  const known = Object.entries<ToolFormat>(TOOL_FORMATS).find(([, format]) => format === traits.format)?.[0];
  return [
    known ?? (traits.format === undefined ? 'no format' : JSON.stringify(traits.format)),
    traits.listsTools ?? 'lists none',
    traits.writesCalls ? (traits.writesManyCalls ? 'calls' : 'one call') : 'no calls',
    ...(traits.writesResults ? ['results'] : []),
    ...(traits.argumentsAs === 'text' ? ['text arguments'] : []),
    ...(traits.emptyContent === null ? ['null content'] : []),
    ...(traits.needsShortIds ? ['short ids'] : []),
    ...(traits.knowsDeveloper ? ['developer'] : []),
    ...(traits.wantsParts ? ['parts'] : []),
    ...(traits.reasoning === undefined ? [] : [traits.reasoning.open]),
  ].join(', ');
}

test('the recorded templates: what each does with tools', () => {
  const found = readdirSync(FOLDER).map((file) => `${file}: ${traitsOf(readFileSync(join(FOLDER, file), 'utf8'))}`);
  expect(found).toMatchInlineSnapshot(`
    [
      "alpaca.jinja: no format, lists none, no calls, results",
      "chatml-default-system.jinja: no format, lists none, no calls, results",
      "chatml-strip-newlines.jinja: no format, lists none, no calls, results",
      "chatml.jinja: no format, lists none, no calls, results",
      "crlf.jinja: no format, lists none, no calls, results",
      "deepseek-r1.jinja: no format, lists none, one call, results, <think>",
      "gpt-oss-like.jinja: {"kind":"named-json","before":"","open":"to=functions.","middle":"<|message|>","close":"<|call|>","after":""}, always, one call, results",
      "granite3.jinja: no format, always, no calls, results",
      "hermes-tools.jinja: hermes, always, calls, results",
      "mistral-tekken-system.jinja: no format, lists none, calls, results",
      "mistral-v1.jinja: no format, lists none, no calls",
      "mistral-v3-tools.jinja: mistral, always, calls, results, short ids",
      "olmo2.jinja: no format, lists none, no calls",
      "phi3.jinja: no format, lists none, no calls",
      "phi4-mini-tools.jinja: phi4, with-system, no calls, results",
      "phi4.jinja: no format, lists none, no calls",
      "printing.jinja: no format, lists none, no calls",
      "qwen-xml-tools.jinja: qwenXml, always, calls, results",
      "qwen25-tools.jinja: hermes, always, calls, results",
      "qwen3-thinking.jinja: no format, lists none, calls, results, <think>",
      "smollm3.jinja: no format, always, no calls, results, <think>",
      "vicuna.jinja: no format, lists none, no calls",
      "zephyr-newlines.jinja: no format, lists none, no calls",
    ]
  `);
});

test('a template that passes calls over is told by what it says, then by the model’s tokens', () => {
  const lists = '{% for m in messages %}{{ m.content }}{% endfor %}{{ tools | tojson if tools }}';
  expect(traitsOf(lists)).toBe('no format, always, no calls, results');
  expect(traitsOf(`${lists}{# answer in <tool_call></tool_call> #}`)).toBe('hermes, always, no calls, results');
  expect(traitsOf(lists, ['<|tool_call|>'])).toBe('granite, always, no calls, results');
  expect(traitsOf(lists, ['<|tool_call|>', '<|/tool_call|>'])).toBe('phi4, always, no calls, results');
  expect(traitsOf(lists, ['<|python_tag|>'])).toBe('llama, always, no calls, results');
});

/** A template of turns that writes calls in its own way. */
function writing(calls: string, before = ''): string {
  return `${before}{{ tools | tojson if tools }}{% for m in messages %}<|{{ m.role }}|>{{ m.content or '' }}${calls}<|end|>{% endfor %}`;
}

const EACH = (inner: string): string => `{% for c in m.tool_calls or [] %}{% set f = c.function %}${inner}{% endfor %}`;

test.each([
  [
    'llama',
    writing(
      `{% if m.tool_calls %}{{ '{"name": "' ~ m.tool_calls[0].function.name ~ '", "parameters": ' ~ m.tool_calls[0].function.arguments | tojson ~ '}' }}{% endif %}`,
    ),
  ],
  [
    'phi4',
    writing(
      `{% if m.tool_calls %}<|tool_call|>{{ m.tool_calls | map(attribute='function') | list | tojson }}<|/tool_call|>{% endif %}`,
    ),
  ],
  [
    'granite',
    writing(
      `{% if m.tool_calls %}<|tool_call|>{{ m.tool_calls | map(attribute='function') | list | tojson(indent=4) }}{% endif %}`,
    ),
  ],
  [
    'hermesList',
    writing(
      `{% if m.tool_calls %}<tool_call>{{ m.tool_calls | map(attribute='function') | list | tojson }}</tool_call>{% endif %}`,
    ),
  ],
  ['mistralNamed', writing(EACH(`[TOOL_CALLS]{{ f.name }}[ARGS]{{ f.arguments | tojson }}`))],
  [
    'olmo',
    writing(
      `{% if m.tool_calls %}<function_calls>\n${EACH(`{{ f.name }}({% for k, v in f.arguments | items %}{{ k }}={{ v | tojson }}{{ ', ' if not loop.last }}{% endfor %})\n`)}</function_calls>{% endif %}`,
    ),
  ],
  [
    'pythonic',
    writing(
      `{% if m.tool_calls %}[${EACH(`{{ f.name }}({% for k, v in f.arguments | items %}{{ k }}={{ v | tojson }}{{ ', ' if not loop.last }}{% endfor %}){{ ', ' if not loop.last }}`)}]{% endif %}`,
    ),
  ],
  [
    'functionGemma',
    writing(
      EACH(
        `<start_function_call>call:{{ f.name }}{% raw %}{{% endraw %}{% for k, v in f.arguments | items %}{{ k }}:{{ '<escape>' ~ v ~ '<escape>' if v is string else v }}{{ ',' if not loop.last }}{% endfor %}}<end_function_call>`,
      ),
    ),
  ],
  [
    'deepseek31',
    writing(
      `{% if m.tool_calls %}<｜tool▁calls▁begin｜>${EACH(`<｜tool▁call▁begin｜>{{ f.name }}<｜tool▁sep｜>{{ f.arguments | tojson }}<｜tool▁call▁end｜>`)}<｜tool▁calls▁end｜>{% endif %}`,
    ),
  ],
] as const)('%s is told by what the template writes', (name, source) => {
  expect(toolFormatOf(template(source))).toBe(TOOL_FORMATS[name]);
});

test('markers that nobody has seen before are derived from what stands around a call', () => {
  const json = writing(EACH(`<<call>>{{ {'name': f.name, 'arguments': f.arguments} | tojson }}<<done>>`));
  expect(toolFormatOf(template(json))).toEqual({
    kind: 'json',
    open: '<<call>>',
    close: '<<done>>',
    gap: '',
    isList: false,
    argumentsKey: 'arguments',
    hasId: false,
  });
  const named = writing(
    `{% if m.tool_calls %}<calls>${EACH(`<c>{{ f.name }}<a>{{ f.arguments | tojson }}</c>`)}</calls>{% endif %}`,
  );
  expect(toolFormatOf(template(named))).toEqual({
    kind: 'named-json',
    before: '<calls>',
    open: '<c>',
    middle: '<a>',
    close: '</c>',
    after: '</calls>',
  });
});

/** A template that writes calls as GLM's does, with this between the tags. */
function glm(gap: string): string {
  return writing(
    EACH(
      `<tool_call>{{ f.name }}${gap}{% for k, v in f.arguments | items %}<arg_key>{{ k }}</arg_key>${gap}<arg_value>{{ v if v is string else v | tojson }}</arg_value>${gap}{% endfor %}</tool_call>`,
    ),
  );
}

test('GLM is told by what its template writes, with line breaks and without, and by its words', () => {
  for (const gap of ['', "{{ '\\n' }}"]) expect(toolFormatOf(template(glm(gap)))).toBe(TOOL_FORMATS.glm);
  const words = '{{ tools | tojson if tools }}{# <tool_call>{name}<arg_key>{key}</arg_key></tool_call> #}';
  expect(toolFormatOf(template(`${words}{% for m in messages %}{{ m.content }}{% endfor %}`))).toBe(TOOL_FORMATS.glm);
});

test('calls that cannot be read back exactly are no format, whatever else the template says', () => {
  const unquoted = writing(
    `{% if m.tool_calls %}[${EACH(`{{ f.name }}({% for k, v in f.arguments | items %}{{ k }}={{ v }}{{ ', ' if not loop.last }}{% endfor %}){{ ', ' if not loop.last }}`)}]{% endif %}`,
  );
  // A text without quotes may hold what ends it, and 12 may be a text.
  expect(traitsOf(unquoted, ['<tool_call>'])).toBe('no format, always, calls, results');
});

test('what a template wants of messages is found out', () => {
  expect(
    traitsOf(
      writing(EACH(`<tool_call>{{ '{"name": "' + f.name + '", "arguments": ' + f.arguments + '}' }}</tool_call>`)),
    ),
  ).toBe('hermes, always, calls, results, text arguments');
  const nullOnly = `{{ tools | tojson if tools }}{% for m in messages %}<|{{ m.role }}|>{% if m.content is none %}${EACH(`<tool_call>{{ f | tojson }}</tool_call>`)}{% else %}{{ m.content }}{% endif %}{% endfor %}`;
  expect(traitsOf(nullOnly)).toBe('hermes, always, calls, results, null content');
  const parts = `{% for m in messages %}{% for p in m.content %}{% if p.type == 'text' %}{{ p.text }}{% endif %}{% endfor %}{% endfor %}`;
  expect(traitsOf(parts)).toContain('parts');
  const field = `{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{{ '<|tool|>' ~ m.tools ~ '<|/tool|>' if m.tools is defined }}{% endfor %}`;
  expect(traitsOf(field)).toBe('phi4, in-system, no calls, results');
});

test('a template that fails, or is none, has no traits and does not throw', () => {
  for (const source of ['{{ raise_exception("no") }}', '{% for', '{{ 1 / 0 }}'])
    expect(traitsOf(source)).toBe('no format, lists none, no calls');
});
