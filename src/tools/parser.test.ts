import { expect, test } from 'vitest';
import { TOOL_FORMATS, type ToolFormat } from './format.ts';
import { createToolParser } from './parser.ts';
import { REASONING_FORMATS } from './reasoning.ts';
import { collectAnswer, inPieces } from './testing/collect.ts';
import type { ToolDefinition } from './tool.ts';

const THINK = REASONING_FORMATS[0]!;

const tools: readonly ToolDefinition[] = [
  tool('weather', { city: { type: 'string' }, days: { type: 'integer' } }),
  tool('run', { command: { type: 'string' }, timeout: { type: ['integer', 'null'] }, options: { type: 'object' } }),
  tool('stop', {}),
  tool('files.read-all', { path: { type: 'string' } }),
];

function tool(name: string, properties: Readonly<Record<string, unknown>>): ToolDefinition {
  return { type: 'function', function: { name, parameters: { type: 'object', properties } } };
}

/** Reads a text whole, one character a piece, and in sevens; all must say the same. */
function read(format: ToolFormat, text: string, reason = 'stop', isThinking = false) {
  const options = { format, tools, ...(isThinking && { reasoning: THINK }) };
  const whole = collectAnswer([text], options, reason);
  for (const size of [1, 7]) expect(collectAnswer(inPieces(text, size), options, reason)).toEqual(whole);
  return {
    ...whole,
    calls: whole.calls.map((call) => `${call.name} ${call.arguments}`),
    ids: whole.calls.map((call) => call.id),
  };
}

const { hermes, qwenXml, llama, mistral, mistralNamed, pythonic, toolCode, olmo, functionGemma, glm } = TOOL_FORMATS;

/** A further piece of a call, without what only its first one has. */
function furtherPiece(index: number) {
  return (text: string) => ({ index, function: { arguments: text }, hasId: false });
}

test('streamed calls end with finish_reason tool_calls, each with an index, one id and arguments that are a text', () => {
  // python-genai #2868, litellm #37792, mlx-lm #782: "stop", all indices 0, a new id in every piece, arguments as an object, "tool_call".
  const parser = createToolParser({ format: hermes, tools });
  const text =
    '<tool_call>{"name": "weather", "arguments": {"city": "Oslo"}}</tool_call><tool_call>{"name": "stop", "arguments": {}}</tool_call>';
  const deltas = inPieces(text, 5).flatMap((piece) => parser.push(piece));
  const calls = deltas.flatMap((delta) => delta.tool_calls ?? []);
  expect(calls).toHaveLength(deltas.length);
  expect(calls.map(({ id, ...call }) => ({ ...call, hasId: id !== undefined }))).toEqual([
    { index: 0, type: 'function', function: { name: 'weather', arguments: '' }, hasId: true },
    ...['{', '"city', '":"O', 'slo"}'].map(furtherPiece(0)),
    { index: 1, type: 'function', function: { name: 'stop', arguments: '' }, hasId: true },
    ...['{', '}'].map(furtherPiece(1)),
  ]);
  const ids = calls.flatMap((call) => call.id ?? []);
  expect(ids.filter((id) => /^call_[A-Za-z0-9]{24}$/.test(id))).toHaveLength(2);
  expect(new Set(ids).size).toBe(2);
  expect(parser.end('stop')).toEqual({ deltas: [], finishReason: 'tool_calls' });
});

test('the last braces of nested arguments and of numbers come', () => {
  // vLLM #22885, #32152: braces behind numbers, booleans and inner objects were dropped.
  const text =
    '<tool_call>\n{"name": "run", "arguments": {"options": {"deep": {"n": 42}}, "timeout": 7}}\n</tool_call>';
  expect(read(hermes, text).calls).toEqual(['run {"options":{"deep":{"n":42}},"timeout":7}']);
});

