import { describe, expect, test } from 'vitest';
import { readRows } from './rows.ts';
import type { CompletionRow, TokenizedCompletion } from './row.ts';
import { memorySource } from './sources/source.ts';
import { createTestingTokenizer } from './testing/testing-tokenizer.ts';
import { assistant, user } from './testing/shapes-of-tools.ts';
import { createRowTokenizer, type RowTokenizerOptions } from './tokens/tokenize-row.ts';

/** Which turns of a conversation are learned: all of the assistant's, unless a turn says otherwise. */
const tokenizer = createTestingTokenizer({ template: 'chatml' });

async function read(record: object | string): Promise<{ row: CompletionRow | undefined; problems: string[] }> {
  let row: CompletionRow | undefined;
  const problems: string[] = [];
  for await (const event of readRows(
    memorySource('d.jsonl', typeof record === 'string' ? record : JSON.stringify(record)),
  )) {
    if (event.kind === 'problems') problems.push(...event.problems.map(({ message }) => message));
    else if (event.kind === 'completion') row = event.row;
  }
  return { row, problems };
}

/** The texts that are scored, a turn each. */
async function learned(record: object | string, options: RowTokenizerOptions = {}): Promise<string[]> {
  const { row, problems } = await read(record);
  expect(problems).toEqual([]);
  const result = createRowTokenizer(tokenizer, options).completion(row!);
  return result.kind === 'dropped' ? [`dropped: ${result.reason}`] : scoredTexts(result.rows[0]!);
}

function scoredTexts({ completion, completionMask }: TokenizedCompletion): string[] {
  const texts: string[] = [];
  completion.forEach((id, index) => {
    if (completionMask?.[index] === 0) return;
    if (index === 0 || completionMask?.[index - 1] === 0) texts.push('');
    texts[texts.length - 1] += tokenizer.decode([id]);
  });
  return texts;
}

const talk = (first: object = {}, last: object = {}) => [
  user('1?'),
  assistant('one', first),
  user('2?'),
  assistant('two', last),
];
const tagged = (flag: object) => [
  { from: 'human', value: '1?' },
  { from: 'gpt', value: 'one', ...flag },
  { from: 'human', value: '2?' },
  { from: 'gpt', value: 'two' },
];
const ONE = 'one<|im_end|>';
const TWO = 'two<|im_end|>';

describe('a conversation given whole', () => {
  test.each([
    ['every turn of the assistant', { messages: talk() }, [ONE, TWO]],
    ['conversations too', { conversations: tagged({}) }, [ONE, TWO]],
    ['with the prompt beside it', { prompt: '1?', messages: talk() }, [ONE, TWO]],
    ['but for a weight of 0', { messages: talk({ weight: 0 }, { weight: 1 }) }, [TWO]],
    ['a weight of ShareGPT', { conversations: tagged({ weight: 0 }) }, [TWO]],
    ['the last turn may be the one that is not', { messages: talk({ weight: 1 }, { weight: 0 }) }, [ONE]],
    ["axolotl's train", { messages: talk({ train: true }, { train: false }) }, [ONE]],
    ["ms-swift's loss", { messages: talk({ loss: false }) }, [TWO]],
    [
      'floats, as tables have them',
      JSON.stringify({ messages: talk({ weight: 0 }, { weight: 1 }) }).replaceAll(/(?<="weight":)[01]/g, '$&.0'),
      [TWO],
    ],
    ['null says nothing', { messages: talk({ loss: null, train: null }) }, [ONE, TWO]],
    ['a greeting before the first question is read only', { messages: [assistant('Hello'), ...talk()] }, [ONE, TWO]],
    [
      'a call, and what is said of its result',
      {
        messages: [
          user('1?'),
          { role: 'assistant', content: 'let me see', tool_calls: [{ function: { name: 'f', arguments: {} } }] },
          { role: 'tool', content: '7' },
          assistant('seven'),
        ],
      },
      ['let me see<|im_end|>', 'seven<|im_end|>'],
    ],
  ])('%s', async (_name, record, texts) => {
    expect(await learned(record)).toEqual(texts);
  });

  test('the last turn alone, as it is asked for', async () => {
    expect(await learned({ messages: talk() }, { lastTurnOnly: true })).toEqual([TWO]);
    expect(await learned({ messages: talk({}, { weight: 0 }) }, { lastTurnOnly: true })).toEqual([
      'dropped: no-answer-tokens',
    ]);
  });

  test('a completion of its own is all that is learned', async () => {
    expect(await learned({ prompt: talk().slice(0, 3), completion: talk().slice(3) })).toEqual([TWO]);
    expect(await learned({ question: '2?', response: 'two', history: [['1?', 'one']] })).toEqual([TWO]);
  });
});

test.each([
  [{ messages: talk({ weight: 0.5 }) }, ['prompt.1.weight must be 0 or 1, true or false, got 0.5']],
  [
    { messages: talk({}, { train_detail: [{ begin_offset: 0, end_offset: 1, train: false }] }) },
    [
      'completion.0.train_detail is not read: a turn is learned as a whole or not at all; split the turn, or leave the field out',
    ],
  ],
  [
    { messages: [{ ...user('1?'), train: true }, assistant('one')] },
    ["prompt.0.train asks to learn a turn of user: only the assistant's turns are learned; leave it out"],
  ],
  [
    { messages: talk({ weight: 0 }, { weight: 0 }) },
    [
      'completion must have a turn that is learned, got only turns that are not (weight 0, train or loss false); drop the row',
    ],
  ],
  [
    { prompt: [user('1?')], chosen: [assistant('one', { weight: 0 })], rejected: [assistant('two')] },
    [
      'chosen must have a turn that is learned, got only turns that are not (weight 0, train or loss false); drop the row',
    ],
  ],
])('%o is refused', async (record, problems) => {
  expect((await read(record)).problems).toEqual(problems);
});
