import { gzipSync } from 'node:zlib';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { JsonNumber, parseExactJson, writeExactJson } from '../../core/index.ts';
import { createChatTemplate } from '../../tokenizer/index.ts';
import { checkData } from '../check.ts';
import { promptKey } from '../hash.ts';
import { loadPairs } from '../load.ts';
import { readRows, type RowEvent } from '../rows.ts';
import { fileSource } from '../sources/node-source.ts';
import { memorySource, type DataSource } from '../sources/source.ts';
import { createTestingTokenizer } from '../testing/testing-tokenizer.ts';
import { createRowTokenizer } from '../tokens/tokenize-row.ts';
import { convertRows } from './convert.ts';

/** A pair of texts with further fields. */
const withFields = (fields: string): string => `{"prompt":"Q","chosen":"a","rejected":"b",${fields}}`;
/** A conversation whose turn has a further field. */
const turns = (order: unknown) => [{ role: 'user', content: 'x', order }] as never;

/** A call whose arguments no double holds, or that JavaScript spells otherwise. */
const ARGUMENTS = '{"order":9007199254740993,"fee":1.0,"deep":[{"x":[1e2,-0.0,0.1000000000000000055]}],"text":"1.0"}';
const TOOLS =
  '[{"type":"function","function":{"name":"cancel","parameters":{"type":"object","properties":{"order":{"type":"integer","minimum":18446744073709551616,"default":1.50}}}}}]';
const EXTRAS = '"margin":1.0,"tweet":1234567890123456789,"price":1.0,"prices":[5500000000.0,null]';

function record(given: string, other = '[{"role":"assistant","content":"Done."}]'): string {
  const call = `{"type":"function","id":"9007199254740993","function":{"name":"cancel","arguments":${given}}}`;
  const chosen = `[{"role":"assistant","content":"","tool_calls":[${call}]}]`;
  return `{"id":9007199254740993,"prompt":[{"role":"user","content":"Cancel it."}],"chosen":${chosen},"rejected":${other},"tools":${TOOLS},"chat_template_kwargs":{"limit":1.0,"seed":9007199254740993},${EXTRAS}}`;
}

const OBJECT = record(ARGUMENTS);
const JSON_TEXT = record(JSON.stringify(ARGUMENTS));

async function rowsOf(source: DataSource): Promise<Exclude<RowEvent, { kind: 'format' | 'problems' }>[]> {
  const rows = [];
  for await (const event of readRows(source)) {
    if (event.kind === 'problems') throw new Error(JSON.stringify(event.problems));
    if (event.kind !== 'format') rows.push(event);
  }
  return rows;
}

async function problemsOf(...lines: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for await (const event of readRows(memorySource('d.jsonl', lines.join('\n'))))
    if (event.kind === 'problems')
      for (const { line, path, reason, message } of event.problems) found.push(`${line} ${path} ${reason}: ${message}`);
  return found;
}

async function converted(source: DataSource, to: string): Promise<{ text: string; lost: object }> {
  const conversion = convertRows([source], { to });
  let text = '';
  for await (const one of conversion.records()) text += `${writeExactJson(one)}\n`;
  return { text, lost: conversion.report().lost };
}

const csvCell = (text: string): string => `"${text.replaceAll('"', '""')}"`;
const table = (line: string): string => {
  const { prompt, chosen, rejected, tools, id } = parseExactJson(line) as Record<string, unknown>;
  const cells = [prompt, chosen, rejected, tools].map((value) => csvCell(writeExactJson(value)));
  return `prompt,chosen,rejected,tools,id,tweet,margin\n${cells.join(',')},${String(id)},1234567890123456789,1.0\n`;
};

/** The record with its conversations and tools as JSON text. */
function asText(line: string): object {
  const { prompt, chosen, rejected, tools, ...rest } = parseExactJson(line) as Record<string, unknown>;
  const texts = Object.entries({ prompt, chosen, rejected, tools }).map(([name, value]) => [
    name,
    writeExactJson(value),
  ]);
  return { ...rest, ...(Object.fromEntries(texts) as object) };
}