test('arguments that are empty, absent, null or an empty text are an object without fields', () => {
  // vLLM #28806; Ollama leaves arguments out.
  for (const said of [', "arguments": {}', '', ', "arguments": null', ', "arguments": ""', ', "parameters": {}'])
    expect(read(hermes, `<tool_call>\n{"name": "stop"${said}}\n</tool_call>`).calls).toEqual(['stop {}']);
});

test('braces, quotes, markers and escapes in texts are text', () => {
  // vLLM #21544: `mkdir -p test/{test1,test2` broke the reader of calls.
  const command = 'mkdir -p a/{b,c && echo "</tool_call>" \\ \u00e9 \ud83d\ude00 \n<tool_call>';
  const plain = JSON.stringify({ name: 'run', arguments: { command } });
  const escaped = plain.replaceAll('\u00e9', '\\u00e9').replaceAll('\ud83d\ude00', '\\ud83d\\ude00');
  for (const json of [plain, escaped]) {
    const { calls, content } = read(hermes, `<tool_call>\n${json}\n</tool_call>`);
    expect(calls).toEqual([`run ${JSON.stringify({ command })}`]);
    expect(content).toBe('');
  }
});

test('numbers keep their digits', () => {
  const text =
    '<tool_call>{"name": "run", "arguments": {"a": 12345678901234567890, "b": 1e21, "c": 1.0, "d": -0.0}}</tool_call>';
  expect(read(hermes, text).calls).toEqual(['run {"a":12345678901234567890,"b":1e21,"c":1.0,"d":-0.0}']);
  expect(read(pythonic, '[run(a=12345678901234567890, b=1e21, c=1.0, d=1_000, e=0x10, f=.5)]').calls).toEqual([
    'run {"a":12345678901234567890,"b":1e21,"c":1.0,"d":1000,"e":16,"f":0.5}',
  ]);
});

test('arguments that are JSON in a text are the object that the text is', () => {
  const text = '<tool_call>{"name": "weather", "arguments": "{\\"city\\": \\"Oslo\\"}"}</tool_call>';
  expect(read(hermes, text).calls).toEqual(['weather {"city":"Oslo"}']);
});

test('names with dots and dashes are names in every format', () => {
  const calls = ['files.read-all {"path":"/a"}'];
  expect(read(hermes, '<tool_call>{"name": "files.read-all", "arguments": {"path": "/a"}}</tool_call>').calls).toEqual(
    calls,
  );
  expect(read(mistralNamed, '[TOOL_CALLS]files.read-all[ARGS]{"path": "/a"}').calls).toEqual(calls);
  expect(read(pythonic, "[files.read-all(path='/a')]").calls).toEqual(calls);
  expect(
    read(functionGemma, '<start_function_call>call:files.read-all{path:<escape>/a<escape>}<end_function_call>').calls,
  ).toEqual(calls);
  expect(read(qwenXml, '<function=files.read-all><parameter=path>/a</parameter></function>').calls).toEqual(calls);
});

test('white space between text and calls goes, all other text stays', () => {
  const call = '<tool_call>\n{"name": "stop", "arguments": {}}\n</tool_call>';
  expect(read(hermes, `  One moment. \n\n${call}\n${call}\n`)).toMatchObject({
    content: '  One moment.',
    calls: ['stop {}', 'stop {}'],
  });
  expect(read(hermes, `One.\n${call}\n\nTwo.\n`)).toMatchObject({ content: 'One.\n\n\nTwo.', calls: ['stop {}'] });
  expect(read(hermes, `\n\n${call}\nTwo.`)).toMatchObject({ content: 'Two.', calls: ['stop {}'] });
  expect(read(hermes, '  No call.  \n')).toMatchObject({ content: '  No call.  \n', finishReason: 'stop' });
});

