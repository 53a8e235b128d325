import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { createChatTemplate, type Tokenizer } from '../../tokenizer/index.ts';
import { loadUnpaired } from '../load-unpaired.ts';
import { loadRankings } from '../load-rankings.ts';
import { loadCompletions, loadPairs, type LoadOptions } from '../load.ts';
import type { TokenizedPair } from '../row.ts';
import { memorySource } from '../sources/source.ts';
import { createTestingTokenizer } from '../testing/testing-tokenizer.ts';
import { askedAs, textLines } from './text-lines.ts';
import { createTextTurns, type TextMode } from './text-turns.ts';

const fixtures = join(import.meta.dirname, '../../../test/fixtures');
const chatml = createTestingTokenizer({ template: 'chatml' });
const bare = createTestingTokenizer();

function templated(path: string): Tokenizer {
  const source = readFileSync(join(fixtures, `${path}.jinja`), 'utf8');
  const specialTokens = { bos_token: '<s>', eos_token: '</s>' };
  const chatTemplate = createChatTemplate({ source, origin: path, specialTokens, templateTime: '2024-07-03' });
  return { ...bare, chatTemplate };
}

const sourceOf = (rows: readonly object[]) =>
  memorySource('d.jsonl', rows.map((row) => JSON.stringify(row)).join('\n'));

async function pairs(rows: readonly object[], options: Partial<LoadOptions> = {}) {
  const tokenizer = options.tokenizer ?? chatml;
  const { rows: set, tokenisation } = await loadPairs(sourceOf(rows), { ...options, tokenizer });
  const spelled = ({ prompt, chosen, rejected }: TokenizedPair): string =>
    [prompt, chosen, rejected].map((ids) => tokenizer.decode([...ids])).join('\u2016');
  const texts = Array.from({ length: set.count }, (_, row) => spelled(set.row(row)));
  return { texts, lines: textLines(tokenisation), asked: askedAs(tokenisation), tokenisation };
}

const ROW = { prompt: 'Where is my order?', chosen: " I'm sorry.", rejected: ' Wait.' };

test('texts are a turn of the user and one of the assistant where the model has a template; raw on request, and without one', async () => {
  const inTurns =
    "<|im_start|>user\nWhere is my order?<|im_end|>\n<|im_start|>assistant\n\u2016I'm sorry.<|im_end|>\u2016Wait.<|im_end|>";
  const found = await pairs([ROW]);
  expect(found).toMatchObject({ texts: [inTurns], asked: 'chat' });
  expect(found.lines).toEqual([
    "1 of 1 rows are a user's question and an assistant's answer in the chat template (--text-rows raw: as they stand)",
    'white space at the ends of answers is left out in 1: the template sets its own',
  ]);
  expect((await pairs([ROW], { textRows: 'chat' })).texts).toEqual([inTurns]);

  const asTheyStand = "<s>Where is my order?\u2016 I'm sorry.</s>\u2016 Wait.</s>";
  expect(await pairs([ROW], { textRows: 'raw' })).toMatchObject({
    texts: [asTheyStand],
    asked: 'raw',
    lines: ['1 of 1 rows stay as they stand, without the chat template (--text-rows chat: through it)'],
  });
  expect(await pairs([ROW], { tokenizer: bare })).toMatchObject({
    texts: [asTheyStand],
    asked: 'raw',
    lines: ['1 of 1 rows stay as they stand: the model has no chat template'],
  });
  await expect(pairs([ROW], { tokenizer: bare, textRows: 'chat' })).rejects.toThrow(
    'data: --text-rows chat needs a model with a chat template, got one without; leave it out, or name a chat model',
  );
});

test('rows with labels, rankings and completions too; conversations and texts without prompt are none of it', async () => {
  const unpaired = await loadUnpaired(sourceOf([{ prompt: 'Q', completion: ' A', label: true }]), {
    tokenizer: chatml,
  });
  const { prompt, completion } = unpaired.rows.row(0);
  expect(chatml.decode([...prompt, ...completion])).toBe(
    '<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\nA<|im_end|>',
  );
  expect(textLines(unpaired.tokenisation)).toHaveLength(2);

  const { rows } = await loadRankings(sourceOf([{ prompt: 'Q', chosen: ' A', rejected: ' B' }]), {
    tokenizer: chatml,
    ties: 'order',
  });
  expect(rows.row(0).answers.map(({ ids }) => chatml.decode([...ids]))).toEqual(['A<|im_end|>', 'B<|im_end|>']);

  const plain = await loadCompletions(sourceOf([{ text: 'Once upon a time.' }]), { tokenizer: chatml });
  expect(chatml.decode([...plain.rows.row(0).completion])).toBe('<s>Once upon a time.</s>');
  expect([textLines(plain.tokenisation), askedAs(plain.tokenisation)]).toEqual([[], undefined]);

  const turns = [
    {
      messages: [
        { role: 'user', content: 'Q' },
        { role: 'assistant', content: ' A' },
      ],
    },
  ];
  const chat = await loadCompletions(sourceOf(turns), { tokenizer: chatml, textRows: 'raw' });
  expect(chatml.decode([...chat.rows.row(0).completion])).toBe(' A<|im_end|>');
  expect([textLines(chat.tokenisation), askedAs(chat.tokenisation)]).toEqual([[], 'chat']);
});

const turnTexts = (mode: TextMode = 'auto') => createTextTurns(chatml, mode);
const answersOf = (...answers: string[]) => {
  const found = turnTexts()({ prompt: 'Q', answers });
  if (found.use !== 'turns') throw new Error(found.use);
  return [...found.answers.map(([turn]) => turn!.content), found.isTrimmed, found.endWritten];
};

