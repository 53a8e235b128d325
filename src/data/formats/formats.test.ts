import { parseExactJson, writeExactJson } from '../../core/index.ts';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FORMATS } from '../format-registry.ts';
import { readRows } from '../rows.ts';
import { memorySource } from '../sources/source.ts';

const folder = join(import.meta.dirname, '../fixtures/formats');
const files = readdirSync(folder);
/** The rows that each file holds, written down once and looked through by hand. */
const recorded = parseExactJson(readFileSync(join(folder, '../format-rows.json'), 'utf8')) as Record<string, unknown>;

/** What nothing in a record tells from OpenAI's rows is read by name. */
const BY_NAME = ['azure-dpo', 'together-dpo'];

async function read(name: string, content: string | Uint8Array, format?: string) {
  const result = { format: '', rows: [] as unknown[], problems: [] as string[] };
  for await (const event of readRows(memorySource(name, content), format === undefined ? {} : { format })) {
    if (event.kind === 'format') result.format = event.format.name;
    else if (event.kind === 'problems')
      result.problems.push(
        ...event.problems.map(({ line, path, reason, message }) => `${line} ${path} ${reason}: ${message}`),
      );
    else result.rows.push({ kind: event.kind, ...event.row, origin: event.row.origin.line });
  }
  return result;
}

const lines = (...records: readonly unknown[]) => records.map((record) => JSON.stringify(record)).join('\n');

const sides = (answer: string) => [
  { role: 'user', content: 'Q' },
  { role: 'assistant', content: answer },
];
const part = (text: string) => ({ role: 'model', parts: [{ text }] });

test('every format has a file of examples', () => {
  const named = files.map((file) => file.replace(/\.jsonl?$/, ''));
  expect(named.toSorted()).toEqual(FORMATS.map(({ name }) => name).toSorted());
});

test.each(files)('%s: detected, and its rows', async (file) => {
  const name = file.replace(/\.jsonl?$/, '');
  const content = readFileSync(join(folder, file));
  const { format, rows, problems } = await read(file, content);
  expect([format, problems]).toEqual([BY_NAME.includes(name) ? 'openai-dpo' : name, []]);
  expect(parseExactJson(writeExactJson(rows))).toEqual(recorded[name]);
  expect((await read(file, content, name)).rows).toEqual(rows);
});

test('UltraFeedback binarized: a prompt that is no turn of both sides is a problem, not asked twice', async () => {
  const { problems, rows } = await read(
    'd',
    lines(
      { prompt: 'Q', chosen: sides('a'), rejected: sides('b') },
      { prompt: 'Other', chosen: sides('a'), rejected: sides('b') },
      { prompt: [{ role: 'user', content: 'Q' }], chosen: sides('a'), rejected: sides('b') },
    ),
  );
  expect(rows.map((row) => (row as { prompt: unknown }).prompt)).toEqual([
    sides('').slice(0, 1),
    sides('').slice(0, 1),
  ]);
  expect(problems).toEqual([
    '2 prompt prompt-differs: prompt must repeat a user turn that chosen and rejected share, got "Other" beside "Q"; leave the field prompt out where it says something else',
  ]);
});

const rated = (rating: string) => ({ helpfulness: { Rating: rating } });

test('UltraFeedback: the overall score counts where no answer of a record has another worth', async () => {
  const records = [
    [{ overall_score: 7.5 }, { overall_score: '3' }],
    [
      { 'fine-grained_score': 2, overall_score: 10 },
      { 'fine-grained_score': 4.5, overall_score: 8 },
    ],
    [
      { annotations: rated('N/A'), overall_score: 6 },
      { annotations: rated('N/A'), overall_score: 1 },
    ],
    [
      { annotations: rated('4'), overall_score: 2 },
      { annotations: rated('N/A'), overall_score: 9 },
    ],
    [{ overall_score: 5 }, {}],
  ].map((answers) => ({
    instruction: 'Q',
    completions: answers.map((answer, place) => ({ response: `A${place}`, ...answer })),
  }));
  const { problems, rows } = await read('d', lines(...records));
  expect(problems).toEqual([]);
  const scores = rows.map((row) => (row as { answers: { score?: unknown }[] }).answers.map(({ score }) => score));
  expect(scores).toEqual([
    [7.5, 3],
    [2, 4.5],
    [6, 1],
    [4, undefined],
    [undefined, undefined],
  ]);
});

