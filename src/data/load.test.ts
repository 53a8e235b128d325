import { expect, test } from 'vitest';
import { badInput } from '../core/index.ts';
import type { ChatTemplate } from '../tokenizer/index.ts';
import { loadCompletions, loadPairs, type LoadOptions } from './load.ts';
import { selectRows } from './tokens/row-set.ts';
import { memorySource } from './sources/source.ts';
import { createTestingTokenizer } from './testing/testing-tokenizer.ts';

const tokenizer = createTestingTokenizer();
const lines = (...records: unknown[]) =>
  memorySource('d.jsonl', records.map((record) => JSON.stringify(record)).join('\n'));
const pair = (prompt: string, chosen: string, rejected: string) => ({ prompt, chosen, rejected });
const load = (records: unknown[], options: Partial<LoadOptions> = {}) =>
  loadPairs(lines(...records), { tokenizer, ...options });
const print = async (...records: unknown[]) => (await load(records)).rows.fingerprint;
const turns = (role: string, content: string) => [{ role, content }];

test('pairs come back as they went in, with lengths, and the report counts every row', async () => {
  const { rows, tokenisation, formats, skipped } = await load(
    [pair('ab', 'c', 'd'), { id: 'long', ...pair('abcdefg', 'x', 'y') }, pair('ab', 'cdef', 'x')],
    { maxLength: 6 },
  );
  expect([rows.row(0), rows.row(1)]).toEqual([
    { id: '1', prompt: Int32Array.of(256, 97, 98), chosen: Int32Array.of(99, 257), rejected: Int32Array.of(100, 257) },
    {
      id: '3',
      prompt: Int32Array.of(256, 97, 98),
      chosen: Int32Array.of(99, 100, 101),
      rejected: Int32Array.of(120, 257),
    },
  ]);
  expect([rows.count, [...rows.lengths], [...rows.sequenceCounts], skipped]).toEqual([2, [7, 8], [1, 1], 0]);
  expect(rows.promptHashes[0]).toBe(rows.promptHashes[1]);
  expect(formats).toEqual([{ file: 'd.jsonl', name: 'trl-preference', kind: 'pair', fromRecords: 3 }]);
  const none = { count: 0, rows: [] };
  const { examples, ...counts } = tokenisation;
  expect(counts).toEqual({
    rows: 3,
    kept: 2,
    sequences: 2,
    withBos: 2,
    limits: { maxLength: 6 },
    dropped: { 'prompt-too-long': { count: 1, rows: ['long'] } },
    truncated: { chosen: { count: 1, rows: ['3'] } },
    promptCut: none,
    promptTokensDiffer: none,
    boundaryMoved: none,
    templateDiffers: none,
    noStopToken: none,
    stopInside: none,
    lost: {},
    untrainedOpening: { ...none, places: [] },
    controlTokens: { ...none, places: [] },
    renderedAlready: { ...none, places: [] },
    renderedAsText: none,
    endWritten: none,
    answersLeftOut: none,
    texts: { 'no-template': { count: 2, rows: ['1', '3'] } },
    answersTrimmed: none,
    stopAppended: { count: 2, rows: ['1', '3'] },
    duplicatedBos: none,
    longest: { row: '3', tokens: 6 },
    tokens: {
      prompt: { count: 2, total: 6, mean: 3, p50: 3, p95: 3, max: 3 },
      chosen: { count: 2, total: 5, mean: 2.5, p50: 2, p95: 3, max: 3 },
      rejected: { count: 2, total: 4, mean: 2, p50: 2, p95: 2, max: 2 },
    },
  });
  expect(examples[0]).toEqual({
    row: '1',
    side: 'chosen',
    tokens: [
      { id: 256, text: '<s>', scored: false },
      { id: 97, text: 'a', scored: false },
      { id: 98, text: 'b', scored: false },
      { id: 99, text: 'c', scored: true },
      { id: 257, text: '</s>', scored: true },
    ],
    gaps: [],
    tokenCount: 5,
    scoredCount: 2,
  });
  expect(JSON.parse(JSON.stringify(tokenisation))).toEqual(tokenisation);
});