test('what the template sets itself is left out of answers, and nothing else', () => {
  expect(answersOf(' A', 'B')).toEqual(['A', 'B', true, false]);
  expect(answersOf('\n\n \n A\n b \n', 'B')).toEqual(['A\n b', 'B', true, false]);
  // Code begins with its indentation.
  expect(answersOf('\n    return 1\n')).toEqual(['    return 1', true, false]);
  expect(answersOf('A</s>', 'B<|im_end|>\n')).toEqual(['A', 'B', false, true]);
  expect(answersOf('Write </s> behind it')).toEqual(['Write </s> behind it', false, false]);
  // Only white space, and answers that differ in nothing else.
  expect(answersOf(' ', 'B ')).toEqual([' ', 'B ', false, false]);
  expect(answersOf('A', ' A')).toEqual(['A', ' A', false, false]);
  expect(answersOf('A', 'A</s>')).toEqual(['A', 'A</s>', false, false]);
});

test.each([
  ['<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n', 'rendered'],
  ['Q<|im_end|>\n<|im_start|>assistant', 'rendered'],
  ['<s>Q', 'marked'],
  ['<s>[INST] Q [/INST]', 'marked'],
  ['<|start_header_id|>user<|end_header_id|>\n\nQ<|eot_id|>', 'marked'],
  ['<start_of_turn>user\nQ<end_of_turn>\n', 'marked'],
  ['<|user|>\nQ\n<|assistant|>\n', 'marked'],
  ['Below is an instruction.\n\n### Instruction:\nQ\n\n### Response:\n', 'marked'],
  ['USER: Q ASSISTANT:', 'marked'],
  ['\n\nHuman: Q\n\nAssistant:', 'marked'],
  ['', 'no-question'],
  ['  \n', 'no-question'],
  ['Q: What is [1, 2]? <b>Now</b> x < 3 |> y. Response', 'turns'],
  ['My assistant: who is that?', 'turns'],
  ['TITLE: x\nTL;DR:', 'turns'],
])('a prompt with marks of a template, or without a question, stays as it stands: %j', (prompt, use) => {
  expect(turnTexts()({ prompt, answers: [' A', ' B'] }).use).toBe(use);
  expect(turnTexts('chat')({ prompt, answers: [' A', ' B'] }).use).toBe(use);
});

test('what stays as it stands among others is named, and most rows decide how the model is to be asked', async () => {
  const marked = { ...ROW, prompt: 'USER: Q ASSISTANT:' };
  const start = { chosen: 'The sky is blue.', rejected: 'The sky is red.' };
  const { texts, lines, asked } = await pairs([ROW, marked, ROW]);
  expect(texts[1]).toBe("<s>USER: Q ASSISTANT:\u2016 I'm sorry.</s>\u2016 Wait.</s>");
  expect([lines[1], asked]).toEqual([
    '1 of 3 rows (row 2) stay as they stand: they hold marks of a chat template, or what asks for the answer, already',
    'chat',
  ]);
  expect((await pairs([marked, ROW, marked])).asked).toBe('raw');
  expect(await pairs([start])).toMatchObject({
    texts: ['<s>The sky is\u2016 blue.</s>\u2016 red.</s>'],
    lines: ['1 of 1 rows stay as they stand: they have no prompt, or only the start that both answers share'],
    asked: 'raw',
  });
  // What the model's own template wrote becomes the same ids.
  const rendered = '<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n';
  expect(await pairs([{ prompt: rendered, chosen: 'A<|im_end|>', rejected: 'B<|im_end|>' }])).toMatchObject({
    texts: [`<s>${rendered}\u2016A<|im_end|>\u2016B<|im_end|>`],
    asked: 'chat',
  });
});

/** These show a language's constructs, and are no templates of models. */
const NO_MODELS = ['language', 'crlf', 'printing'];
const TEMPLATES = ['tokenizer/templates', 'jinja/templates'].flatMap((folder) =>
  readdirSync(join(fixtures, folder))
    .map((name) => basename(name, '.jinja'))
    .filter((name) => !NO_MODELS.includes(name))
    .map((name) => join(folder, name)),
);

test.each(TEMPLATES)('%s: texts have the ids of the conversations that they stand for', async (path) => {
  const tokenizer = templated(path);
  const texts = [
    { prompt: 'Where is my order?', chosen: ' On its way.\n', rejected: ' Wait.' },
    { prompt: 'Is 2 < 3?', chosen: 'Yes </s>', rejected: '- a\n- b' },
  ];
  const turns = [
    ['Where is my order?', 'On its way.', 'Wait.'],
    ['Is 2 < 3?', 'Yes', '- a\n- b'],
  ].map(([prompt, chosen, rejected]) => ({
    prompt: [{ role: 'user', content: prompt }],
    chosen: [{ role: 'assistant', content: chosen }],
    rejected: [{ role: 'assistant', content: rejected }],
  }));
  const [asTexts, asTurns] = [await pairs(texts, { tokenizer }), await pairs(turns, { tokenizer })];
  expect(asTexts.texts[0]).toBe(asTurns.texts[0]);
  // Without an end of the template's own the one that is spelled stays.
  const endsTurns = asTurns.tokenisation.noStopToken.count === 0;
  if (endsTurns) expect(asTexts.texts).toEqual(asTurns.texts);
  else expect(asTexts.texts[1]!.split('\u2016')[1]).toContain('Yes </s>');
  for (const text of asTexts.texts) expect(text.split('\u2016')[0]!.split('<s>').length).toBeLessThanOrEqual(2);
  expect(asTexts.asked).toBe('chat');
});
