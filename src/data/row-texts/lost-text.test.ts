import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createChatTemplate, type Message, type Tokenizer } from '../../tokenizer/index.ts';
import { loadPairs, type LoadOptions } from '../load.ts';
import { memorySource } from '../sources/source.ts';
import { createTestingTokenizer } from '../testing/testing-tokenizer.ts';
import { createTokenisationLog } from '../tokens/tokenisation-report.ts';
import { createRowTokenizer } from '../tokens/tokenize-row.ts';
import { missingPiece } from './missing-text.ts';

const templates = join(import.meta.dirname, '../../../test/fixtures/jinja/templates');
const drops = createTestingTokenizer({ template: 'drops-reasoning' });
const chatml = createTestingTokenizer({ template: 'chatml' });
const user = (content: string): Message => ({ role: 'user', content });
const turn = (content: string, extras: object = {}): Message => ({ role: 'assistant', content, ...extras }) as Message;
const pair = (chosen: readonly Message[], rejected: readonly Message[]) => ({ prompt: [user('Q?')], chosen, rejected });

function published(name: string): Tokenizer {
  const source = readFileSync(join(templates, `${name}.jinja`), 'utf8');
  return { ...createTestingTokenizer(), chatTemplate: templateOf(source) };
}

function templateOf(source: string) {
  return createChatTemplate({
    source,
    origin: 't',
    specialTokens: { bos_token: '<s>', eos_token: '</s>' },
    templateTime: '1970-01-01',
  });
}

const load = (tokenizer: Tokenizer, records: readonly object[], options: Partial<LoadOptions> = {}) =>
  loadPairs(memorySource('d.jsonl', records.map((record) => JSON.stringify(record)).join('\n')), {
    tokenizer,
    ...options,
  });

/** ChatML with the contents as a Jinja expression gives them. */
const write = (content: string): Tokenizer => ({
  ...chatml,
  chatTemplate: templateOf(
    `{% for m in messages %}<|im_start|>{{ m.role }}\n{{ ${content} }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}`,
  ),
});

/** ChatML with texts that are changed before they become tokens. */
const folding = (fold: (text: string) => string): Tokenizer => ({
  ...chatml,
  encode: (text, options) => chatml.encode(fold(text), options),
});

/** What of one pair is left out, as `by field: text`. */
async function lostOf(tokenizer: Tokenizer, record: object): Promise<string[]> {
  const { lost } = (await load(tokenizer, [record])).tokenisation;
  return Object.entries(lost).flatMap(([by, { places }]) => places.map(({ field, text }) => `${by} ${field}: ${text}`));
}

test('reasoning that the template cuts out is found, with the opening that no answer has', async () => {
  const record = pair([turn('<think>\n91 = 7 * 13.\n</think>\n\nNo.')], [turn('<think>\nOdd.\n</think>\n\nYes.')]);
  const { rows, tokenisation } = await load(drops, [record, pair([turn('Plain.')], [turn('Text.')])]);
  expect(drops.decode([...rows.row(0).chosen])).toBe('\n\nNo.<|im_end|>');
  expect(tokenisation.lost).toEqual({
    template: {
      count: 1,
      rows: ['1'],
      places: [
        { row: '1', field: 'chosen', text: '<think>\n91 = 7 * 13.\n</think>' },
        { row: '1', field: 'rejected', text: '<think>\nOdd.\n</think>' },
      ],
    },
  });
  expect([tokenisation.untrainedOpening.count, tokenisation.untrainedOpening.places[0]]).toEqual([
    2,
    { row: '1', field: 'chosen', text: '<think>' },
  ]);
  // DeepSeek-R1's own template (deepseek-ai/DeepSeek-R1 issue 633).
  expect(await lostOf(published('deepseek-r1'), record)).toEqual([
    'template chosen: <think>\n91 = 7 * 13.\n</think>',
    'template rejected: <think>\nOdd.\n</think>',
  ]);
});

test('reasoning in a field of its own, and tool calls, that a template does not write', async () => {
  const call = { function: { name: 'weather', arguments: { city: 'Rome "Nord"', days: 2 } } };
  const thinking = pair([turn('Yes.', { reasoning_content: 'It is so.' })], [turn('No.')]);
  const calling = pair([turn('I look.', { tool_calls: [call] })], [turn('No.')]);
  expect(await lostOf(chatml, thinking)).toEqual(['template chosen: It is so.']);
  expect(await lostOf(chatml, calling)).toEqual(['template chosen: weather']);
  expect(await lostOf(published('qwen3-thinking'), thinking)).toEqual([]);
  expect(await lostOf(published('qwen3-thinking'), calling)).toEqual([]);
});

test('of an answer of several turns each turn is looked at: Qwen3 keeps the reasoning of the last exchange only', async () => {
  const [a, b] = ['<think>\nFirst thought.\n</think>\n\nA.', '<think>\nSecond thought.\n</think>\n\nB.'];
  const record = pair([turn(a), user('And?'), turn(b)], [turn(b)]);
  expect(await lostOf(published('qwen3-thinking'), record)).toEqual([
    'template chosen: <think>\nFirst thought.\n</think>',
  ]);
});

test('white space that a template trims or adds is no loss, and text that it changes is one', async () => {
  const record = pair([turn('  Yes,\n\n it is. \n')], [turn('No.')]);
  expect(await lostOf(write('m.content | trim'), record)).toEqual([]);
  expect(await lostOf(write("m.content.replace('\\n', ' \\n ')"), record)).toEqual([]);
  expect(await lostOf(write('m.content | lower'), record)).toEqual(['template chosen: Yes,', 'template rejected: No.']);
  expect(await lostOf(write("m.content.replace('it ', 'that ')"), record)).toEqual(['template chosen: it']);
  expect(await lostOf(write('m.content[:8]'), record)).toEqual(['template chosen: it is.']);
  // The closing mark alone is cut at, where the generation prompt writes the opening one (TRL issue 6361).
  const closing = pair([turn('2 and 2.\n</think>\n\n4')], [turn('5')]);
  expect(await lostOf(write("m.content.split('</think>') | last"), closing)).toEqual([
    'template chosen: 2 and 2.\n</think>',
  ]);
});

