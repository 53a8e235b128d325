import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Content, PairRow } from '../row.ts';
import { createTestingTokenizer, type TestingTokenizerOptions } from '../testing/testing-tokenizer.ts';
import { createRowTokenizer } from './tokenize-row.ts';
import type { SideNotes } from './tokenize-answer.ts';
import type { TruncationOptions } from './truncate.ts';

const origin = { file: 'd', line: 1 };
const user = (content: string) => [{ role: 'user', content }];
const assistant = (content: string) => [{ role: 'assistant', content }];

/** The pair as text, ids decoded, with the notes that are true. */
function pair(
  row: { prompt: Content; chosen: Content; rejected: Content } & Partial<PairRow>,
  options: TestingTokenizerOptions & TruncationOptions = {},
) {
  const tokenizer = createTestingTokenizer(options);
  const result = createRowTokenizer(tokenizer, options).pair({ id: 'x', origin, ...row });
  if (result.kind === 'dropped') return result.reason;
  const { prompt, chosen, rejected, rejectedPrompt } = result.rows[0]!;
  const text = (ids: Int32Array) => tokenizer.decode([...ids]);
  const parts = [text(prompt), text(chosen), text(rejected), ...(rejectedPrompt ? [text(rejectedPrompt)] : [])];
  return [...parts, ...result.notes.map(namesOf)];
}

function namesOf(notes: SideNotes): string {
  const names = Object.entries(notes).flatMap(([name, value]) => (value === true && name !== 'hasBos' ? [name] : []));
  return [
    notes.hasBos ? 'bos' : 'no bos',
    ...names,
    ...(notes.tailRemoved > 0 ? [`tail ${notes.tailRemoved}`] : []),
  ].join(', ');
}

test('plain text: BOS once in front, EOS once behind', () => {
  const row = { prompt: 'Q:', chosen: ' yes', rejected: ' no</s>' };
  expect(pair(row)).toEqual(['<s>Q:', ' yes</s>', ' no</s>', 'bos, stopAppended', 'bos']);
  expect(pair(row, { addsBos: false })).toEqual(['Q:', ' yes</s>', ' no</s>', 'no bos, stopAppended', 'no bos']);
  expect(pair({ prompt: '<s>Q:', chosen: ' a</s></s>', rejected: ' b</s> \n' })).toEqual([
    '<s>Q:',
    ' a</s>',
    ' b</s>',
    'bos, duplicatedBos, tail 1',
    'bos, duplicatedBos, tail 2',
  ]);
});

test('a merge over the boundary: cut before the token; the sides then differ in their prompt', () => {
  // ": y" is one token: it reaches over the end of "Q: ".
  const row = { prompt: 'Q: ', chosen: 'yes', rejected: 'no' };
  expect(pair(row, { merges: [': y'] })).toEqual([
    '<s>Q',
    ': yes</s>',
    'no</s>',
    '<s>Q: ',
    'bos, boundaryMoved, stopAppended',
    'bos, stopAppended',
  ]);
  expect(pair({ ...row, rejected: 'yell' }, { merges: [': y'] })).toEqual([
    '<s>Q',
    ': yes</s>',
    ': yell</s>',
    'bos, boundaryMoved, stopAppended',
    'bos, boundaryMoved, stopAppended',
  ]);
});

test('where only the division differs, tokens up to the boundary stay in the prompt', () => {
  const bytes = createTestingTokenizer({ merges: ['ab', 'cd', 'bc'], addsBos: false });
  // As a byte-pair merge order may have it: alone [ab][cd], with the answer [a][bc][d][e].
  const divisions: Record<string, number[]> = { abcd: [260, 261], abcde: [97, 262, 100, 101], a: [97] };
  const tokenizer = { ...bytes, encode: (text: string) => [...(divisions[text] ?? bytes.encode(text))] };
  const result = createRowTokenizer(tokenizer, {}).completion({ id: 'x', origin, prompt: 'abcd', completion: 'e' });
  expect(result.kind === 'kept' && result.rows).toEqual([
    { id: 'x', prompt: Int32Array.of(97, 262, 100), completion: Int32Array.of(101, 257) },
  ]);
  expect(result.kind === 'kept' && namesOf(result.notes[0]!)).toBe('no bos, boundaryMoved, stopAppended');
});

test('chat: the answer is what follows the opened turn, its end-of-turn stays and the line end goes', () => {
  const row = { prompt: user('Hi'), chosen: assistant('Yes'), rejected: assistant('No') };
  expect(pair(row, { template: 'chatml' })).toEqual([
    '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n',
    'Yes<|im_end|>',
    'No<|im_end|>',
    'no bos, tail 1',
    'no bos, tail 1',
  ]);
  expect(pair(row, { template: 'bos' })).toEqual([
    '<s><|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n',
    'Yes<|im_end|>',
    'No<|im_end|>',
    'bos, tail 1',
    'bos, tail 1',
  ]);
  expect(pair(row, { template: 'no-stop' })).toEqual([
    '<|im_start|>user\nHi\n<|im_start|>assistant\n',
    'Yes\n',
    'No\n',
    'no bos, noStopToken',
    'no bos, noStopToken',
  ]);
});

