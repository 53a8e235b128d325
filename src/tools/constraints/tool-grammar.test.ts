import { expect, test } from 'vitest';
import { createRandom, problemsOf, type Random } from '../../core/index.ts';
import { constrain, createVocabulary, type Grammar } from '../../grammar/index.ts';
import { allowedIds } from '../../grammar/testing/walks.ts';
import { TOOL_FORMATS, markersOf, type ToolFormat } from '../format.ts';
import { REASONING_FORMATS } from '../reasoning.ts';
import { collectAnswer } from '../testing/collect.ts';
import type { ToolDefinition } from '../tool.ts';
import { writeCalls } from '../write-calls.ts';
import { chosenTools, toolGrammar, type ToolGrammarOptions } from './tool-grammar.ts';

const weather: ToolDefinition = {
  type: 'function',
  function: {
    name: 'weather',
    strict: true,
    parameters: {
      type: 'object',
      properties: {
        city: { type: 'string' },
        unit: { enum: ['C', 'F'] },
        days: { type: 'integer', minimum: 1, maximum: 9 },
        exact: { type: 'boolean' },
      },
      required: ['city', 'unit'],
      additionalProperties: false,
    },
  },
};
const stop: ToolDefinition = { type: 'function', function: { name: 'stop' } };
const TOOLS = [weather, stop];
const CALLS = [
  { name: 'weather', arguments: { city: 'Os"lo', unit: 'C', days: 3 } },
  { name: 'stop', arguments: {} },
];

const FORMATS = Object.entries<ToolFormat>(TOOL_FORMATS);
const encoder = new TextEncoder();

