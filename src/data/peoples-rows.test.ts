import { describe, expect, test } from 'vitest';
import { readRows, type ReadRowsOptions } from './rows.ts';
import { memorySource } from './sources/source.ts';

/** Rows as people publish them: what belongs to the conversation is used or refused by name, never put aside. */
async function read(records: readonly unknown[] | string, name = 'd.jsonl', options: ReadRowsOptions = {}) {
  const text = typeof records === 'string' ? records : records.map((record) => JSON.stringify(record)).join('\n');
  const found = { format: '', rows: [] as Record<string, unknown>[], problems: [] as string[], nulls: 0 };
  const onRemovedNulls = (count: number): void => void (found.nulls += count);
  for await (const event of readRows(memorySource(name, text), { ...options, onRemovedNulls })) {
    if (event.kind === 'format') found.format = event.format.name;
    else if (event.kind === 'problems')
      found.problems.push(...event.problems.map(({ line, message }) => `${line}: ${message}`));
    else found.rows.push(JSON.parse(JSON.stringify(event.row)) as Record<string, unknown>);
  }
  return found;
}

const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });
const toolOf = (name: string, properties: object) => ({
  type: 'function',
  function: { name, parameters: { type: 'object', properties } },
});
const call = (given: object) => [
  { role: 'assistant', content: '', tool_calls: [{ function: { name: 'pay', arguments: given } }] },
];
const labelled = (label: unknown) => ({
  prompt: [user('Q')],
  completion: [assistant('A')],
  ...(label !== undefined && { label }),
});
const turns = { prompt: [user('Who are you?')], chosen: [assistant('A pirate.')], rejected: [assistant('A program.')] };
const texts = { prompt: 'Who are you?', chosen: 'A pirate.', rejected: 'A program.' };
const SYSTEM = { role: 'system', content: 'You are a pirate.' };

describe('a system text, a question and earlier exchanges in fields of their own', () => {
  test.each([
    ['system', { ...turns, system: SYSTEM.content }],
    ['system_prompt', { ...turns, system_prompt: SYSTEM.content }],
    ['beside texts', { ...texts, system: SYSTEM.content }],
    [
      'beside a question',
      { question: 'Who are you?', chosen: 'A pirate.', rejected: 'A program.', system: SYSTEM.content },
    ],
    [
      'beside the worse answer',
      {
        messages: [user('Who are you?'), assistant('A pirate.')],
        rejected_response: 'A program.',
        system: SYSTEM.content,
      },
    ],
    [
      'before whole conversations',
      {
        chosen: [...turns.prompt, ...turns.chosen],
        rejected: [...turns.prompt, ...turns.rejected],
        system: SYSTEM.content,
      },
    ],
  ])('%s: one conversation', async (_name, record) => {
    const { rows, problems } = await read([record]);
    expect(problems).toEqual([]);
    expect([rows[0]!['prompt'], rows[0]!['chosen'], rows[0]!['rejected']]).toEqual([
      [SYSTEM, user('Who are you?')],
      [assistant('A pirate.')],
      [assistant('A program.')],
    ]);
  });

  test.each([
    ['sft, texts', { prompt: 'Who are you?', completion: 'A pirate.', system: SYSTEM.content }],
    ['sft, messages', { messages: [user('Who are you?'), assistant('A pirate.')], system: SYSTEM.content }],
    ['sft, OpenOrca', { system_prompt: SYSTEM.content, question: 'Who are you?', response: 'A pirate.' }],
  ])('%s', async (_name, record) => {
    const { rows, problems } = await read([record]);
    expect(problems).toEqual([]);
    expect([rows[0]!['prompt'], rows[0]!['completion']]).toEqual([
      [SYSTEM, user('Who are you?')],
      [assistant('A pirate.')],
    ]);
  });

  test('history', async () => {
    const { rows } = await read([{ ...texts, history: [['Hello', 'Ahoy!']] }]);
    expect(rows[0]!['prompt']).toEqual([user('Hello'), assistant('Ahoy!'), user('Who are you?')]);
  });

  test('two rows that differ in their system text alone are two prompts; an empty one is none', async () => {
    const other = { ...texts, system: 'You are a program.', chosen: texts.rejected, rejected: texts.chosen };
    const { rows } = await read([{ ...texts, system: SYSTEM.content }, other, { ...texts, system: '' }]);
    expect(rows.map(({ prompt }) => (prompt as readonly { content: string }[]).map(({ content }) => content))).toEqual([
      ['You are a pirate.', 'Who are you?'],
      ['You are a program.', 'Who are you?'],
      ['Who are you?'],
    ]);
  });
});