test('problems name the field inside the record', async () => {
  const vertex = { contents: [{ role: 'user', parts: [{ text: 'Q' }] }] };
  const cases: readonly (readonly [unknown, readonly string[]])[] = [
    [
      { input: { messages: 3, tools: 'x' }, preferred_output: [{ role: 'assistant' }], non_preferred_output: 1 },
      [
        '1 input.messages wrong-type: input.messages must be a list of messages, got 3',
        '1 input.tools wrong-type: input.tools must be a list of JSON schemas, or its JSON text, got "x"',
        '1 preferred_output.0.content missing-field: preferred_output.0.content must be a text, or a list of text parts, got nothing',
        '1 non_preferred_output wrong-type: non_preferred_output must be a list of messages, got 1',
      ],
    ],
    [
      {
        ...vertex,
        completions: [
          { score: 1, completion: part('a') },
          { score: 1, completion: part('b') },
        ],
      },
      ['1 completions wrong-type: completions must be two answers of different scores, got a list of 2'],
    ],
    [
      { conversations: [{ from: 'alien', value: 7 }], chosen: { from: 'gpt', value: 'a' }, rejected: 3 },
      [
        '1 conversations.0.from wrong-type: conversations.0.from must be one of human, user, gpt, chatgpt, assistant, model, system, tool, observation, tool_response, function_response, function, function_call, tool_call, got "alien"',
        '1 conversations.0.value wrong-type: conversations.0.value must be a text, got 7',
        '1 rejected.from missing-field: rejected.from must be one of human, user, gpt, chatgpt, assistant, model, system, tool, observation, tool_response, function_response, function, function_call, tool_call, got nothing',
        '1 rejected.value missing-field: rejected.value must be a text, got nothing',
      ],
    ],
    [
      { conversation_a: [], conversation_b: [], winner: 'me' },
      ['1 winner wrong-type: winner must be one of model_a, model_b, tie, tie (bothbad), got "me"'],
    ],
    [
      { message_tree_id: 't', prompt: { text: 1, role: 'bot', replies: 2 } },
      [
        '1 prompt.text wrong-type: prompt.text must be a text, got 1',
        '1 prompt.role unknown-role: prompt.role must be prompter or assistant, got "bot"',
        '1 prompt.replies wrong-type: prompt.replies must be a list, got 2',
      ],
    ],
    [
      { prompt: 'p', completion: 'c', label: 'maybe' },
      ['1 label wrong-type: label must be true or false, got "maybe"'],
    ],
    [
      { instruction: 'i', completions: [{ response: 'a' }] },
      ['1 answers too-few-answers: a row must have at least two answers to compare, got 1; drop it'],
    ],
  ];
  for (const [record, problems] of cases) expect((await read('d', lines(record))).problems).toEqual(problems);
});

test('labels and numbers may be text, as in CSV files', async () => {
  const labels = ['true', 'False', '1', '0', 1, 0].map((label) => ({
    prompt: 'p',
    completion: 'c',
    label,
    score: '2.5',
  }));
  const { rows } = await read('d', lines(...labels));
  expect(rows.map((row) => (row as { label: boolean }).label)).toEqual([true, false, true, false, true, false]);
  expect(rows[0]).toEqual({
    kind: 'unpaired',
    id: '1',
    origin: 1,
    prompt: 'p',
    completion: 'c',
    label: true,
    meta: { score: 2.5 },
  });
});

test('README says how many there are', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../README.md'), 'utf8');
  expect(page).toContain(`${FORMATS.length} formats are recognised`);
});

test('the table of formats in docs/data.md has every format', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/data.md'), 'utf8');
  const missing = FORMATS.filter(
    ({ name }) =>
      !page.includes(`\`${name}\``) &&
      !page.includes(`\`${name.replace('trl-preference', '...')}\``) &&
      !page.includes(`\`${name.replace('-conversational', '')}\`, \`...-conversational\``),
  );
  expect(missing.map(({ name }) => name)).toEqual([]);
});
