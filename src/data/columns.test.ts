import { expect, test } from 'vitest';
import { checkData } from './check.ts';
import { columnsProblem, withColumns } from './reading/columns.ts';
import { readNamedRecords } from './reading/named-records.ts';
import { readRows, formatLine, type RowEvent } from './rows.ts';
import { memorySource, type ColumnNames } from './sources/source.ts';
import { hashOfPrompt } from './split.ts';
import { recordsOfPrompts, splitRecords } from './split-records.ts';

const PAIR = { question: 'What is a comet?', good: 'A lump of ice.', bad: 'Ice.' };
const NAMES = { prompt: 'question', chosen: 'good', rejected: 'bad' };

const named = (records: readonly unknown[], columns?: ColumnNames, file = 'd.jsonl') =>
  withColumns([memorySource(file, records.map((record) => JSON.stringify(record)).join('\n'))], columns)[0]!;

async function events(records: readonly unknown[], columns?: ColumnNames): Promise<RowEvent[]> {
  const found: RowEvent[] = [];
  for await (const event of readRows(named(records, columns))) found.push(event);
  return found;
}

test('columns become the fields that formats know; other columns stay as they are', async () => {
  const [format, row] = await events([{ ...PAIR, source: 'forum', id: 'a7' }], NAMES);
  expect(format?.kind === 'format' && formatLine(format.format)).toBe(
    'format: trl-preference (prompt, chosen, rejected: texts), from the first row; reads question as prompt, good as chosen, bad as rejected',
  );
  expect(row).toMatchObject({
    kind: 'pair',
    row: { id: 'a7', prompt: PAIR.question, chosen: PAIR.good, rejected: PAIR.bad },
  });
});

test('a column may change places with another, and lie inside one', async () => {
  const [, swapped] = await events([{ prompt: 'p', chosen: 'worse', rejected: 'better' }], {
    chosen: 'rejected',
    rejected: 'chosen',
  });
  expect(swapped).toMatchObject({ row: { chosen: 'better', rejected: 'worse' } });
  const nested = { data: { question: 'p' }, answers: [{ text: 'a' }, { text: 'b' }, { text: 'c' }] };
  const [, row] = await events([nested], {
    prompt: 'data.question',
    chosen: 'answers.0.text',
    rejected: 'answers.-1.text',
  });
  expect(row).toMatchObject({ row: { prompt: 'p', chosen: 'a', rejected: 'c' } });
  const dotted = { 'data.question': 'p', good: 'a', bad: 'b' };
  const [, plain] = await events([dotted], { prompt: 'data.question', chosen: 'good', rejected: 'bad' });
  expect(plain).toMatchObject({ row: { prompt: 'p' } });
});

test('a CSV table of answers with thumbs', async () => {
  const table = withColumns([memorySource('d.csv', 'Frage,Antwort,Daumen\nwhy?,so,true\n')], {
    prompt: 'Frage',
    completion: 'Antwort',
    label: 'Daumen',
  });
  const report = await checkData(table);
  expect([report.formats[0]?.name, report.validRows, report.problemTotal]).toEqual(['trl-unpaired', 1, 0]);
});

test('a missing column names those that there are, all of them at once', async () => {
  await expect(events([PAIR], { prompt: 'frage', chosen: 'goood', rejected: 'bad' })).rejects.toThrow(
    'd.jsonl: the column frage (for prompt) must be there, got question, good, bad\n' +
      'd.jsonl: the column goood (for chosen) must be there, got question, good, bad; did you mean good?',
  );
});

test('two columns for one field are refused in the first records, and a problem of their row later', async () => {
  const text =
    'the column good becomes chosen, and a column chosen is there too; name that one as well, such as old_chosen=chosen';
  await expect(events([{ ...PAIR, chosen: 'other' }], NAMES)).rejects.toThrow(`d.jsonl: ${text}`);
  const [, row] = await events([{ ...PAIR, chosen: 'other' }], { ...NAMES, old_chosen: 'chosen' });
  expect(row).toMatchObject({ row: { chosen: PAIR.good } });
  const later = [...Array.from({ length: 120 }, () => PAIR), { ...PAIR, chosen: 'other' }];
  const last = (await events(later, NAMES)).at(-1);
  expect(last).toMatchObject({ kind: 'problems', problems: [{ line: 121, message: text }] });
});

test('problems of rows speak of the columns as the file names them', async () => {
  const last = (await events([PAIR, { ...PAIR, good: 7 }, { question: 'p', bad: 'b' }], NAMES)).slice(2);
  expect(
    last.flatMap((event) => (event.kind === 'problems' ? event.problems.map(({ message }) => message) : [])),
  ).toEqual([
    'good must be a text or a list of messages, got 7',
    'good must be a text or a list of messages, got nothing',
  ]);
});

test('of several files one may have the fields already', async () => {
  const report = await checkData([
    named([PAIR], NAMES, 'a.jsonl'),
    named([{ prompt: 'p', chosen: 'c', rejected: 'r' }], NAMES, 'b.jsonl'),
  ]);
  expect(report.validRows).toBe(2);
});

test('what is copied from a file keeps its own names', async () => {
  const lines: string[] = [];
  await splitRecords([named([PAIR], NAMES)], { fraction: 0.5, seed: 1 }, (_side, line) => lines.push(line));
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([PAIR]);
});

test('plain records under other names', async () => {
  const found: unknown[] = [];
  for await (const event of readNamedRecords(
    named([{ q: 'p', stars: 3 }, { q: 'x' }], { prompt: 'q', rating: 'stars' }),
  ))
    found.push(event.kind === 'record' ? event.value : event.problem);
  expect(found).toEqual([{ prompt: 'p', rating: 3 }, { prompt: 'x' }]);
});

test.each([
  [{ promt: 'q' }, 'must begin with a field that formats know, got promt; did you mean prompt?'],
  [{}, 'must name a column, such as prompt=question'],
  [{ prompt: 'q', old_prompt: 'prompt', source: 'from' }, undefined],
])('columns %j', (columns, problem) => {
  expect(columnsProblem(columns)).toBe(problem);
});

test.each([
  [{ query: 'p', answer_better: 'a', answer_worse: 'b' }, 'prompt=query,chosen=answer_better,rejected=answer_worse'],
  [{ prompt: 'p', 'Winning answer': 'a', 'Losing answer': 'b' }, '"chosen=Winning answer,rejected=Losing answer"'],
  [
    { lang: 'en', ticket: 'The cup is broken.', reply_good: 'a', reply_bad: 'b' },
    'prompt=ticket,chosen=reply_good,rejected=reply_bad',
  ],
  [{ userInput: 'p', y_w: 'a', y_l: 'b' }, 'prompt=userInput,chosen=y_w,rejected=y_l'],
])('an unknown pair is told what its columns seem to be: %j', async (record, columns) => {
  await expect(events([record])).rejects.toThrow(`if these are pairs, add --columns ${columns}; docs/data.md`);
});

test("records of some prompts are written under the fields' names, which are read with the columns and without", async () => {
  const row = { id: 7, ...PAIR, extra: 1.5 };
  const source = named([row], NAMES);
  const lines: string[] = [];
  const prompts = new Set([hashOfPrompt(PAIR.question)]);
  for await (const line of recordsOfPrompts([source], { prompts, conversational: true })) lines.push(line);
  const { question: prompt, good: chosen, bad: rejected } = PAIR;
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([{ id: 7, extra: 1.5, prompt, chosen, rejected }]);
  for (const columns of [undefined, NAMES])
    expect((await events([JSON.parse(lines[0]!)], columns))[1]).toMatchObject({ row: { prompt, chosen, rejected } });
});