describe('what is not read and may carry content', () => {
  test.each([
    ['context', { ...texts, context: 'Harbour, 1720.' }, 'got "Harbour, 1720."; put its text into the prompt'],
    ['input', { ...texts, input: 'Harbour, 1720.' }, 'got "Harbour, 1720."; put its text into the prompt'],
    [
      'functions',
      { ...turns, tools: [{ name: 'f' }], functions: [{ name: 'g' }] },
      'got a list of 1; rename it to tools',
    ],
    [
      'images',
      { ...turns, images: [{ bytes: null, path: 'a.jpg' }] },
      'got a list of 1; pictures, videos and sound are not read: leave it out to train on the text alone',
    ],
    [
      'audio',
      { ...texts, audio: 'a.wav' },
      'got "a.wav"; pictures, videos and sound are not read: leave it out to train on the text alone',
    ],
    [
      'rejected',
      { instruction: 'Who are you?', output: 'A pirate.', rejected: 'A program.' },
      'got "A program."; rows with a worse answer are pairs: name the fields prompt, chosen and rejected',
    ],
    [
      'system',
      {
        ...turns,
        prompt: [{ role: 'system', content: 'Be brief.' }, user('Who are you?')],
        system: 'You are a pirate.',
      },
      'got "You are a pirate."; make it the first turn of the prompt, with the role system',
    ],
  ])('%s is refused by name', async (name, record, rest) => {
    expect((await read([record])).problems).toEqual([
      `1: ${name} belongs to the conversation and is not read in this format, ${rest}`,
    ]);
  });

  test('a picture among the parts of a turn is named', async () => {
    const content = [
      { type: 'image', text: null },
      { type: 'text', text: 'What is it?' },
    ];
    expect((await read([{ ...turns, prompt: [{ role: 'user', content }] }])).problems).toEqual([
      '1: prompt.0.content.0 must be a text part, got a part of type "image"; pictures, videos and sound are not read',
    ]);
  });

  test('what is empty, what stands in the row already, and notes are no loss', async () => {
    const records = [
      { ...texts, images: [] },
      { ...texts, images: null, context: '' },
      { ...texts, question: 'Who  are\nyou?', messages: [user('Who are you?'), assistant('A pirate.')] },
      { ...texts, difficulty: 3, topic: 'sea' },
    ];
    const { problems, rows } = await read(records);
    expect(problems).toEqual([]);
    expect(rows[3]!['meta']).toEqual({ fields: { difficulty: 3, topic: 'sea' } });
  });
});

test('better and worse answers as other trainers write them', async () => {
  const messages = [user('7 times 8?'), assistant('56.')];
  const swift = await read([
    { messages, rejected_response: ['54.', '58.'] },
    { messages, rejected_messages: [user('7 times 8?'), assistant('64.')] },
  ]);
  expect(swift.problems).toEqual([]);
  expect(swift.rows.map(({ id, chosen, rejected }) => [id, chosen, rejected])).toEqual([
    ['1', [assistant('56.')], [assistant('54.')]],
    ['1/2', [assistant('56.')], [assistant('58.')]],
    ['2', [assistant('56.')], [assistant('64.')]],
  ]);
  const without = await read([
    { messages, rejected_messages: [user('7 times 8?'), assistant('64.')] },
    { messages, rejected_messages: null },
  ]);
  expect(without.problems).toEqual(['2: rejected_messages must be a text, texts, or a list of messages, got nothing']);
  const alpaca = [
    {
      instruction: 'Translate:',
      input: 'good morning',
      output: ['Buenos dias.', 'Guten Abend.'],
      history: [['Hi', 'Hello']],
    },
    { instruction: 'Which gas?', input: null, output: ['Carbon dioxide.', null] },
  ];
  const { rows, problems } = await read(alpaca);
  expect(rows.map(({ prompt, chosen, rejected }) => [prompt, chosen, rejected])).toEqual([
    [
      [user('Hi'), assistant('Hello'), user('Translate:\ngood morning')],
      [assistant('Buenos dias.')],
      [assistant('Guten Abend.')],
    ],
  ]);
  expect(problems).toEqual(['2: output.1 must be a text, got null']);
});