test('what has no arguments yet, or is of an unknown tool, is content as it stands', () => {
  for (const text of [
    '<tool_call>\n{"name": "weather", "argumen',
    '<tool_call>\n{"name": "launch", "arguments": {}}\n</tool_call>',
    '<tool_call>\n{"name": "weather", "arguments": [1]}\n</tool_call>',
    '<tool_call>\n{"name": "weather", "arguments": "Oslo"}\n</tool_call>',
    '<tool_call>\n{"arguments": {"city": "Os',
    'a <tool_call> in the text, and <tool_cal',
  ])
    expect(read(hermes, text, 'length')).toMatchObject({ content: text, calls: [], finishReason: 'length' });
  for (const text of ['[weather(city', '[weather("Oslo")]', '[launch(x=1)]', '[1] Oslo', '[Oslo](https://example.org)'])
    expect(read(pythonic, text)).toMatchObject({ content: text, calls: [], finishReason: 'stop' });
  for (const text of ['<tool_call>\n<function=weather>\n<parameter=cit', '<function=launch>\n</function>'])
    expect(read(qwenXml, text)).toMatchObject({ content: text, calls: [] });
  for (const text of ['[TOOL_CALLS]launch[ARGS]{}', '[TOOL_CALLS]weather[ARGS]', '[TOOL_CALLS] none'])
    expect(read(mistralNamed, text)).toMatchObject({ content: text, calls: [] });
});

/** Arguments that were cut by the limit of tokens. */
const CUT: readonly (readonly [ToolFormat, string, string])[] = [
  [hermes, '<tool_call>\n{"name": "weather", "arguments": {"city": "Os', '{"city":"Os'],
  [hermes, '<tool_call>\n{"name": "weather", "arguments": {"days": 1', '{"days":1'],
  [hermes, '<tool_call>\n{"name": "weather", "arguments": {"city": "a\\u00', '{"city":"a\\u00'],
  [hermes, '<tool_call>\n{"name": "weather", "arguments": {"city": "\\ud83d', '{"city":"\\ud83d'],
  [llama, '{"name": "weather", "parameters": {', '{'],
  [pythonic, '[weather(city=', '{"city":'],
  [pythonic, "[weather(city='Oslo', days=Non", '{"city":"Oslo","days":Non'],
  [qwenXml, '<tool_call>\n<function=weather>\n<parameter=city>\nOs', '{"city":"Os'],
  [qwenXml, '<tool_call>\n<function=weather>\n<parameter=days>\n1', '{"days":1'],
  [glm, '<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>Os', '{"city":"Os'],
  [glm, '<tool_call>weather<arg_key>days</arg_key><arg_value>1', '{"days":1'],
  [mistralNamed, '[TOOL_CALLS]weather[ARGS]{"city": "Os', '{"city":"Os'],
  [functionGemma, '<start_function_call>call:weather{city:<escape>Os<esc', '{"city":"Os<esc'],
];

test('a call that is cut within its arguments is a call, and its arguments go as far as they came', () => {
  for (const [format, text, cut] of CUT)
    expect(read(format, text, 'length')).toMatchObject({
      content: '',
      calls: [`weather ${cut}`],
      finishReason: 'length',
    });
});

test('arguments that break come as the model wrote them, and what stands behind the call is read on', () => {
  const good = '<tool_call>{"name": "stop", "arguments": {}}</tool_call>';
  const broken = '<tool_call>{"name": "stop", "arguments": {"a": nope}}</tool_call>';
  expect(read(hermes, `${broken}\n${good} Done.`)).toMatchObject({
    content: 'Done.',
    calls: ['stop {"a":nope}}', 'stop {}'],
    finishReason: 'tool_calls',
  });
  const quotes = '<tool_call>{"name": "run", "arguments": {"command": "say "hi" now"}}\n</tool_call>';
  expect(read(hermes, quotes).calls).toEqual(['run {"command":"say "hi" now"}}\n']);
  expect(read(mistralNamed, '[TOOL_CALLS]stop[ARGS]{"a" 1}[TOOL_CALLS]stop[ARGS]{}').calls).toEqual([
    'stop {"a"1}',
    'stop {}',
  ]);
  expect(read(pythonic, '[weather(city="Oslo", 3)]').calls).toEqual(['weather {"city":"Oslo",3)]']);
  // A marker within a text is text, also where the text does not end: what broke shows behind it.
  expect(read(hermes, '<tool_call>{"name": "stop", "arguments": {"a": "</tool_call><tool_call>{"b"}')).toMatchObject({
    content: '',
    calls: ['stop {"a":"</tool_call><tool_call>{"b"}'],
  });
});

