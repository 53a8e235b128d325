import { expect, test } from 'vitest';
import { memorySource } from '../sources/source.ts';
import { renderConversionReport } from './convert-text.ts';
import { convertRows, type ConvertOptions } from './convert.ts';

const lines = (...records: readonly unknown[]) => records.map((record) => JSON.stringify(record)).join('\n');

async function convert(content: string, options: ConvertOptions) {
  const conversion = convertRows([memorySource('d.jsonl', content)], options);
  const records: unknown[] = [];
  for await (const record of conversion.records()) records.push(record);
  return { records, report: conversion.report() };
}

const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });
const call = (given: unknown) => [{ type: 'function', function: { name: 'f', arguments: given } }];

test('from texts to OpenAI: turns are made, what has no place is counted', async () => {
  const { records, report } = await convert(
    lines(
      { id: 'a', prompt: 'Why?', chosen: 'Rain.', rejected: 'No.', score_chosen: 4, note: 'x' },
      { prompt: 'Who?', chosen: 'Me.', rejected: 'You.', score_chosen: 3 },
    ),
    { to: 'openai-dpo' },
  );
  expect(records).toEqual([
    {
      input: { messages: [user('Why?')] },
      preferred_output: [assistant('Rain.')],
      non_preferred_output: [assistant('No.')],
    },
    {
      input: { messages: [user('Who?')] },
      preferred_output: [assistant('Me.')],
      non_preferred_output: [assistant('You.')],
    },
  ]);
  expect(report).toMatchObject({
    rows: 2,
    records: 2,
    skipped: 0,
    changes: { 'texts became turns of user and assistant': 2 },
    lost: { id: 1, 'meta.chosenScore': 2, 'meta.fields.note': 1 },
  });
  expect(renderConversionReport(report)).toBe(
    `d.jsonl: format: trl-preference (prompt, chosen, rejected: texts), from the
first 2 rows

rows read                                 2
rows skipped                              0
openai-dpo written                        2
texts became turns of user and assistant  2

Lost, because openai-dpo has no place for it (rows):
  meta.chosenScore  2
  id                1
  meta.fields.note  1
`,
  );
});

test('tool arguments become JSON text for OpenAI and objects again', async () => {
  const record = {
    prompt: [user('Weather?')],
    chosen: [{ role: 'assistant', content: '', tool_calls: call({ city: 'Oslo' }) }],
    rejected: [assistant('Sun.')],
    tools: [{ type: 'function', function: { name: 'f' } }],
  };
  const there = await convert(lines(record), { to: 'openai-dpo' });
  expect(there.records).toEqual([
    {
      input: { messages: record.prompt, tools: record.tools },
      preferred_output: [{ role: 'assistant', content: '', tool_calls: call('{"city":"Oslo"}') }],
      non_preferred_output: record.rejected,
    },
  ]);
  const back = await convert(lines(...there.records), { to: 'trl-preference-conversational' });
  expect(back.records).toEqual([record]);
  expect(back.report.lost).toEqual({});
});

test('kinds: a pair as answers and as a battle, a decided battle as a pair, its chosen answer', async () => {
  const pair = {
    id: 'p',
    prompt: [user('Q')],
    chosen: [assistant('A')],
    rejected: [assistant('B')],
    annotator: 'ines',
    chosen_model: 'm',
  };
  expect((await convert(lines(pair), { to: 'trl-unpaired' })).records).toEqual([
    { id: 'p/chosen', prompt: 'Q', completion: 'A', label: true, annotator: 'ines', model: 'm' },
    { id: 'p/rejected', prompt: 'Q', completion: 'B', label: false, annotator: 'ines' },
  ]);
  const battle = await convert(lines(pair), { to: 'arena' });
  expect(battle.records).toEqual([
    {
      question_id: 'p',
      model_a: 'm',
      winner: 'model_a',
      judge: 'ines',
      conversation_a: [user('Q'), assistant('A')],
      conversation_b: [user('Q'), assistant('B')],
    },
  ]);
  expect(battle.report).toMatchObject({ lost: {}, changes: { 'pairs became two ranked answers': 1 } });
  expect((await convert(lines(...battle.records), { to: 'trl-preference-conversational' })).records).toEqual([pair]);
  await expect(convert(lines(pair), { to: 'alpaca' })).rejects.toThrow(
    'd.jsonl:1: alpaca has completions; keep the chosen ones only with --chosen-of-pairs',
  );
  expect((await convert(lines(pair), { to: 'alpaca', chosenOfPairs: true })).records).toEqual([
    { id: 'p', instruction: 'Q', input: '', output: 'A', annotator: 'ines', model: 'm' },
  ]);
});