test('what the tokenizer folds or lacks is found, and composed characters are the same text', async () => {
  const record = pair([turn('GO to the caf\u0065\u0301.')], [turn('na\u00efve \u{1f600}')]);
  expect(
    await lostOf(
      folding((text) => text.normalize('NFC')),
      record,
    ),
  ).toEqual([]);
  expect(
    await lostOf(
      folding((text) => text.toLowerCase()),
      record,
    ),
  ).toEqual(['tokenizer chosen: GO']);
  expect(
    await lostOf(
      folding((text) => text.replaceAll(/\p{Emoji_Presentation}/gu, '?')),
      record,
    ),
  ).toEqual(['tokenizer rejected: \u{1f600}']);
});

test('every dropped row has its cause, and the advice fits it', async () => {
  const same = (text: string) => pair([turn(`<think>${text}</think>No.`)], [turn('<think>Hm.</think>No.')]);
  const emptied = pair([turn('<think>All of it.</think>')], [turn('No.')]);
  await expect(load(drops, [same('91 = 7 * 13.'), same('So.'), emptied])).rejects.toThrow(
    'd.jsonl: data must leave at least one row to train on, got 3 rows, all dropped: ' +
      'the template leaves out the part of the answers in which they differ, such as "<think>91 = 7 * 13.</think>" in row 1 (rows 1, 2); ' +
      'the template leaves out the whole text of an answer, such as "<think>91 = 7 * 13.</think>" in row 1 (row 3); ' +
      "use a template that keeps it (chat_template.jinja in the model's folder), or rows without it",
  );
  const [long, other] = ['word '.repeat(20), 'word '.repeat(19)];
  const records = [
    pair([turn(`${long}good`)], [turn(`${long}bad`)]),
    { ...pair([turn('a')], [turn('b')]), prompt: [user(other)] },
    pair([turn('Yes<|im_end|>')], [turn('Yes')]),
    pair([turn('yes')], [turn('no')]),
  ];
  const { tokenisation } = await load(chatml, records, { maxLength: 60 });
  expect(tokenisation.dropped).toEqual({
    'identical-after-cut': { count: 1, rows: ['1'] },
    'prompt-too-long': { count: 1, rows: ['2'] },
    'identical-after-tokenizer': { count: 1, rows: ['3'] },
  });
  await expect(load(chatml, records.slice(2, 3), { maxLength: 60 })).rejects.toThrow(
    'got 1 rows, all dropped: both answers are equal in tokens: the tokenizer writes what differs alike, or it is only what ends them (row 1); take rows whose answers differ in more',
  );
});

test('where no row is valid the message says why, and nothing of length', async () => {
  const bad = { prompt: 'a', chosen: 'b', rejected: 'b' };
  await expect(load(chatml, [bad, bad], { mode: 'lenient' })).rejects.toThrow(
    'd.jsonl: data must leave at least one row to train on, got no valid row: 2 skipped (identical-sides 2), ' +
      'the first on line 1: chosen and rejected must differ, got "b" on both sides; drop the row, it teaches nothing; ' +
      'preftune data check lists what is wrong with each',
  );
});

test('of a ranking, answers that the template writes like a better one are counted', async () => {
  const rows = createRowTokenizer(drops, {});
  const origin = { file: 'd', line: 1 };
  const tokenized = (...contents: string[]) => {
    const answers = contents.map((content) => ({ content: [turn(content)] }));
    return rows.ranking({ id: 'r', origin, prompt: [user('Q?')], answers });
  };
  const kept = tokenized('<think>1</think>A', 'B', '<think>2</think>A');
  expect(kept.kind === 'kept' && [kept.rows[0]!.answers.length, kept.leftOut]).toEqual([2, 1]);
  expect(tokenized('<think>1</think>A', '<think>2</think>A')).toMatchObject({ reason: 'identical-after-template' });
  expect(tokenized('A', 'A')).toMatchObject({ reason: 'identical-sides' });
  const log = createTokenisationLog(drops, {});
  log.list('r', kept);
  expect(log.report().answersLeftOut).toEqual({ count: 1, rows: ['r'] });
});

test('a missing piece is of whole words, and shown up to 80 characters', () => {
  expect(missingPiece('a b c', 'x a\n b\tc y')).toBeUndefined();
  expect(missingPiece('one two three', 'one three')).toBe('two');
  expect(missingPiece('caf\u0065\u0301', 'caf\u00e9')).toBeUndefined();
  expect(missingPiece(`${'x'.repeat(79)}\u{1f600}y z`, 'z')).toBe(`${'x'.repeat(79)}...`);
});

test('by the rules of TRL the same is found', async () => {
  const record = pair([turn('<think>91 = 7 * 13.</think>No.<s>')], [turn('Yes.')]);
  const options = { trl: { version: 'trl-1', trainer: 'dpo' } } as const;
  const { lost, untrainedOpening, controlTokens } = (await load(drops, [record], options)).tokenisation;
  expect([lost.template?.places, untrainedOpening.places[0], controlTokens.places]).toEqual([
    [{ row: '1', field: 'chosen', text: '<think>91 = 7 * 13.</think>' }],
    { row: '1', field: 'chosen', text: '<think>' },
    [{ row: '1', field: 'chosen', text: '<s>' }],
  ]);
});
