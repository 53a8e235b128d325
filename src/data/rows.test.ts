import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fileSource } from './sources/node-source.ts';
import { formatLine, readRows, type ReadRowsOptions } from './rows.ts';
import { memorySource } from './sources/source.ts';

interface Read {
  format: string;
  rows: unknown[];
  problems: string[];
}

async function read(records: readonly unknown[] | string, options: ReadRowsOptions = {}): Promise<Read> {
  const text = typeof records === 'string' ? records : records.map((record) => JSON.stringify(record)).join('\n');
  const result: Read = { format: '', rows: [], problems: [] };
  for await (const event of readRows(memorySource('d.jsonl', text), options)) {
    if (event.kind === 'format') result.format = formatLine(event.format);
    else if (event.kind === 'problems')
      result.problems.push(
        ...event.problems.map(({ line, path, reason, message }) => `${line} ${path} ${reason}: ${message}`),
      );
    else result.rows.push(event.row);
  }
  return result;
}

const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });
const call = (given: unknown) => [{ type: 'function', function: { name: 'weather', arguments: given } }];
const origin = (line: number) => ({ file: 'd.jsonl', line });

test('each shape of TRL gives its row', async () => {
  const expected = { id: '1', origin: origin(1) };
  expect(await read([{ prompt: 'Capital?', chosen: ' Lima.', rejected: ' Cusco.' }])).toEqual({
    format: 'format: trl-preference (prompt, chosen, rejected: texts), from the first row',
    rows: [{ ...expected, prompt: 'Capital?', chosen: ' Lima.', rejected: ' Cusco.' }],
    problems: [],
  });
  expect(await read([{ chosen: 'Capital? Lima.', rejected: 'Capital? Cusco.' }])).toEqual({
    format:
      'format: trl-preference-implicit (chosen, rejected: texts whose shared start is the prompt), from the first row',
    rows: [{ ...expected, prompt: 'Capital?', chosen: ' Lima.', rejected: ' Cusco.', isTextStart: true }],
    problems: [],
  });
  const turns = { prompt: [user('Capital?')], chosen: [assistant('Lima.')], rejected: [assistant('Cusco.')] };
  expect(await read([{ id: 'x', ...turns }])).toEqual({
    format: 'format: trl-preference-conversational (prompt, chosen, rejected: lists of messages), from the first row',
    rows: [{ id: 'x', origin: origin(1), ...turns }],
    problems: [],
  });
  const implicit = {
    chosen: [user('Capital?'), assistant('Lima.')],
    rejected: [user('Capital?'), assistant('Cusco.')],
  };
  expect(await read([implicit])).toEqual({
    format:
      'format: trl-preference-implicit-conversational (chosen, rejected: lists of messages whose shared start is the prompt), from the first row',
    rows: [{ ...expected, ...turns }],
    problems: [],
  });
  expect(await read([{ prompt: 'a', completion: 'b' }])).toEqual({
    format: 'format: trl-prompt-completion (prompt, completion: texts), from the first row',
    rows: [{ ...expected, prompt: 'a', completion: 'b' }],
    problems: [],
  });
  expect(await read([{ prompt: turns.prompt, completion: turns.chosen }])).toEqual({
    format: 'format: trl-prompt-completion-conversational (prompt, completion: lists of messages), from the first row',
    rows: [{ ...expected, prompt: turns.prompt, completion: turns.chosen }],
    problems: [],
  });
  expect(await read([{ messages: implicit.chosen }])).toEqual({
    format: "format: trl-messages (messages: a conversation; the assistant's turns are learned), from the first row",
    rows: [{ ...expected, prompt: turns.prompt, completion: turns.chosen, isWhole: true }],
    problems: [],
  });
  expect(await read([{ text: 'Once.' }])).toEqual({
    format: 'format: trl-text (text: a plain text, all of it trained), from the first row',
    rows: [{ ...expected, prompt: '', completion: 'Once.' }],
    problems: [],
  });
});

test('tools, template variables, tool calls in both wire forms, parts, nulls of Arrow', async () => {
  const { rows, problems } = await read([
    {
      prompt: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Oslo' },
            { type: 'text', text: '?' },
          ],
          name: null,
        },
        { role: 'assistant', content: null, tool_calls: call('{"city": "Oslo"}') },
        { role: 'tool', name: 'weather', content: '4 C' },
      ],
      chosen: [{ ...assistant('Cold.'), thinking: 'hm' }],
      rejected: [assistant('Sunny.')],
      messages: null,
      tools: '[{"type": "function"}]',
      chat_template_kwargs: { enable_thinking: false },
    },
  ]);
  expect(problems).toEqual([]);
  expect(rows).toEqual([
    {
      id: '1',
      origin: origin(1),
      prompt: [
        user('Oslo?'),
        { role: 'assistant', content: '', tool_calls: call({ city: 'Oslo' }) },
        { role: 'tool', name: 'weather', content: '4 C' },
      ],
      chosen: [{ ...assistant('Cold.'), thinking: 'hm' }],
      rejected: [assistant('Sunny.')],
      tools: [{ type: 'function' }],
      templateVariables: { enable_thinking: false },
    },
  ]);
});

