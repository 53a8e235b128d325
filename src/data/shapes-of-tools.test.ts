import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROW_KINDS, type DataRow } from './row.ts';
import { formatLine, readRows } from './rows.ts';
import { memorySource } from './sources/source.ts';
import { assistant, SHAPES, user } from './testing/shapes-of-tools.ts';

/** What the tools of this field write, and what becomes of it; docs/data.md has this table, line by line. */
interface Found {
  format: string;
  line: string;
  kind: DataRow['kind'] | undefined;
  rows: Record<string, unknown>[];
  problems: string[];
}

const called = (name: string) => ({ role: 'tool_call', content: JSON.stringify({ name, arguments: {} }) });

async function read(...records: readonly object[]): Promise<Found> {
  const found: Found = { format: '', line: '', kind: undefined, rows: [], problems: [] };
  const text = records.map((record) => JSON.stringify(record)).join('\n');
  try {
    for await (const event of readRows(memorySource('d.jsonl', text))) {
      if (event.kind === 'format')
        Object.assign(found, { format: event.format.name, line: formatLine(event.format), kind: event.format.kind });
      else if (event.kind === 'problems') found.problems.push(...event.problems.map(({ message }) => message));
      else found.rows.push(JSON.parse(JSON.stringify(event.row)) as Record<string, unknown>);
    }
  } catch (error) {
    found.problems.push((error as Error).message);
  }
  return found;
}

test.each(SHAPES)('$tool: $fields', async ({ record, format, refused, row }) => {
  const found = await read(record);
  if (refused !== undefined) {
    expect(found.problems.join('\n')).toContain(refused);
    expect(found.rows).toEqual([]);
    return;
  }
  expect(found.problems).toEqual([]);
  expect(found.format).toBe(format);
  const { id: _id, origin: _origin, isWhole: _isWhole, ...rest } = found.rows[0]!;
  expect(rest).toEqual(row);
});

test('docs/data.md has the table of these shapes', async () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/data.md'), 'utf8');
  const lines = await Promise.all(
    SHAPES.map(async ({ tool, fields, record, format, refused }) => {
      const becomes =
        refused === undefined
          ? `${ROW_KINDS[(await read(record)).kind!].many}, \`${format}\``
          : 'refused, with what to do';
      return `| ${tool} | ${fields} | ${becomes} |`;
    }),
  );
  const squeezed = page.replaceAll(/ +/g, ' ');
  expect(lines.filter((line) => !squeezed.includes(line))).toEqual([]);
  const inPage = squeezed
    .slice(squeezed.indexOf('## What you have'))
    .split('\n## ')[0]!
    .split('\n')
    .filter((line) => line.startsWith('| '));
  expect(inPage.length).toBe(SHAPES.length + 2);
});

describe('fields under other names', () => {
  test('are told once, and problems speak of the names in the file', async () => {
    const rows = [
      { question: 'Q', chosen_response: 'a', rejected_response: 'b' },
      { question: 'Q', chosen_response: 'a', rejected_response: 7 },
      { question: 'Q', chosen_response: 'same', rejected_response: 'same' },
    ];
    const { line, problems } = await read(...rows);
    expect(line).toBe(
      'format: question-preference (question, query or input (prompt beside a system text), chosen, rejected: texts), from the first 3 rows; reads chosen_response as chosen, rejected_response as rejected',
    );
    expect(problems[0]).toBe('rejected_response must be a text, got 7');
    expect(problems[1]).toBe(
      'chosen_response and rejected_response must differ, got "same" on both sides; drop the row, it teaches nothing',
    );
  });

  test.each([
    ['both names', { prompt: 'Q', chosen: 'a', rejected: 'b', chosen_response: 'c', rejected_response: 'd' }],
    ['a field of its own beside capitals', { prompt: 'Q', chosen: 'a', rejected: 'b', Prompt: 'R' }],
  ])('%s: nothing is renamed', async (_name, record) => {
    const { rows } = await read(record);
    expect(rows[0]).toMatchObject({ prompt: 'Q', chosen: 'a', rejected: 'b' });
    expect(Object.keys((rows[0]!['meta'] as { fields: object }).fields)).toEqual(Object.keys(record).slice(3));
  });

  test('parallel calls of ms-swift are one turn, and what is no JSON is refused by its role', async () => {
    const result = { role: 'tool_response', content: '1' };
    const { rows } = await read({ messages: [user('q'), called('f'), called('g'), result, result, assistant('a')] });
    const prompt = rows[0]!['prompt'] as { role: string; tool_calls?: { function: { name: string } }[] }[];
    expect(prompt.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'tool']);
    expect(prompt[1]!.tool_calls!.map((each) => each.function.name)).toEqual(['f', 'g']);
    const broken = await read({ messages: [user('q'), { role: 'tool_call', content: 'f(1)' }, assistant('a')] });
    expect(broken.problems).toEqual([
      'messages.1.role must be one of system, developer, user, assistant, tool, got "tool_call"',
    ]);
  });
});

