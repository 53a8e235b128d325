import { expect, test } from 'vitest';
import type { RowSet, TokenizedCompletion, TokenizedPair } from '../data/index.ts';
import { createTokenizer, type Message, type Tokenizer } from '../tokenizer/index.ts';
import { samplePrompts } from './samples.ts';

const CHATML =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/** One id for each character of ASCII. */
function tokenizerOf(chatTemplate: string | undefined): Tokenizer {
  const vocab = Object.fromEntries(Array.from({ length: 128 }, (_, id) => [String.fromCodePoint(id), id]));
  return createTokenizer({
    kind: 'huggingface',
    tokenizerJson: {
      version: '1.0',
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      decoder: { type: 'Fuse' },
      model: { type: 'BPE', vocab, merges: [] },
    },
    tokenizerConfig: undefined,
    chatTemplate,
    specialTokensMap: undefined,
  });
}

function setOf<T>(rows: readonly T[], hashes: readonly number[]) {
  return {
    count: rows.length,
    row: (index: number) => rows[index]!,
    promptHashes: Float64Array.from(hashes),
  } as RowSet<T>;
}

const none = new Int32Array(0);
const user = (content: string): Message => ({ role: 'user', content });

function promptsOf(tokenizer: Tokenizer, conversations: readonly (readonly Message[])[], hashes: readonly number[]) {
  const pairs = conversations.map((messages, row): TokenizedPair => {
    const text = tokenizer.chatTemplate!.render(messages, { addGenerationPrompt: true });
    const prompt = Int32Array.from(tokenizer.encode(text, { addSpecialTokens: false }));
    return { id: String(row), prompt, chosen: none, rejected: none };
  });
  return setOf(pairs, hashes);
}

test('prompts are the first different ones, their turns without the template', () => {
  const tokenizer = tokenizerOf(CHATML);
  const long = [user('one'), { role: 'assistant', content: 'two' }, user('three')];
  const rows = promptsOf(tokenizer, [[user('Why?')], [user('Why?')], long, [user('last')]], [0.1, 0.1, 0.2, 0.3]);
  const shown = samplePrompts(rows, tokenizer, 2).map(({ text, earlier }) => ({ text, earlier }));
  expect(shown).toEqual([
    { text: 'Why?', earlier: [] },
    { text: 'three', earlier: ['one', 'two'] },
  ]);
  expect(samplePrompts(rows, tokenizer, 2)[0]!.ids).toEqual([...rows.row(0).prompt]);
  expect(samplePrompts(rows, tokenizer, 9).length).toBe(3);
  expect(samplePrompts(rows, tokenizer, 0)).toEqual([]);
});

test('what does not look like the template is shown as the model reads it', () => {
  const tokenizer = tokenizerOf(CHATML);
  const system = promptsOf(tokenizer, [[{ role: 'system', content: 's' }, user('u')]], [0]);
  expect(samplePrompts(system, tokenizer, 1)[0]).toMatchObject({
    text: '<|im_start|>system\ns<|im_end|>\n<|im_start|>user\nu<|im_end|>\n<|im_start|>assistant\n',
    earlier: [],
  });
  const strict = tokenizerOf("{{ raise_exception('one turn only') }}");
  const prompt = Int32Array.from(strict.encode('plain', { addSpecialTokens: false }));
  const plain = setOf<TokenizedPair>([{ id: '1', prompt, chosen: none, rejected: none }], [0]);
  expect(samplePrompts(plain, strict, 1)).toEqual([
    { ids: [...prompt], text: 'plain', earlier: [], hash: 0, chosen: [] },
  ]);
});

test('a text without prompt is continued from its start', () => {
  const tokenizer = tokenizerOf(undefined);
  const texts = ['abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz', 'abcd'].map(
    (text, row): TokenizedCompletion => ({
      id: String(row),
      prompt: none,
      completion: Int32Array.from(tokenizer.encode(text, { addSpecialTokens: false })),
    }),
  );
  expect(samplePrompts(setOf(texts, [0, 1]), tokenizer, 3).map(({ text }) => text)).toEqual(['abcdefghijklmnop', 'ab']);
});