test('rows that a format cannot hold: all named in strict mode, skipped and counted in lenient mode', async () => {
  const turns = (answer: string) => ({ chosen: [assistant(answer)], rejected: [assistant('B')] });
  const content = lines(
    { prompt: [user('Q')], ...turns('A') },
    { prompt: [{ role: 'system', content: 's' }, user('Q')], ...turns('A') },
    { prompt: [user('Q')], ...turns('A\n\nHuman: more') },
    { prompt: [user('Q')], ...turns('B') },
  );
  const messages = [
    'd.jsonl:2: hh-rlhf has user and assistant turns of text only',
    'd.jsonl:3: hh-rlhf would not give this conversation back as it is; its text looks like markup of the format, or has no place in it',
    'd.jsonl:4: chosen and rejected must differ, got "B" on both sides; drop the row, it teaches nothing',
  ];
  await expect(convert(content, { to: 'hh-rlhf' })).rejects.toMatchObject({
    code: 'bad-input',
    message: messages.join('\n'),
  });
  const { records, report } = await convert(content, { to: 'hh-rlhf', mode: 'lenient' });
  expect(records).toEqual([{ chosen: '\n\nHuman: Q\n\nAssistant: A', rejected: '\n\nHuman: Q\n\nAssistant: B' }]);
  expect([report.rows, report.skipped, report.problems.counts]).toEqual([
    4,
    3,
    { 'cannot-hold': 2, 'identical-sides': 1 },
  ]);
  const tie = {
    conversation_a: [user('Q'), assistant('A')],
    conversation_b: [user('Q'), assistant('B')],
    winner: 'tie',
  };
  await expect(convert(lines(tie), { to: 'hh-rlhf', mode: 'lenient' })).rejects.toThrow(
    'd.jsonl: data must leave at least one row to write, got none of 1',
  );
  await expect(convert(lines(tie), { to: 'hh-rlhf' })).rejects.toThrow(
    'hh-rlhf has no place for this row: a pair needs two answers of which one is better, got the votes tie; build pairs by a rule (preftune data build), or skip the row (--lenient)',
  );
});

test('several answers are no pair, and a result that detection would take for another format is said', async () => {
  const ranked = {
    instruction: 'Q',
    completions: ['A', 'B', 'C'].map((response, index) => ({ response, 'fine-grained_score': index })),
  };
  await expect(convert(lines(ranked), { to: 'trl-preference' })).rejects.toThrow(
    'got 3 answers; build pairs by a rule',
  );
  const pair = { prompt: 'Q', chosen: 'A', rejected: 'B' };
  const { report } = await convert(lines(pair), { to: 'rewardbench' });
  expect(report.detectedAs).toBe('trl-preference');
  expect(renderConversionReport(report)).toContain(
    'Detection takes the result for trl-preference: read it with --format\nrewardbench.\n',
  );
});

test('wrong names and stopping', async () => {
  await expect(convert('{}', { to: 'x' })).rejects.toThrow('data format: must be one of hh-rlhf, trl-preference,');
  const pair = lines({ prompt: 'Q', chosen: 'A', rejected: 'B' });
  await expect(convert(pair, { to: 'shp', signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });
});