test('a field that is nearly called so is named', async () => {
  const { problems } = await read({ prompt: 'Q', choosen: 'a', rejected: 'b', note: 'c' });
  expect(problems).toEqual(['chosen must be a text or a list of messages, got nothing; is it the field choosen?']);
  expect((await read({ prompt: 'Q', rejected: 'b', note: 'c' })).problems).toEqual([
    'chosen must be a text or a list of messages, got nothing',
  ]);
});

describe('answers with a worth each', () => {
  test.each([
    [
      { prompt: 'Q', responses: ['a', 'b'], scores: [1] },
      'scores must be a list of 2, one value for each answer, got a list of 1',
    ],
    [{ prompt: 'Q', responses: ['a', 7], scores: [1, 2] }, 'responses.1 must be a text, or an object with one, got 7'],
    [
      { prompt: 'Q', response_0: 'a', response_1: 'b', better_response_id: 2 },
      'better_response_id must be 0 or 1, got 2',
    ],
    [
      { prompt: 'Q', response_a: 'a', response_b: 'b', preference: 0 },
      'preference must be one of response_a, response_b, tie, both-bad, got 0',
    ],
  ])('%o', async (record, problem) => {
    expect((await read(record)).problems).toEqual([problem]);
  });

  test('what an answer holds besides is kept, also a second worth', async () => {
    const responses = [
      { text: 'a', score: 5, rating: 3, model: 7 },
      { text: 'b', score: 1, length: 9 },
    ];
    const { rows } = await read({ prompt: 'Q', responses });
    expect(rows[0]!['answers']).toMatchObject([
      { score: 5, fields: { rating: 3, model: 7 } },
      { score: 1, fields: { length: 9 } },
    ]);
    const beside = await read({ prompt: 'Q', responses, ratings: [2, 4] });
    expect(beside.rows[0]!['answers']).toMatchObject([{ score: 2, fields: { score: 5, rating: 3 } }, { score: 4 }]);
  });

  test('ties, signs and scores', async () => {
    const two = { prompt: 'Q', response1: 'a', response2: 'b' };
    const { rows } = await read(
      { ...two, overall_preference: 0 },
      { ...two, overall_preference: 3 },
      { ...two, preference: 'both-bad' },
    );
    expect(rows.map(({ votes }) => votes)).toEqual([[{ choice: 'tie' }], [{ choice: 1 }], [{ choice: 'both-bad' }]]);
    const scored = await read({ question: { full_text: 'Q' }, answer_0: 'a', answer_1: 'b', score_0: -1, score_1: 1 });
    expect(scored.rows[0]).toMatchObject({ prompt: [user('Q')], answers: [{ score: -1 }, { score: 1 }] });
  });
});

test.each(['constructor', 'toString', 'Chatbot'])('the role %s is none', async (role) => {
  const { problems } = await read({ messages: [{ role, content: 'q' }, assistant('a')] });
  expect(problems).toEqual([`messages.0.role must be one of system, developer, user, assistant, tool, got "${role}"`]);
});

test('calls and results under the tags of other tools, in ShareGPT too', async () => {
  const conversations = [
    { from: 'human', value: 'q' },
    { from: 'tool_call', value: '{"name": "f", "arguments": {}}' },
    { from: 'tool_response', value: '1' },
    { from: 'gpt', value: 'a' },
  ];
  const { rows } = await read({ conversations });
  expect((rows[0]!['prompt'] as { role: string }[]).map(({ role }) => role)).toEqual(['user', 'assistant', 'tool']);
});

test('records of no format: what is nearest to them, in one line', async () => {
  const { problems } = await read({ Frage: 'Q', chosn: 'a', rejected_text: 'b' });
  expect(problems[0]).toMatch(
    /^d\.jsonl: records must have a known format, got an object with Frage, chosn, rejected_text; the nearest are /,
  );
  expect(problems[0]!.length).toBeLessThan(600);
  expect(problems[0]).toMatch(
    /; name the fields with --columns prompt=COLUMN,... or rename them; docs\/data\.md lists all formats$/,
  );
  const capitals = await read({ Instruction: 'Q', Antwort: 'a' });
  expect(capitals.problems[0]).toContain('got an object with Instruction, Antwort: questions without an answer');
  expect((await read({ Prompt: 'Q', Chosen: 'a', Rejected: 7, Text: 'x' })).problems).toEqual([
    'Rejected must be a text or a list of messages, got 7',
  ]);
  expect((await read({ messages: [{ role: 'user' }, assistant('a')] })).problems[0]).toBe(
    'messages.0.content must be a text, or a list of text parts, got nothing',
  );
});