test('a pair whose prompts differ keeps both, and counts as two sequences', async () => {
  const merging = createTestingTokenizer({ merges: [': y'] });
  const { rows, tokenisation } = await load([pair('Q: ', 'yes', 'no')], { tokenizer: merging });
  expect(merging.decode([...rows.row(0).rejectedPrompt!])).toBe('<s>Q: ');
  expect(merging.decode([...rows.row(0).prompt])).toBe('<s>Q');
  expect([...rows.sequenceCounts]).toEqual([2]);
  expect(tokenisation.promptTokensDiffer).toEqual({ count: 1, rows: ['1'] });
});

test('strict reports every problem at once, lenient skips and counts', async () => {
  const records = [pair('a', 'b', 'c'), pair('a', 'b', 'b'), 7, pair('', 'x', 'y')];
  await expect(load(records)).rejects.toMatchObject({
    code: 'bad-input',
    message:
      'd.jsonl:2: chosen and rejected must differ, got "b" on both sides; drop the row, it teaches nothing\n' +
      'd.jsonl:3: a record must be an object with named fields, got 7\n' +
      'd.jsonl:4: prompt must not be empty, got ""; drop the row, or give the text to sft',
  });
  const { rows, skipped, problems } = await load(records, { mode: 'lenient' });
  expect([rows.count, skipped, problems.total, problems.counts]).toEqual([
    1,
    3,
    3,
    { 'identical-sides': 1, 'not-an-object': 1, 'empty-prompt': 1 },
  ]);
});

test('more problems than are kept are counted in the first line', async () => {
  const records = Array.from({ length: 150 }, () => pair('a', 'b', 'b'));
  await expect(load([pair('a', 'b', 'c'), ...records])).rejects.toThrow(
    /^data: 150 problems in all \(identical-sides 150\), the first:\nd\.jsonl:2: .*\n(.*\n){18}\.\.\. and 81 more problems$/,
  );
});

test('the fingerprint changes with tokens, ids and order, and with nothing else', async () => {
  const one = pair('a', 'b', 'c');
  const two = pair('a', 'c', 'b');
  const base = await print(one, two);
  expect(base).toMatch(/^[0-9a-f]{64}$/);
  expect(await print({ ...one, note: 'x' }, two)).toBe(base);
  const others = [
    await print(two, one),
    await print({ ...one, id: '9' }, two),
    await print(one),
    await print(one, one),
  ];
  expect(new Set([base, ...others]).size).toBe(5);
  // The same tokens divided otherwise.
  expect(await print(pair('ab', 'c', 'd'))).not.toBe(await print(pair('a', 'bc', 'd')));
});

test('ids that repeat are told apart, in one file and across files', async () => {
  const same = { id: 'p', ...pair('a', 'b', 'c') };
  const { rows } = await load([same, same, { ...same, id: 'p@2' }]);
  expect([0, 1, 2].map((index) => rows.row(index).id)).toEqual(['p', 'p@2', 'p@2@3']);
  const files = [memorySource('a', JSON.stringify(same)), memorySource('b', JSON.stringify(same))];
  const both = await loadPairs(files, { tokenizer });
  expect([0, 1].map((index) => both.rows.row(index).id)).toEqual(['a:p', 'b:p']);
});