describe('conversations that were written out as text', () => {
  const written = {
    prompt: JSON.stringify(turns.prompt),
    chosen: JSON.stringify(turns.chosen),
    rejected: JSON.stringify(turns.rejected),
  };

  test('JSON of turns, and of messages with tools, is read', async () => {
    const side = (answer: string) =>
      JSON.stringify({ messages: [user('Q'), assistant(answer)], tools: [{ name: 'f' }] });
    const [lists, objects] = [await read([written, written]), await read([{ chosen: side('a'), rejected: side('b') }])];
    expect([lists.format, lists.rows[0]!['chosen']]).toEqual([
      'trl-preference-conversational',
      [assistant('A pirate.')],
    ]);
    expect([objects.rows[0]!['prompt'], objects.rows[0]!['tools']]).toEqual([[user('Q')], [{ name: 'f' }]]);
  });

  test('answers that are JSON stay answers, one that looks like turns too', async () => {
    const records = [
      { prompt: 'A list.', chosen: '[]', rejected: '{}' },
      { prompt: 'Turns.', chosen: written.chosen, rejected: '[1]' },
    ];
    const { format, rows } = await read(records);
    expect([format, rows.map(({ chosen }) => chosen)]).toEqual(['trl-preference', ['[]', written.chosen]]);
  });

  test('a row that is none among such rows is a problem', async () => {
    const { problems } = await read([
      ...Array.from({ length: 100 }, () => written),
      { ...written, chosen: 'A pirate.' },
    ]);
    expect(problems).toEqual([
      '101: chosen must be JSON text of a conversation as in the first rows, got another text; write the turns as a list',
    ]);
  });

  test("Python's and numpy's spelling is refused", async () => {
    const python = "[{'role': 'user', 'content': \"What's up?\"}]";
    const numpy = "[{'content': 'a', 'role': 'user'}\n {'content': 'b', 'role': 'assistant'}]";
    const { problems } = await read([{ prompt: python, chosen: 'x', rejected: numpy }]);
    expect(problems).toEqual(
      ['prompt', 'rejected'].map(
        (name) =>
          `1: ${name} must be a text or a list of messages, got a list as Python prints it; write it as JSON (json.dumps)`,
      ),
    );
  });

  test('in cells of a table; a first column without a name holds the numbers of rows', async () => {
    const csv =
      ',conversations,chosen,rejected\n0,"[{""from"": ""human"", ""value"": ""Q""}]","{""from"": ""gpt"", ""value"": ""A""}","{""from"": ""gpt"", ""value"": ""B""}"\n';
    const { rows, problems } = await read(csv, 'd.csv');
    expect(problems).toEqual([]);
    expect([rows[0]!['chosen'], rows[0]!['meta']]).toEqual([[assistant('A')], { fields: { 'Unnamed: 0': '0' } }]);
  });

  test('tools: texts in a list, an empty text, JSON of nothing', async () => {
    const tool = { type: 'function', function: { name: 'f' } };
    const records = [JSON.stringify([JSON.stringify(tool)]), '', '[]', [JSON.stringify(tool)]].map((tools) => ({
      ...turns,
      tools,
    }));
    const { rows, problems } = await read(records);
    expect(problems).toEqual([]);
    expect(rows.map(({ tools }) => tools)).toEqual([[tool], undefined, undefined, [tool]]);
    expect((await read([{ ...turns, tools: ['no JSON'] }])).problems).toEqual([
      '1: tools.0 must be a JSON schema, or its JSON text, got "no JSON"',
    ]);
  });

  test('turns of role and content under the field of ShareGPT', async () => {
    const { format, rows } = await read([
      { conversations: turns.prompt, chosen: turns.chosen[0], rejected: turns.rejected[0] },
    ]);
    expect([format, rows[0]!['prompt'], rows[0]!['chosen']]).toEqual([
      'sharegpt-preference',
      turns.prompt,
      turns.chosen,
    ]);
  });
});

