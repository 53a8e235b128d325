import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createChatTemplate, type Tokenizer } from '../../tokenizer/index.ts';
import { modelfileOf } from './modelfile.ts';

const TOKENS = ['<s>', '</s>', '<|im_end|>', '<|eot_id|>', '<|begin_of_text|>'];

function tokenizerWith(source: string | undefined, over: Partial<Tokenizer> = {}): Tokenizer {
  const bosId = over.bosId ?? 0;
  const chatTemplate =
    source === undefined
      ? undefined
      : createChatTemplate({
          source,
          origin: 'test',
          specialTokens: { bos_token: TOKENS[bosId]!, eos_token: '</s>' },
          templateTime: '1970-01-01',
        });
  return {
    bosId,
    eosId: 1,
    stopIds: [1],
    chatTemplate,
    tokenText: (id: number) => TOKENS[id]!,
    ...over,
  } as unknown as Tokenizer;
}

function templateFile(name: string): string {
  return readFileSync(join(import.meta.dirname, '../../../test/fixtures/tokenizer/templates', `${name}.jinja`), 'utf8');
}

const CHATML = `{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}`;

test('ChatML is known by what it renders, and its stop token is a parameter', () => {
  const { text, template } = modelfileOf(tokenizerWith(CHATML, { stopIds: [1, 2] }), 'model-Q8_0.gguf');
  expect(template).toBe('ChatML');
  expect(text).toBe(
    'FROM ./model-Q8_0.gguf\n' +
      "# ChatML, which renders what the model's own chat template renders.\n" +
      'TEMPLATE """{{- if .System }}<|im_start|>system\n{{ .System }}<|im_end|>\n{{ end }}' +
      '{{- range .Messages }}{{- if ne .Role "system" }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}{{- end }}<|im_start|>assistant\n"""\n' +
      'PARAMETER stop "</s>"\nPARAMETER stop "<|im_end|>"\n',
  );
});

test('a system text that the template adds by itself becomes SYSTEM', () => {
  const source = `{% if messages[0]['role'] != 'system' %}<|im_start|>system\nBe brief.<|im_end|>\n{% endif %}${CHATML}`;
  const { text, template } = modelfileOf(tokenizerWith(source), 'm.gguf');
  expect(template).toBe('ChatML');
  expect(text).toContain('SYSTEM """Be brief."""\n');
});

test("Qwen 2.5's template is ChatML with a system text of its own", () => {
  const { text, template } = modelfileOf(tokenizerWith(templateFile('qwen25')), 'm.gguf');
  expect(template).toBe('ChatML');
  expect(text).toContain('SYSTEM """Be helpful."""\n');
});

test.each(['zephyr'])('%s is known', (name) => {
  expect(modelfileOf(tokenizerWith(templateFile(name)), 'm.gguf').template).toBe('Zephyr');
});

test.each([
  ['mistral', templateFile('mistral')],
  ['a template that says other things', `{{ bos_token }}Q: {{ messages[0]['content'] }}\nA:`],
])('%s is left to the GGUF file, and that is said', (_name, source) => {
  const { text, template } = modelfileOf(tokenizerWith(source), 'm.gguf');
  expect(template).toBeUndefined();
  expect(text).toBe(
    'FROM ./m.gguf\n' +
      '# No TEMPLATE here: the chat template inside the GGUF file is none that this file could repeat exactly, and Ollama reads that one.\n' +
      'PARAMETER stop "</s>"\n',
  );
});

test('a template that prints the time is left to Ollama: today must not stand in SYSTEM for good', () => {
  const date = "{{ strftime_now('%d %B %Y') }}";
  const source = `{% if messages[0]['role'] != 'system' %}<|im_start|>system\nToday is ${date}.<|im_end|>\n{% endif %}${CHATML}`;
  const { text, template } = modelfileOf(tokenizerWith(source), 'm.gguf');
  expect(template).toBe(undefined);
  expect(text).toBe(
    'FROM ./m.gguf\n' +
      '# No TEMPLATE here: the chat template inside the GGUF file prints the time, which this file would freeze, and Ollama reads that one.\n' +
      'PARAMETER stop "</s>"\n',
  );
});