test('a call behind a broken one is read, what is missing behind whole arguments harms nobody', () => {
  const good = '<tool_call>{"name": "stop", "arguments": {}}</tool_call>';
  expect(
    read(hermes, `So: <tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}\n</tool_call>`),
  ).toMatchObject({
    content: 'So:',
    calls: ['weather {"city":"Oslo"}'],
  });
  expect(read(hermes, `${good}<tool_call>{"na`, 'length')).toMatchObject({
    content: '<tool_call>{"na',
    calls: ['stop {}'],
    finishReason: 'length',
  });
  expect(read(mistral, '[TOOL_CALLS][{"name": "stop", "arguments": {}}, {"name": "launch"}]')).toMatchObject({
    calls: ['stop {}'],
    content: ', {"name": "launch"}]',
  });
  expect(read(pythonic, '[stop(), launch()]')).toMatchObject({ calls: ['stop {}'], content: ', launch()]' });
});

/** An argument, and a call, as GLM writes them. */
function glmArgument(key: string, text: string): string {
  return `<arg_key>${key}</arg_key>\n<arg_value>${text}</arg_value>\n`;
}

function glmCall(name: string, ...inner: readonly string[]): string {
  return `<tool_call>${name}\n${inner.join('')}</tool_call>`;
}

test("GLM's calls: values by their schema, tags in values, with line breaks and without", () => {
  expect(
    read(
      glm,
      `Well.\n${glmCall('run', glmArgument('command', ' 42 '), glmArgument('timeout', '7'), glmArgument('options', '{"a": [1.0]}'))}\n${glmCall('stop')}`,
    ),
  ).toMatchObject({ content: 'Well.', calls: ['run {"command":" 42 ","timeout":7,"options":{"a":[1.0]}}', 'stop {}'] });
  const inner = 'a</arg_value> b\n<arg_key>';
  expect(read(glm, glmCall('run', glmArgument('command', inner))).calls).toEqual([
    `run ${JSON.stringify({ command: inner })}`,
  ]);
  expect(
    read(glm, glmCall('run', glmArgument('command', 'ls'), glmArgument('timeout', '3')).replaceAll('\n', '')).calls,
  ).toEqual(['run {"command":"ls","timeout":3}']);
  for (const text of ['<tool_call>launch\n</tool_call>', '<tool_call>\n{"name": "stop", "arguments": {}}</tool_call>'])
    expect(read(glm, text)).toMatchObject({ content: text, calls: [] });
});

test('an answer that is nothing but calls without markers is calls, JSON that is none stays content', () => {
  // Ollama #13968, oMLX #2565: Qwen2.5-Coder leaves <tool_call> away.
  const bare = '{"name": "weather", "arguments": {"city": "Oslo"}}';
  expect(read(hermes, `\n${bare}\n</tool_call>`)).toMatchObject({ content: '', calls: ['weather {"city":"Oslo"}'] });
  expect(read(hermes, `${bare}\n${bare}`).calls).toHaveLength(2);
  for (const text of ['{"answer": "name"}', '{"name": "Oslo", "arguments": {}}', '[1, 2]', '{"name": "weather"', '{}'])
    expect(read(hermes, text)).toMatchObject({ content: text, calls: [] });
});