test('nulls of a table are left out of tools and calls, those that mean something stay', async () => {
  const clean = [
    toolOf('weather', { city: { type: 'string', default: null, enum: ['x', null] } }),
    toolOf('pay', { amount: { type: 'number' } }),
  ];
  const padded = [
    toolOf('weather', { city: { type: 'string', default: null, enum: ['x', null], minimum: null }, amount: null }),
    toolOf('pay', { city: null, amount: { type: 'number', minimum: null } }),
  ];
  const { rows, nulls } = await read([
    { ...turns, tools: padded, chosen: call({ amount: 3, city: null }) },
    { ...turns, tools: clean, chosen: call({ amount: 3 }) },
  ]);
  expect([rows[0]!['tools'], rows[0]!['chosen']]).toEqual([clean, call({ amount: 3 })]);
  expect([rows[0]!['tools'], rows[0]!['chosen']]).toEqual([rows[1]!['tools'], rows[1]!['chosen']]);
  expect(nulls).toBe(5);
});

describe('a field that decides the format is null or missing in a few rows', () => {
  test.each([
    ['null in the middle', [labelled(true), labelled(null), labelled(false)], 2, 'null'],
    ['null first', [labelled(null), labelled(true), labelled(false), labelled(true)], 1, 'null'],
    ['missing', [labelled(true), labelled(undefined), labelled(false)], 2, 'nothing'],
  ])('label: %s', async (_name, records, line, got) => {
    const { format, rows, problems } = await read(records);
    expect([format, rows.length]).toEqual(['trl-unpaired-conversational', records.length - 1]);
    expect(problems).toEqual([`${line}: label must be true or false, got ${got}`]);
  });

  test('kto_tag of one row of two; a prompt', async () => {
    const tagged = await read([
      { instruction: 'a', output: 'b', kto_tag: true },
      { instruction: 'c', output: 'd', kto_tag: null },
    ]);
    expect([tagged.format, tagged.problems]).toEqual(['alpaca-kto', ['2: kto_tag must be true or false, got null']]);
    const prompts = await read([texts, { ...texts, prompt: null }, texts]);
    expect([prompts.format, prompts.problems]).toEqual([
      'trl-preference',
      ['2: prompt must be a text or a list of messages, got null'],
    ]);
  });
});

describe('assistant turns in the wrong place', () => {
  test('a prompt that opens the answer, two assistant turns in a row', async () => {
    const { problems } = await read([
      { ...turns, prompt: [user('Q'), assistant('{"a": ')] },
      { ...turns, chosen: [assistant('{"a": '), assistant('1}')] },
    ]);
    expect(problems).toEqual([
      '1: prompt must end with a user or tool turn, got assistant; put its text in front of the text of each answer: it is trained then',
      '2: chosen must have something between two assistant turns, turns 1 and 2 follow each other; join their texts',
    ]);
  });

  test('whole conversations that part elsewhere: one message each', async () => {
    const opening = [user('Plan a walk.'), assistant('How long?')];
    const { problems, rows } = await read([
      {
        chosen: [...opening, user('An hour.'), assistant('Round the lake.')],
        rejected: [...opening, user('A day.'), assistant('Up the hill.')],
      },
      { chosen: [user('a'), assistant('b')], rejected: [user('c'), assistant('d')] },
      { chosen: [...opening, user('An hour.'), assistant('Round the lake.')], rejected: opening },
    ]);
    expect(problems).toEqual([
      '1: chosen and rejected must part in an assistant turn, the sides part in a user turn (turn 3); cut them there, or give them the same turns up to the answer',
      '2: chosen and rejected must open with the same turns, the sides share nothing; give the prompt in both',
    ]);
    expect(rows.map(({ prompt }) => prompt)).toEqual([[user('Plan a walk.')]]);
  });
});