/** A pair whose sides call with these arguments. */
const sides = (one: string, two: string): string => record(one, parseSide(record(two)));

function parseSide(line: string): string {
  return writeExactJson((parseExactJson(line) as { chosen: unknown }).chosen);
}

/** A pair whose question has a number. */
const asked = (order: string): string =>
  OBJECT.replace('"content":"Cancel it."', `"content":"Cancel it.","order":${order}`);

describe('from the file to the row', () => {
  const containers: [string, DataSource][] = [
    ['JSON lines', memorySource('d.jsonl', OBJECT)],
    ['arguments as JSON text', memorySource('d.jsonl', JSON_TEXT)],
    ['a JSON list', memorySource('d.json', `[${OBJECT}]`)],
    ['CSV', memorySource('d.csv', table(OBJECT))],
    ['CSV, arguments as JSON text', memorySource('d.csv', table(JSON_TEXT))],
    ['fields as JSON text', memorySource('d.jsonl', writeExactJson(asText(OBJECT)))],
  ];

  test.each(containers)('%s', async (_name, source) => {
    const [event] = await rowsOf(source);
    if (event?.kind !== 'pair') throw new Error('must be a pair');
    const { id, chosen, tools, meta } = event.row;
    const call = (chosen[0] as unknown as { tool_calls: { function: { arguments: unknown } }[] }).tool_calls[0]!;
    expect([writeExactJson(call.function.arguments), writeExactJson(tools), id]).toEqual([
      ARGUMENTS,
      TOOLS,
      '9007199254740993',
    ]);
    expect([meta?.margin, String(meta?.spelled?.['margin']), String(meta?.fields?.['tweet'])]).toEqual([
      1,
      '1.0',
      '1234567890123456789',
    ]);
  });

  test('two ids that differ in the last digit are two ids; ids are not numbers to compute with', async () => {
    const ids = ['9007199254740993', '9007199254740992', '1e400', '1.0', '-0', '"9007199254740993 "'];
    const lines = ids.map((id) => `{"id":${id},"prompt":"Q","chosen":"a","rejected":"b"}`).join('\n');
    expect((await rowsOf(memorySource('d', lines))).map(({ row }) => row.id)).toEqual(
      ids.map((id) => id.replaceAll('"', '')),
    );
    const { rows } = await loadPairs(memorySource('d', lines), { tokenizer: createTestingTokenizer() });
    expect(Array.from({ length: rows.count }, (_, i) => rows.row(i).id)).toEqual(
      ids.map((id) => id.replaceAll('"', '')),
    );
  });
});