test('chat: a template that opens the turn otherwise, stop tokens in the text, several turns, tools and variables', () => {
  const row = { prompt: user('Hi'), chosen: assistant('Yes'), rejected: assistant('No') };
  expect(pair(row, { template: 'thinking' })).toEqual([
    '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n',
    'Yes<|im_end|>',
    'No<|im_end|>',
    'no bos, templateDiffers, tail 1',
    'no bos, templateDiffers, tail 1',
  ]);
  const several = { ...row, chosen: [...assistant('A'), ...assistant('B')], rejected: assistant('No<|im_end|>') };
  expect(pair(several, { template: 'chatml' }).slice(1)).toEqual([
    'A<|im_end|>\n<|im_start|>assistant\nB<|im_end|>',
    'No<|im_end|>',
    'no bos, tail 1',
    'no bos, tail 2',
  ]);
  const spelled = { ...row, chosen: assistant('A<|im_end|> and B') };
  expect(pair(spelled, { template: 'chatml' })[3]).toBe('no bos, stopInside, tail 1');
  const extras = { tools: [{ a: 1 }], templateVariables: { b: 2 } };
  expect(pair({ ...row, ...extras }, { template: 'chatml' })[0]).toBe(
    '<|im_start|>system\nvariables {"b":2}<|im_end|>\n<|im_start|>system\ntools [{"a":1}]<|im_end|>\n' +
      '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n',
  );
});

test('truncation: the end of an answer goes first, a prompt without room drops the row, maxPromptLength keeps the end', () => {
  const row = { prompt: 'abcd', chosen: 'yes', rejected: 'n' };
  expect(pair(row, { maxLength: 7 })).toEqual([
    '<s>abcd',
    'ye',
    'n</s>',
    'bos, stopAppended, answerCut',
    'bos, stopAppended',
  ]);
  expect(pair(row, { maxLength: 5 })).toBe('prompt-too-long');
  expect(pair(row, { maxLength: 7, maxPromptLength: 3 })).toEqual([
    '<s>cd',
    'yes</s>',
    'n</s>',
    'bos, stopAppended, promptCut',
    'bos, stopAppended, promptCut',
  ]);
  expect(pair({ ...row, rejected: 'yet' }, { maxLength: 7 })).toBe('identical-after-cut');
  expect(pair({ ...row, chosen: '</s>', rejected: 'yet' }, {})).toEqual([
    '<s>abcd',
    '</s>',
    'yet</s>',
    'bos',
    'bos, stopAppended',
  ]);
});

test('a conversation without a chat template is refused', () => {
  expect(() => pair({ prompt: user('a'), chosen: assistant('b'), rejected: assistant('c') })).toThrow(
    "data: conversations need a tokenizer with a chat template, got one without; use a chat model's tokenizer, or rows of plain text",
  );
});

test('wrong limits are reported together by the loader', async () => {
  const { validateTruncation } = await import('./truncate.ts');
  expect(() => validateTruncation({ maxLength: 1, maxPromptLength: 9 })).toThrow(
    'data: maxLength must be an integer of at least 2, got 1\n' +
      'data: maxPromptLength must be below maxLength (1), got 9; no answer would fit',
  );
});

test('a plain text becomes blocks in which every token but the first is predicted once', () => {
  const tokenizer = createTestingTokenizer();
  const rows = createRowTokenizer(tokenizer, { maxLength: 4 });
  const result = rows.completion({ id: 't', origin, prompt: '', completion: 'abcdef' });
  expect(result.kind === 'kept' && result.rows).toEqual([
    { id: 't', prompt: new Int32Array(0), completion: Int32Array.of(256, 97, 98, 99) },
    { id: 't/2', prompt: new Int32Array(0), completion: Int32Array.of(99, 100, 101, 102) },
    { id: 't/3', prompt: new Int32Array(0), completion: Int32Array.of(102, 257) },
  ]);
  const completion = rows.completion({ id: 'c', origin, prompt: 'ab', completion: 'cdef' });
  expect(completion.kind === 'kept' && completion.rows).toEqual([
    { id: 'c', prompt: Int32Array.of(256, 97, 98), completion: Int32Array.of(99) },
  ]);
});

const words = fc.array(fc.constantFrom('a', 'b', ' ', 'é', '😀', 'ab', 'b ', '</s>', '<s>'), { maxLength: 8 });
const texts = words.map((list) => list.join(''));

test('prompt + answer is the tokenisation of the whole text, and prompts end at or before the boundary', () => {
  const merges = fc.uniqueArray(fc.constantFrom('ab', 'ba', 'b a', ' a', 'aé', 'é😀', 'abb'), { maxLength: 4 });
  fc.assert(
    fc.property(texts, texts, merges, (prompt, answer, mergeList) => {
      const tokenizer = createTestingTokenizer({ merges: mergeList });
      const result = createRowTokenizer(tokenizer, {}).completion({
        id: 'x',
        origin,
        prompt: `p${prompt}`,
        completion: `${answer}c`,
      });
      if (result.kind === 'dropped') throw new Error(result.reason);
      const { prompt: promptIds, completion } = result.rows[0]!;
      const whole = tokenizer.encode(`p${prompt}${answer}c`);
      expect([...promptIds, ...completion]).toEqual([...whole, 257]);
      expect(`<s>p${prompt}`.startsWith(tokenizer.decode([...promptIds]))).toBe(true);
      const next = tokenizer.decode([...promptIds, completion[0]!]);
      expect(next.endsWith('\ufffd') || next.length > `<s>p${prompt}`.length).toBe(true);
    }),
  );
});