test('rows of the other kind, missing templates, nothing left, cancelled', async () => {
  await expect(load([{ text: 'abc' }])).rejects.toThrow(
    'd.jsonl:1: rows must be pairs, got completions; use them with sft',
  );
  await expect(loadCompletions(lines(pair('a', 'b', 'c')), { tokenizer })).rejects.toThrow(
    'd.jsonl:1: rows must be completions, got pairs; use them with dpo, or train on the chosen side (--chosen-of-pairs)',
  );
  const chat = {
    prompt: [{ role: 'user', content: 'q' }],
    chosen: turns('assistant', 'a'),
    rejected: turns('assistant', 'b'),
  };
  await expect(load([chat, chat], { mode: 'lenient' })).rejects.toThrow(
    "data: conversations need a tokenizer with a chat template, got one without; use a chat model's tokenizer, or rows of plain text",
  );
  await expect(load([pair('abcdef', 'b', 'c')], { maxLength: 3 })).rejects.toThrow(
    'd.jsonl: data must leave at least one row to train on, got 1 rows, all dropped: the prompt leaves no room for an answer at 3 tokens (row 1); raise maxLength (--max-length), or cut prompts (--max-prompt-length)',
  );
  await expect(load([pair('a', 'b', 'c')], { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'cancelled',
  });
});

test('a template that fails is a problem of its row', async () => {
  const chat = createTestingTokenizer({ template: 'chatml' });
  const chatTemplate: ChatTemplate = {
    source: '',
    render(messages, options) {
      if (messages[0]!.role === 'system') throw badInput('chat template: system turns are not supported');
      return chat.chatTemplate!.render(messages, options);
    },
  };
  const row = { prompt: turns('user', 'q'), chosen: turns('assistant', 'a'), rejected: turns('assistant', 'b') };
  const records = [row, { ...row, prompt: [...turns('system', 's'), ...row.prompt] }];
  await expect(load(records, { tokenizer: { ...chat, chatTemplate } })).rejects.toThrow(
    'd.jsonl:2: chat template: system turns are not supported',
  );
});

test('completions: the chosen side of pairs on request, texts in blocks, maxRows', async () => {
  const { rows } = await loadCompletions(lines(pair('a', 'b', 'c')), { tokenizer, chosenOfPairs: true });
  expect(rows.row(0)).toEqual({ id: '1', prompt: Int32Array.of(256, 97), completion: Int32Array.of(98, 257) });
  const texts = await loadCompletions(lines({ text: 'abcd' }, { text: 'e' }, { text: 'f' }), {
    tokenizer,
    maxLength: 4,
    maxRows: 2,
  });
  expect([0, 1, 2].map((index) => texts.rows.row(index).id)).toEqual(['1', '1/2', '2']);
  expect([texts.rows.count, texts.tokenisation.kept, texts.tokenisation.sequences]).toEqual([3, 2, 3]);
  expect(texts.rows.promptHashes[0]).toBe(texts.rows.promptHashes[1]);
});

test('a selection reads through to its rows', async () => {
  const { rows } = await load([pair('a', 'b', 'c'), pair('ab', 'c', 'd'), pair('abc', 'd', 'e')]);
  const part = selectRows(rows, [2, 0]);
  expect([part.count, part.row(0), part.row(1).id, [...part.lengths]]).toEqual([2, rows.row(2), '1', [8, 6]]);
  expect(part.fingerprint).not.toBe(selectRows(rows, [0, 2]).fingerprint);
  expect(() => part.row(2)).toThrow('internal: row set: index must be in [0, 2), got 2');
  expect(() => selectRows(rows, [3])).toThrow('internal: row set: index must be in [0, 3), got 3');
});

test('a row of another format ends the reading, and what was wrong before it is told with it', async () => {
  const thrown = await load([pair('a', 'b', 'c'), pair('a', '', 'c'), pair('a', 'b', 'b'), { text: 'x' }]).catch(
    (error: unknown) => error,
  );
  const { problems } = thrown as { readonly problems: readonly { readonly line: number; readonly message: string }[] };
  expect(problems.map(({ line, message }) => `${line}: ${message}`)).toEqual([
    '2: chosen must not be empty, got ""; drop the row',
    '3: chosen and rejected must differ, got "b" on both sides; drop the row, it teaches nothing',
    '4: all rows of a file must have one format, got trl-text after rows of trl-preference; split the file, or name the format',
  ]);
});
