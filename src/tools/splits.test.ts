import fc from 'fast-check';
import { expect, test } from 'vitest';
import { writeExactJson } from '../core/index.ts';
import { TOOL_FORMATS, markersOf, openersOf, type ToolFormat } from './format.ts';
import { REASONING_FORMATS } from './reasoning.ts';
import { createToolParser } from './parser.ts';
import { collectAnswer, collectDeltas, inPieces } from './testing/collect.ts';
import type { ToolDefinition } from './tool.ts';
import { writeCalls } from './write-calls.ts';

const tools: readonly ToolDefinition[] = ['lookup', 'my.tool-2'].map((name) => ({
  function: {
    name,
    parameters: { type: 'object', properties: { key: {}, list: { type: 'array' }, object: { type: 'object' } } },
  },
}));

/** The same with a schema that wants a text: what may be a number comes when it is whole. */
const WITH_TEXT: readonly ToolDefinition[] = [
  { function: { name: 'lookup', parameters: { type: 'object', properties: { key: { type: 'string' } } } } },
];

const FORMATS = Object.entries<ToolFormat>(TOOL_FORMATS);

/** The text cut at random places, inside markers and pairs of surrogates too. */
function split(text: string, cuts: readonly number[]): string[] {
  const places = [0, ...cuts.map((cut) => Math.floor(cut * text.length)).toSorted((a, b) => a - b), text.length];
  return places.slice(1).map((end, index) => text.slice(places[index], end));
}

/** How often the words stand in a text. */
function count(found: string): number {
  return found.split('plain words').length - 1;
}

const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });

/** Values whose texts are no JSON themselves, which a format without types would read as numbers; no quotes of Gemma in them. */
const text = fc.string({ unit: 'binary', maxLength: 12 }).map((value) => `a ${value}`.replaceAll(/[\r<|]/g, '"'));
const value = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    text,
    fc.boolean(),
    fc.constant(null),
    fc.integer(),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b c', '"d'), tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;
const call = fc.record({
  name: fc.constantFrom('lookup', 'my.tool-2'),
  arguments: fc.record(
    {
      key: text,
      list: fc.array(value, { maxLength: 3 }),
      object: fc.dictionary(fc.constantFrom('x', 'y'), value, { noNullPrototype: true }),
    },
    { requiredKeys: [], noNullPrototype: true },
  ),
});

test.each(FORMATS)('%s: calls that were written are read back, in whatever pieces they come', (_name, format) => {
  fc.assert(
    fc.property(fc.array(call, { minLength: 1, maxLength: 3 }), cuts, (calls, places) => {
      const needsStart = format.kind !== 'xml' && 'open' in format && format.open === '';
      const answer = `${needsStart ? '' : 'Let me look.\n'}${writeCalls(format, calls)}`;
      const found = collectAnswer(split(answer, places), { format, tools });
      expect(found).toEqual({
        content: needsStart ? '' : 'Let me look.',
        reasoning: '',
        calls: calls.map((one, index) => ({
          id: `call_${index}`,
          name: one.name,
          arguments: writeExactJson(one.arguments),
        })),
        finishReason: 'tool_calls',
      });
    }),
    { numRuns: 60, seed: 14 },
  );
});

test.each(FORMATS)('%s: any text gives the same whole and in pieces, and loses no word', (_name, format) => {
  const scrap = fc.oneof(
    fc.constantFrom(
      ...openersOf(format),
      ...markersOf(format),
      '<think>',
      '</think>',
      'lookup',
      '{"name": "lookup", "arguments": {',
      '}}',
    ),
    fc.constantFrom(
      '"',
      '{',
      '}',
      '[',
      ']',
      '(',
      ')',
      ':',
      '\n',
      ' ',
      'call:',
      'key',
      '=',
      '<',
      '>',
      '</function>',
      '<parameter=key>',
      '</parameter>',
    ),
    fc.constantFrom(writeCalls(format, [{ name: 'lookup', arguments: { key: 'k' } }]), 'plain words'),
  );
  fc.assert(
    fc.property(fc.array(scrap, { maxLength: 14 }), cuts, fc.boolean(), (scraps, places, isOpen) => {
      const answer = scraps.join('');
      const options = { format, tools, reasoning: REASONING_FORMATS[0], isReasoningOpen: isOpen };
      const whole = collectAnswer([answer], options);
      expect(collectAnswer(split(answer, places), options)).toEqual(whole);
      expect(count(whole.content + whole.reasoning + whole.calls.map((one) => one.arguments).join(''))).toBe(
        count(answer),
      );
    }),
    { numRuns: 150, seed: 14 },
  );
});

/** Characters that may wait for what comes behind them: the longest marker that could have begun, and a line break. */
const HELD = 16;

test.each(FORMATS)('%s: the name comes before the arguments, and their text as it is drawn', (_name, format) => {
  const key = 'a long text '.repeat(20);
  const answer = writeCalls(format, [{ name: 'lookup', arguments: { key } }]);
  const parser = createToolParser({ format, tools: WITH_TEXT });
  const start = answer.indexOf(key);
  const deltas = [...parser.push(answer.slice(0, start))];
  expect(deltas[0]?.tool_calls?.[0]?.function).toEqual({ name: 'lookup', arguments: '' });
  for (const [at, character] of Array.from(key).entries()) {
    deltas.push(...parser.push(character));
    const [begun] = collectDeltas(deltas).calls;
    expect(begun!.arguments.length).toBeGreaterThan(at - HELD);
    expect(`{"key":"${key}`.startsWith(begun!.arguments)).toBe(true);
  }
  deltas.push(...parser.push(answer.slice(start + key.length)), ...parser.end('stop').deltas);
  expect(collectDeltas(deltas).calls[0]?.arguments).toBe(JSON.stringify({ key }));
});

test.each(FORMATS)(
  '%s: an answer that is cut anywhere gives the same whole and in pieces, and no call of another name',
  (_name, format) => {
    const answer = writeCalls(format, [
      { name: 'lookup', arguments: { key: 'a "text" \\ 😀', list: [1.5, true, null, { x: 'é' }] } },
      { name: 'my.tool-2', arguments: { object: { y: -12 } } },
    ]);
    for (let length = 1; length <= answer.length; length += 2) {
      const cut = answer.slice(0, length);
      const whole = collectAnswer([cut], { format, tools }, 'length');
      expect(collectAnswer(inPieces(cut, 1), { format, tools }, 'length')).toEqual(whole);
      expect(['lookup', 'my.tool-2'].slice(0, whole.calls.length)).toEqual(whole.calls.map(({ name }) => name));
      expect(whole.finishReason).toBe('length');
    }
  },
);