test('every problem of a row, with field, expected and found', async () => {
  const { problems } = await read([
    { prompt: 'p', chosen: 'a', rejected: 'b' },
    { prompt: 'p', chosen: 3 },
    { prompt: ' ', chosen: '', rejected: ' ' },
    { prompt: 'p', chosen: 'same', rejected: 'same' },
    { prompt: 'p', chosen: [assistant('a')], rejected: 'b' },
    'text',
  ]);
  expect(problems).toEqual([
    '2 chosen wrong-type: chosen must be a text or a list of messages, got 3',
    '2 rejected missing-field: rejected must be a text or a list of messages, got nothing',
    '3 prompt empty-prompt: prompt must not be empty, got " "; drop the row, or give the text to sft',
    '3 chosen empty-answer: chosen must not be empty, got ""; drop the row',
    '3 rejected empty-answer: rejected must not be empty, got " "; drop the row',
    '4 rejected identical-sides: chosen and rejected must differ, got "same" on both sides; drop the row, it teaches nothing',
    '5 undefined wrong-type: prompt, chosen, rejected must all be texts or all be lists of messages, got prompt text, chosen messages, rejected text; where the answers hold the whole conversation, leave the field prompt out',
    '6 undefined not-an-object: a record must be an object with named fields, got "text"',
  ]);
});

test('conversations: roles, order, empty turns', async () => {
  const good = { prompt: [user('q')], chosen: [assistant('a')], rejected: [assistant('b')] };
  const { problems } = await read([
    good,
    { ...good, chosen: [user('q'), assistant('a')] },
    { ...good, prompt: [user('q'), assistant('x')] },
    { ...good, rejected: [assistant('b'), { role: 'tool', content: 'x' }] },
    { ...good, prompt: [] },
    { ...good, chosen: [assistant(' ')] },
    { ...good, prompt: [{ from: 'human', value: 'q' }] },
    { ...good, prompt: [{ role: 'bot', content: 7 }] },
  ]);
  const roles = 'one of system, developer, user, assistant, tool';
  expect(problems).toEqual([
    '2 chosen.0.role turn-order: chosen must open with an assistant turn, got a turn of user; if chosen repeats the prompt, leave the field prompt out',
    '3 prompt.1.role turn-order: prompt must end with a user or tool turn, got assistant; put its text in front of the text of each answer: it is trained then',
    '4 rejected.1.role turn-order: rejected must end with an assistant turn, got a turn of tool; leave what follows the last answer out',
    '5 prompt empty-prompt: prompt must have a turn, got none',
    '6 chosen empty-answer: chosen must not be empty, got only empty turns; drop the row',
    `7 prompt.0.role missing-field: prompt.0.role must be ${roles}, got nothing; from and value are ShareGPT, convert the file`,
    '7 prompt.0.content missing-field: prompt.0.content must be a text, or a list of text parts, got nothing',
    `8 prompt.0.role unknown-role: prompt.0.role must be ${roles}, got "bot"`,
    '8 prompt.0.content wrong-type: prompt.0.content must be a text, or a list of text parts, got 7',
  ]);
});

test('mixed formats name the first row that differs; a mistyped row stays a problem of its own', async () => {
  const pair = { prompt: 'p', chosen: 'a', rejected: 'b' };
  await expect(read([pair, { ...pair, chosen: 1 }, { text: 'x' }])).rejects.toThrow(
    'd.jsonl:3: all rows of a file must have one format, got trl-text after rows of trl-preference; split the file, or name the format',
  );
  const turns = { prompt: [user('q')], chosen: [assistant('a')], rejected: [assistant('b')] };
  await expect(read([pair, pair, turns])).rejects.toThrow(
    'd.jsonl:3: all rows of a file must have one format, got trl-preference-conversational after rows of trl-preference',
  );
  await expect(read([{ score: 1 }])).rejects.toThrow(
    'd.jsonl: records must have a known format, got an object with score; name the fields with --columns prompt=COLUMN,... or rename them; docs/data.md lists all formats',
  );
  await expect(read([{ message_id: 'm', parent_id: 'p', text_: 'x' }])).rejects.toThrow(
    'single messages of OpenAssistant; they are read from its files of trees (.trees.jsonl)',
  );
  const both = { instruction: 'p', prompt: 'p', chosen: 'a', rejected: 'b' };
  await expect(read([both])).rejects.toThrow(
    'd.jsonl: records must have one format, got what fits both trl-preference (prompt, chosen, rejected: texts) and ' +
      'alpaca-preference (instruction, input, chosen, rejected; or output: a list of the better and the worse answer); name it with --format, or split the file where records differ',
  );
  await expect(read('')).rejects.toThrow('d.jsonl: data must hold at least one record, got an empty file');
  await expect(read([pair], { format: 'trl' })).rejects.toThrow('data format: must be one of hh-rlhf, trl-preference,');
  expect((await read([pair], { format: 'trl-preference' })).format).toBe(
    'format: trl-preference (prompt, chosen, rejected: texts), as named',
  );
});