describe('from the row to the tokens', () => {
  const template = `{%- for tool in tools %}{{- tool | tojson }}{% endfor %}{{- [limit, seed] }}
{%- for m in messages %}{{- m.role + ': ' + m.content }}{%- for call in m.tool_calls or [] %}{{- call.function | tojson }}{{- call.function.arguments.fee }}{% endfor %}
{% endfor %}{%- if add_generation_prompt %}{{- 'assistant: ' }}{% endif %}`;

  test.each([
    ['an object', OBJECT],
    ['JSON text', JSON_TEXT],
  ])('arguments as %s are printed as Python prints what its json reads', async (_name, line) => {
    const tokenizer = {
      ...createTestingTokenizer(),
      chatTemplate: createChatTemplate({
        source: template,
        origin: 't',
        specialTokens: {},
        templateTime: '1970-01-01',
      }),
    };
    const [event] = await rowsOf(memorySource('d', line));
    if (event?.kind !== 'pair') throw new Error('must be a pair');
    const result = createRowTokenizer(tokenizer, {}).pair(event.row);
    if (result.kind === 'dropped') throw new Error(result.reason);
    const { prompt, chosen } = result.rows[0]!;
    expect(tokenizer.decode([...prompt])).toContain('"minimum": 18446744073709551616, "default": 1.5}');
    expect(tokenizer.decode([...prompt])).toContain('[1.0, 9007199254740993]user: Cancel it.');
    expect(tokenizer.decode([...chosen])).toContain(
      '{"name": "cancel", "arguments": {"order": 9007199254740993, "fee": 1.0, "deep": [{"x": [100.0, -0.0, 0.1]}], "text": "1.0"}}1.0',
    );
  });

  test('more digits than Python reads are refused, with the row', async () => {
    const tokenizer = {
      ...createTestingTokenizer(),
      chatTemplate: createChatTemplate({
        source: template,
        origin: 't',
        specialTokens: {},
        templateTime: '1970-01-01',
      }),
    };
    const report = await checkData(memorySource('d', `${OBJECT}\n${record(`{"n":${'9'.repeat(4301)}}`)}`), {
      tokenizer,
    });
    expect([
      report.validRows,
      report.problems.map(({ line, reason, message }) => `${line} ${reason}: ${message}`),
    ]).toEqual([
      1,
      [
        '2 template-failed: chat template (t): line 1 of the template must stay within its limits, got "whole numbers must have at most 4300 digits, got 4301"; shorten the messages, or write it with less',
      ],
    ]);
  });
});

describe('equality', () => {
  test('sides that differ in the last digit, or in whole and float, are no identical sides; in spelling only, they are', async () => {
    const differ = [
      ['{"n":9007199254740993}', '{"n":9007199254740992}'],
      ['{"n":1}', '{"n":1.0}'],
      ['{"n":[1.0]}', '{"n":["1.0"]}'],
      ['{"n":1e400}', '{"n":null}'],
      ['{"n":0.1}', '{"n":0.1000000000000000055}'],
    ] as const;
    expect(await problemsOf(...differ.map(([one, two]) => sides(one, two)))).toEqual([]);
    const same = [
      ['{"n":0.1}', '{"n":0.10}'],
      ['{"a":1.0,"b":2}', '{"b":2,"a":10e-1}'],
      ['{"n":-0}', '{"n":0}'],
    ] as const;
    expect((await problemsOf(...same.map(([one, two]) => sides(one, two)))).map((text) => text.split(':')[0])).toEqual([
      '1 rejected identical-sides',
      '2 rejected identical-sides',
      '3 rejected identical-sides',
    ]);
  });

  test('rows that differ in the last digit are no duplicates, and their prompts are two', async () => {
    const report = await checkData(
      memorySource('d', [asked('9007199254740993'), asked('9007199254740992'), asked('9007199254740993')].join('\n')),
    );
    expect([report.rows.distinct, report.prompts.distinct]).toEqual([2, 2]);
    expect(promptKey(turns(new JsonNumber('0.10')))).toBe(promptKey(turns(0.1)));
    expect(promptKey(turns(new JsonNumber('1.0')))).not.toBe(promptKey(turns('1.0')));
  });
});