test("Llama's calls: parameters, several behind semicolons, the token of Python before them", () => {
  const single = '{"name": "weather", "parameters": {"city": "Oslo"}}';
  expect(read(llama, single).calls).toEqual(['weather {"city":"Oslo"}']);
  expect(read(llama, `<|python_tag|>${single}; {"name": "stop", "parameters": {}}`).calls).toEqual([
    'weather {"city":"Oslo"}',
    'stop {}',
  ]);
  expect(read(llama, `${single} Then more.`)).toMatchObject({
    calls: ['weather {"city":"Oslo"}'],
    content: 'Then more.',
  });
});

test("Mistral's calls: a list with ids, names with arguments, and either behind the other's template", () => {
  const list =
    '[TOOL_CALLS] [{"name": "weather", "arguments": {"city": "Oslo"}, "id": "abcdefghi"}, {"name": "stop", "arguments": {}}]';
  const named = '[TOOL_CALLS]weather[ARGS]{"city": "Oslo"}[TOOL_CALLS]stop[CALL_ID]abcdefghi[ARGS]{}';
  for (const format of [mistral, mistralNamed])
    expect(read(format, list)).toMatchObject({
      calls: ['weather {"city":"Oslo"}', 'stop {}'],
      ids: ['call_0', 'call_1'],
      content: '',
    });
  expect(read(mistralNamed, named).calls).toEqual(['weather {"city":"Oslo"}', 'stop {}']);
});

/** A call as Qwen3-Coder writes it, of these parameters. */
function one(inner: string, name = '=run'): string {
  return `<tool_call>\n<function${name}>\n${inner}</function>\n</tool_call>`;
}

function value(key: string, text: string): string {
  return `<parameter=${key}>\n${text}\n</parameter>\n`;
}

test("Qwen3-Coder's calls: values by their schema, tags in values, and what models leave out", () => {
  expect(
    read(qwenXml, one(value('command', '42') + value('timeout', '7') + value('options', '{"a": [1.0]}'))).calls,
  ).toEqual(['run {"command":"42","timeout":7,"options":{"a":[1.0]}}']);
  // Rapid-MLX #1542: closing tags in a text cut it.
  const inner = 'a </parameter> b\n</function> c\n\n';
  expect(read(qwenXml, one(value('command', inner))).calls).toEqual([`run ${JSON.stringify({ command: inner })}`]);
  // mlx-lm #1330, sglang #36835: no number for a number, nothing for a number.
  expect(read(qwenXml, one(value('timeout', '2026-01-15'))).calls).toEqual(['run {"timeout":"2026-01-15"}']);
  expect(read(qwenXml, one(value('timeout', 'None') + value('options', ''))).calls).toEqual(['run {"timeout":null}']);
  // OpenVINO #4502: names in quotes. Ollama #16686: no opening tag. vLLM #23099: no closing tag of a parameter.
  expect(read(qwenXml, one('<parameter="command">\nls\n</parameter>\n', '="run"')).calls).toEqual([
    'run {"command":"ls"}',
  ]);
  expect(read(qwenXml, one(value('command', 'ls')).slice('<tool_call>\n'.length))).toMatchObject({
    calls: ['run {"command":"ls"}'],
    content: '',
  });
  expect(read(qwenXml, one('<parameter=command>\nls\n<parameter=timeout>\n3\n</parameter>\n')).calls).toEqual([
    'run {"command":"ls","timeout":3}',
  ]);
});

test("Python's calls: a list, lines between markers, print around a call, and texts of all kinds", () => {
  expect(read(pythonic, `[weather(city='O"s\\'lo\\n\\u00e9', days=3), stop()]`).calls).toEqual([
    'weather {"city":"O\\"s\'lo\\n\u00e9","days":3}',
    'stop {}',
  ]);
  expect(read(olmo, "Well.\n<function_calls>\nweather(city='Oslo')\nstop()\n</function_calls>")).toMatchObject({
    content: 'Well.',
    calls: ['weather {"city":"Oslo"}', 'stop {}'],
  });
  expect(read(toolCode, '```tool_code\nprint(weather(city="""Os\nlo"""))\n```\nDone.')).toMatchObject({
    content: 'Done.',
    calls: ['weather {"city":"Os\\nlo"}'],
  });
  expect(read(pythonic, '[run(options={"a": (1, None, True), \'b\': {}},)]').calls).toEqual([
    'run {"options":{"a":[1,null,true],"b":{}}}',
  ]);
});