test('problems in a JSON list name the line and the element', async () => {
  const { problems } = await read('[{"prompt":"p","chosen":"a","rejected":"b"},\n {"prompt":"p","chosen":"a"}]');
  expect(problems).toEqual([
    '2 rejected missing-field: element 2: rejected must be a text or a list of messages, got nothing',
  ]);
});

test('HH-RLHF: the prompt ends at the last shared Assistant:, as turns and as text', async () => {
  const record = {
    chosen: '\n\nHuman: Hi\n\nHuman: You?\n\nAssistant: Yes\n\nHuman: Peru?\n\nAssistant: Lima.',
    rejected: '\n\nHuman: Hi\n\nHuman: You?\n\nAssistant: Yes\n\nHuman: Peru?\n\nAssistant: Lim?',
  };
  const { format, rows } = await read([record]);
  expect(format).toBe(
    'format: hh-rlhf (chosen, rejected: transcripts that open with a blank line and Human:), from the first row',
  );
  expect(rows).toEqual([
    {
      id: '1',
      origin: origin(1),
      prompt: [user('Hi\n\nYou?'), assistant('Yes'), user('Peru?')],
      chosen: [assistant('Lima.')],
      rejected: [assistant('Lim?')],
    },
  ]);
  expect((await read([record], { conversational: false })).rows).toEqual([
    {
      id: '1',
      origin: origin(1),
      prompt: '\n\nHuman: Hi\n\nHuman: You?\n\nAssistant: Yes\n\nHuman: Peru?\n\nAssistant:',
      chosen: ' Lima.',
      rejected: ' Lim?',
    },
  ]);
});

test('HH-RLHF: transcripts that part earlier, bad openings, empty answers', async () => {
  const good = { chosen: '\n\nHuman: a\n\nAssistant: b', rejected: '\n\nHuman: a\n\nAssistant: c' };
  const { problems } = await read([
    good,
    { ...good, chosen: '\n\nHuman: a\n\nAssistant: b\n\nHuman: d\n\nAssistant: e' },
    { ...good, rejected: '\n\nHuman: z\n\nAssistant: c' },
    { ...good, chosen: 'Human: a' },
    { ...good, chosen: '\n\nHuman: a\n\nAssistant:' },
  ]);
  const parted = 'chosen and rejected must share every turn but the last answer, got transcripts of';
  expect(problems).toEqual([
    `2 rejected no-shared-prompt: ${parted} 4 and 2 turns that part earlier; drop the row`,
    `3 rejected no-shared-prompt: ${parted} 2 and 2 turns that part earlier; drop the row`,
    '4 chosen wrong-type: chosen must open with a blank line and "Human:", got "Human: a"',
    '5 chosen empty-answer: chosen must not be empty, got only empty turns; drop the row',
  ]);
});

const shared = join(import.meta.dirname, '../../../shared/data/hh-rlhf');
const missing = existsSync(shared) ? '' : `skipped: no ${shared}`;
if (missing) process.stderr.write(`rows.test.ts: ${missing}\n`);
test.skipIf(missing)(`the published HH-RLHF test files ${missing}`, async () => {
  const counts: Record<string, Record<string, number>> = {};
  for (const name of ['helpful-base', 'helpful-online']) {
    const count: Record<string, number> = { rows: 0 };
    for await (const event of readRows(fileSource(join(shared, `${name}-test.jsonl.gz`)))) {
      if (event.kind === 'problems') for (const { reason } of event.problems) count[reason] = (count[reason] ?? 0) + 1;
      else if (event.kind !== 'format') count['rows']!++;
    }
    counts[name] = count;
  }
  expect(counts).toEqual({
    'helpful-base': { rows: 2339, 'no-shared-prompt': 9, 'identical-sides': 2, 'empty-answer': 4 },
    'helpful-online': { rows: 1130, 'no-shared-prompt': 2, 'identical-sides': 2, 'empty-answer': 3 },
  });
});