/** Markers in brackets of the two kinds are special tokens here, as most are in their models; Qwen's are not. */
function specialsOf(format: ToolFormat): ReadonlyMap<string, number> {
  const names = markersOf(format).filter((text) => /^(?:<\||<｜|\[T|\[A|<start_f|<end_f|<esc)/.test(text));
  const tokens = names.flatMap((text) => text.match(/<[^<>]*>|\[[A-Z_]*\]/g) ?? []);
  return new Map([...new Set(tokens)].map((text, index) => [text, index + 1]));
}

const PIECES = [
  '{"',
  '": "',
  '"}',
  '": ',
  ', "',
  'city',
  'weather',
  'stop',
  '="',
  '")',
  '\n</parameter>\n',
  '</function>\n',
];

/** Id 0 ends an answer, then the special tokens, the bytes, and pieces of calls. */
function vocabularyOf(specials: ReadonlyMap<string, number>) {
  const bytes = [
    undefined,
    ...Array.from(specials, () => undefined),
    ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
    ...PIECES.map((piece) => encoder.encode(piece)),
  ];
  return createVocabulary({ size: bytes.length, bytes, stopIds: [0] });
}

/** A text that the grammar allows, with the special tokens by their spellings; undefined where it did not end. */
function walk(grammar: Grammar, specials: ReadonlyMap<string, number>, random: Random): string | undefined {
  const vocabulary = vocabularyOf(specials);
  const spellings = new Map(Array.from(specials, ([text, id]) => [id, text]));
  const constraint = constrain(grammar, vocabulary);
  const written: number[] = [];
  for (let count = 0; count < 900; count++) {
    const ids = allowedIds(constraint.allowed(), vocabulary);
    const plain = ids.filter(
      (id) => id <= specials.size || /^["'}\])<\n,:a-z]/.test(new TextDecoder().decode(vocabulary.bytes[id])),
    );
    const ends = ids.filter(
      (id) => id <= specials.size || /^["}\])<\n`]/.test(new TextDecoder().decode(vocabulary.bytes[id])),
    );
    const from = ends.length > 0 && random.nextFloat() < 0.3 + count / 300 ? ends : plain.length > 0 ? plain : ids;
    const id = count > 20 && ids.includes(0) ? 0 : from[random.nextInt(from.length)]!;
    constraint.accept(id);
    if (id === 0) return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(written));
    written.push(...(vocabulary.bytes[id] ?? encoder.encode(spellings.get(id)!)));
  }
  return undefined;
}

/** Whether the grammar takes the text, special tokens as tokens and all else byte by byte. */
function accepts(grammar: Grammar, specials: ReadonlyMap<string, number>, text: string): boolean {
  const vocabulary = vocabularyOf(specials);
  const constraint = constrain(grammar, vocabulary);
  for (let at = 0; at < text.length;) {
    const special = Array.from(specials).find(([spelling]) => text.startsWith(spelling, at));
    const character = String.fromCodePoint(text.codePointAt(at)!);
    const ids =
      special === undefined ? Array.from(encoder.encode(character), (byte) => byte + 1 + specials.size) : [special[1]];
    for (const id of ids) {
      if (!allowedIds(constraint.allowed(), vocabulary).includes(id)) return false;
      constraint.accept(id);
    }
    at += special?.[0].length ?? character.length;
  }
  return constraint.isComplete;
}

function grammarOf(format: ToolFormat, options: Partial<ToolGrammarOptions> = {}): Grammar {
  return toolGrammar({ format, tools: TOOLS, choice: 'required', specialTokens: specialsOf(format), ...options })!;
}

/** What a strict call of weather must be. */
function isWeather(text: string): boolean {
  const value = JSON.parse(text) as Readonly<Record<string, unknown>>;
  const { city, unit, days = 1, exact = true, ...rest } = value;
  const isDay = typeof days === 'number' && Number.isInteger(days) && days >= 1 && days <= 9;
  return (
    typeof city === 'string' &&
    (unit === 'C' || unit === 'F') &&
    isDay &&
    typeof exact === 'boolean' &&
    Object.keys(rest).length === 0
  );
}

test.each(FORMATS)('%s: what a required choice allows is calls that fit, and nothing else', (_name, format) => {
  const specials = specialsOf(format);
  const random = createRandom(14, 'walk');
  let ended = 0;
  for (let run = 0; run < 12; run++) {
    const text = walk(grammarOf(format), specials, random);
    if (text === undefined) continue;
    ended++;
    const answer = collectAnswer([text], { format, tools: TOOLS });
    expect({ text, ...answer }).toMatchObject({ content: '', finishReason: 'tool_calls' });
    for (const call of answer.calls)
      expect(call.name === 'weather' ? isWeather(call.arguments) : call.arguments === '{}').toBe(true);
  }
  expect(ended).toBeGreaterThanOrEqual(8);
});

test.each(FORMATS)('%s: calls as they are written are allowed, others are not', (_name, format) => {
  const specials = specialsOf(format);
  const written = (calls: typeof CALLS): string => writeCalls(format, calls);
  expect(accepts(grammarOf(format), specials, written(CALLS))).toBe(true);
  expect(accepts(grammarOf(format, { isParallel: false }), specials, written(CALLS.slice(0, 1)))).toBe(true);
  expect(accepts(grammarOf(format, { isParallel: false }), specials, written(CALLS))).toBe(false);
  const named = grammarOf(format, { choice: { type: 'function', function: { name: 'stop' } } });
  expect(accepts(named, specials, written(CALLS.slice(1)))).toBe(true);
  expect(accepts(named, specials, written(CALLS.slice(0, 1)))).toBe(false);
  expect(accepts(grammarOf(format), specials, 'Rain.')).toBe(false);
  expect(
    accepts(
      grammarOf(format),
      specials,
      written([{ name: 'weather', arguments: { city: 'Oslo', unit: 'K', days: 1 } }]),
    ),
  ).toBe(false);
});

test('with a choice left to the model any text is allowed, and every call in it fits', () => {
  for (const [, format] of FORMATS.filter(([, one]) => !('open' in one) || one.open !== '')) {
    const specials = specialsOf(format);
    const grammar = grammarOf(format, { choice: 'auto' });
    expect(accepts(grammar, specials, 'Rain, {"name": 1} and [more].')).toBe(true);
    expect(accepts(grammar, specials, `Wait.\n${writeCalls(format, CALLS)}`)).toBe(true);
    expect(
      accepts(grammar, specials, writeCalls(format, [{ name: 'weather', arguments: { city: 'Oslo', unit: 'K' } }])),
    ).toBe(false);
  }
  const loose = { format: TOOL_FORMATS.hermes, tools: [stop], specialTokens: new Map<string, number>() };
  expect(toolGrammar(loose)).toBeUndefined();
  expect(toolGrammar({ ...loose, choice: 'none' })).toBeUndefined();
  const single = toolGrammar({ ...loose, isParallel: false })!;
  const one = writeCalls(TOOL_FORMATS.hermes, CALLS.slice(1));
  expect(accepts(single, new Map(), `So: ${one} Done.`)).toBe(true);
  expect(accepts(single, new Map(), `${one}\n${one}`)).toBe(false);
});

test('a thought may come before required calls, and must where the prompt began it', () => {
  const format = TOOL_FORMATS.hermes;
  const call = writeCalls(format, CALLS);
  const closed = grammarOf(format, { reasoning: REASONING_FORMATS[0] });
  expect(
    [`<think>\nRain?\n</think>\n\n${call}`, call, `Rain? ${call}`].map((text) => accepts(closed, new Map(), text)),
  ).toEqual([true, true, false]);
  const open = grammarOf(format, { reasoning: REASONING_FORMATS[0], isReasoningOpen: true });
  expect([`Rain?\n</think>\n\n${call}`, call].map((text) => accepts(open, new Map(), text))).toEqual([true, false]);
});

/** What is said of a tool alone. */
const messages = (tool: ToolDefinition, format: ToolFormat, choice: ToolGrammarOptions['choice'] = 'required') =>
  problemsOf(() => toolGrammar({ format, tools: [tool], choice, specialTokens: new Map() })).map(
    ({ message }) => message,
  );

/** A tool whose schema cannot be enforced. */
const odd = (strict: boolean): ToolDefinition => ({
  function: {
    name: 'odd',
    strict,
    parameters: {
      type: 'object',
      properties: { a: { type: 'string', not: {} }, b: { type: 'string', pattern: '^x' } },
      required: ['a'],
    },
  },
});

/** Whether a call is required, and of which tools. */
const names = (choice: ToolGrammarOptions['choice']) => {
  const { tools, isRequired } = chosenTools(TOOLS, choice);
  return [isRequired, ...tools.map((tool) => tool.function.name)];
};

/** A choice among some tools. */
const allowed = (mode: 'auto' | 'required', name: string) =>
  ({ type: 'allowed_tools', allowed_tools: { mode, tools: [{ type: 'function', function: { name } }] } }) as const;

test('what cannot be enforced is refused where it is promised, and any object will do where it is not', () => {
  expect(messages(odd(true), TOOL_FORMATS.hermes)[0]).toMatch(/^tools: the strict schema of odd: schema: .*not/);
  expect(messages(odd(false), TOOL_FORMATS.hermes)).toEqual([]);
  expect(messages(odd(true), TOOL_FORMATS.qwenXml)).toEqual([
    'tools: not of odd.a cannot be enforced in the way this model writes texts; leave it out or do without strict',
  ]);
  expect(messages(weather, TOOL_FORMATS.llama, 'auto')).toEqual([
    'tools: strict cannot be enforced while the model may also answer in text, since its calls begin with no marker; say tool_choice "required" or do without strict',
  ]);
  const loose = toolGrammar({
    format: TOOL_FORMATS.hermes,
    tools: [odd(false)],
    choice: 'required',
    specialTokens: new Map(),
  })!;
  expect(accepts(loose, new Map(), '<tool_call>\n{"name": "odd", "arguments": {"z": [1]}}\n</tool_call>')).toBe(true);
});

test('choices name tools that there are', () => {
  expect([
    names('none'),
    names(null),
    names('required'),
    names(allowed('auto', 'stop')),
    names(allowed('required', 'stop')),
  ]).toEqual([[false], [false, 'weather', 'stop'], [true, 'weather', 'stop'], [false, 'stop'], [true, 'stop']]);
  expect(problemsOf(() => names(allowed('auto', 'go'))).map(({ message }) => message)).toEqual([
    'tool_choice: must name one of the tools (weather, stop), got "go"',
  ]);
  expect(problemsOf(() => chosenTools([], 'required')).map(({ message }) => message)).toEqual([
    'tool_choice: must name one of the tools (there are none), got none',
  ]);
});