test('thoughts are apart, and calls in them are no calls', () => {
  // verl #4757, renderers #78: a call that was thought of and then made was made twice.
  const call = '<tool_call>\n{"name": "stop", "arguments": {}}\n</tool_call>';
  expect(read(hermes, `<think>\nI will ${call}.\n</think>\n\n${call}`, 'stop', true)).toMatchObject({
    reasoning: `I will ${call}.`,
    content: '',
    calls: ['stop {}'],
  });
  expect(read(hermes, '<think>\n\n</think>\n\nHello <think>', 'stop', true)).toMatchObject({
    reasoning: '',
    content: 'Hello <think>',
  });
  expect(read(hermes, '<thin ice', 'stop', true)).toMatchObject({ reasoning: '', content: '<thin ice' });
});

test('a thought that ends with calls and has nothing behind it makes them', () => {
  // vLLM #39056, mlx-openai-server #284: the thought is not closed, or nothing comes behind it.
  const call = '<tool_call>\n{"name": "stop", "arguments": {}}\n</tool_call>';
  for (const end of ['', '\n</think>', '\n</think>\n\n'])
    expect(read(hermes, `<think>\nA ${call} would do.\n${call}${end}`, 'stop', true)).toMatchObject({
      calls: ['stop {}'],
      finishReason: 'tool_calls',
    });
  expect(read(hermes, `<think>\n${call}`, 'length', true)).toMatchObject({
    calls: [],
    finishReason: 'length',
    reasoning: call,
  });
  expect(read(hermes, `<think>\n${call}\n</think>\nNo.`, 'stop', true)).toMatchObject({
    calls: [],
    content: 'No.',
    finishReason: 'stop',
  });
});

test('a thought that the prompt opened goes to its mark, also where the model opens it again', () => {
  for (const start of ['', '<think>\n', '\n']) {
    const text = `${start}One,\n\ntwo.\n</think>\n\nThree.`;
    for (const size of [1, 4, 100])
      expect(collectAnswer(inPieces(text, size), { reasoning: THINK, isReasoningOpen: true })).toEqual({
        reasoning: 'One,\n\ntwo.',
        content: 'Three.',
        calls: [],
        finishReason: 'stop',
      });
  }
});

test('without tools or format, text passes as it comes', () => {
  const text = ' <tool_call>{"name": "stop"}</tool_call>\n';
  expect(collectAnswer(inPieces(text, 3), { format: hermes, tools: [] }).content).toBe(text);
  expect(collectAnswer(inPieces(text, 3), { tools }).content).toBe(text);
});

test('hostile texts: nested beyond every stack, and a hundred thousand beginnings', () => {
  const nested = `<tool_call>{"name": "run", "arguments": {"a": ${'['.repeat(100_000)}${']'.repeat(100_000)}}}</tool_call>`;
  expect(collectAnswer([nested], { format: hermes, tools }).calls[0]!.arguments).toHaveLength(200_006);
  const python = `[run(a=${'['.repeat(100_000)}`;
  expect(collectAnswer([python], { format: pythonic, tools }).calls[0]!.arguments).toBe(`{"a":${'['.repeat(100_000)}`);
  const openers = '<tool_call>'.repeat(100_000);
  expect(collectAnswer(inPieces(openers, 1000), { format: hermes, tools }).content).toBe(openers);
  const long = `<tool_call>{"name": "run", "arguments": {"command": "${'x'.repeat(300_000)}"}}</tool_call>`;
  expect(collectAnswer(inPieces(long, 4), { format: hermes, tools }).calls[0]?.arguments).toHaveLength(300_014);
});