describe('to a file', () => {
  test.each(['trl-preference-conversational', 'trl-preference-implicit-conversational'])(
    '%s: nothing is lost',
    async (to) => {
      const { text, lost } = await converted(memorySource('d', OBJECT), to);
      expect(lost).toEqual({});
      const written = parseExactJson(text) as { chosen: { tool_calls: object[] }[]; [name: string]: unknown };
      expect(writeExactJson(written.chosen.at(-1)!.tool_calls)).toContain(`"arguments":${ARGUMENTS}`);
      expect(writeExactJson([written['tools'], written['chat_template_kwargs'], written['id']])).toBe(
        `[${TOOLS},{"limit":1.0,"seed":9007199254740993},"9007199254740993"]`,
      );
      expect(text).toContain(EXTRAS.replace(/^"margin":1.0,/, ''));
      expect(text).toContain('"margin":1.0');
    },
  );

  test.each(['openai-dpo', 'azure-dpo'])('%s: arguments are JSON text with the digits', async (to) => {
    const { text } = await converted(memorySource('d', OBJECT), to);
    expect(text).toContain(`"arguments":${JSON.stringify(ARGUMENTS)}`);
    expect(text).toContain(`"tools":${TOOLS}`);
  });

  test('sharegpt-preference: calls and tools are JSON text with the digits, and come back', async () => {
    const { text, lost } = await converted(
      memorySource('d', OBJECT.replace('"type":"function","id":"9007199254740993",', '"type":"function",')),
      'sharegpt-preference',
    );
    expect(lost).toEqual({});
    const { chosen, tools } = parseExactJson(text) as { chosen: { value: string }; tools: string };
    expect([chosen.value, tools]).toEqual([`{"name":"cancel","arguments":${ARGUMENTS}}`, TOOLS]);
    const back = await converted(memorySource('d', text), 'openai-dpo');
    expect(back.text).toContain(`"arguments":${JSON.stringify(ARGUMENTS)}`);
  });

  test('scores keep their spelling when pairs become single answers', async () => {
    const line =
      '{"prompt":"Q","chosen":"a","rejected":"b","score_chosen":8.50,"score_rejected":4.0,"weight":1e0,"timestamp":1499816949527975237}';
    expect((await converted(memorySource('d', line), 'trl-preference')).text).toBe(
      '{"prompt":"Q","chosen":"a","rejected":"b","created_at":1499816949527975237,"weight":1e0,"score_chosen":8.50,"score_rejected":4.0}\n',
    );
    expect((await converted(memorySource('d', line), 'trl-unpaired')).text).toBe(
      [
        '{"prompt":"Q","completion":"a","label":true,"created_at":1499816949527975237,"weight":1e0,"score":8.50}\n',
        '{"prompt":"Q","completion":"b","label":false,"created_at":1499816949527975237,"weight":1e0,"score":4.0}\n',
      ].join(''),
    );
  });
});

describe('numbers to compute with', () => {
  test('are finite doubles, in whatever spelling; a label is a truth value', async () => {
    const lines = [
      '{"prompt":"Q","completion":"a","label":1.0,"weight":1e0}',
      '{"prompt":"Q","completion":"a","label":0.0,"weight":0.50}',
    ];
    expect(
      (await rowsOf(memorySource('d', lines.join('\n')))).map(({ row }) => [
        'label' in row && row.label,
        row.meta?.weight,
      ]),
    ).toEqual([
      [true, 1],
      [false, 0.5],
    ]);
  });

  test('and refused where no double holds them, with row and field', async () => {
    expect(
      await problemsOf(
        withFields('"margin":1e400'),
        withFields('"weight":9007199254740993'),
        withFields('"margin":1.0'),
        withFields('"score_chosen":-1e999,"weight":2'),
        withFields('"weight":"9007199254740993","margin":"much"'),
      ),
    ).toEqual([
      '1 margin wrong-type: margin must be a number that a double holds, got 1e400',
      '2 weight wrong-type: weight must be a number that a double holds, got 9007199254740993',
      '4 score_chosen wrong-type: score_chosen must be a number that a double holds, got -1e999',
      '5 weight wrong-type: weight must be a number that a double holds, got "9007199254740993"',
    ]);
    expect(await problemsOf('{"prompt":"Q","completion":"a","label":1e400}')).toEqual([
      '1 label wrong-type: label must be true or false, got 1e400',
    ]);
  });
});

test('packed, it is the same', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'preftune-numbers-')), 'd.jsonl.gz');
  writeFileSync(path, gzipSync(OBJECT));
  const to = 'trl-preference-conversational';
  expect(await converted(fileSource(path), to)).toEqual(await converted(memorySource('d', OBJECT), to));
});
