import { isObject } from '../core/index.ts';
import { readWholeCalls } from './call-reader.ts';
import { TOOL_FORMATS, type JsonFormat, type NamedJsonFormat, type ToolFormat } from './format.ts';
import { callOf, endOfJson, jsonOf } from './read/json-text.ts';
import type { ToolDefinition } from './tool.ts';
import { writeCalls, type WrittenCall } from './write-calls.ts';

/** A call whose words are found again in what a template writes. */
export interface ProbeCall extends WrittenCall {
  readonly id: string;
}

/**
 * The format in which a text writes the calls: the known one that writes them alike but for white space, else the first that reads them back, else one
 * that is derived from what stands around the name and the arguments.
 */
export function formatOfText(
  text: string,
  calls: readonly ProbeCall[],
  tools: readonly ToolDefinition[],
): { readonly format: ToolFormat; readonly isKnown: boolean } | undefined {
  const read = Object.values<ToolFormat>(TOOL_FORMATS).map((format) => ({
    format,
    how: howRead(format, text, calls, tools),
  }));
  const whole = read.filter(({ how }) => how === 'whole');
  const known = whole.find(({ format }) => withoutSpace(writeCalls(format, calls)) === withoutSpace(text)) ?? whole[0];
  if (known !== undefined) return { format: known.format, isKnown: true };
  const derived = deriveNamed(text, calls) ?? deriveJson(text, calls, tools);
  if (derived !== undefined && howRead(derived, text, calls, tools) === 'whole')
    return { format: derived, isKnown: false };
  // Some templates write more into a turn than the model does: Gemma 4's opens the results of tools.
  const partly = read.find(({ how }) => how === 'partly');
  return partly && { format: partly.format, isKnown: true };
}

function withoutSpace(text: string): string {
  return text.replaceAll(/\s/g, '');
}

/** Whether a format reads the calls in a text: them and nothing else (`whole`), or among other text. */
function howRead(
  format: ToolFormat,
  text: string,
  calls: readonly ProbeCall[],
  tools: readonly ToolDefinition[],
): 'whole' | 'partly' | undefined {
  // Formats with markers read calls without them too, but do not write them so.
  if ('open' in format && !text.includes(format.open.trim())) return undefined;
  const { calls: found, isAll } = readWholeCalls(format, tools, text);
  const isSame = calls.every(
    (call, index) => found[index]?.name === call.name && sameArguments(found[index].argumentsText, call),
  );
  if (!isSame || found.length !== calls.length) return undefined;
  return isAll ? 'whole' : 'partly';
}

function sameArguments(text: string, call: ProbeCall): boolean {
  const value = jsonOf(text);
  const names = Object.keys(call.arguments);
  return (
    isObject(value) &&
    Object.keys(value).length === names.length &&
    // Formats without types may give a number as a text.
    names.every((name) => String(value[name]) === String(call.arguments[name]))
  );
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** What stands before the first of the calls, between two, and behind the last. */
function around(text: string, spans: readonly Span[]) {
  const [first, last] = [spans[0]!, spans.at(-1)!];
  const between = spans.length > 1 ? text.slice(first.end, spans[1]!.start) : undefined;
  return { prefix: text.slice(0, first.start), between, suffix: text.slice(last.end) };
}

function deriveNamed(text: string, calls: readonly ProbeCall[]): NamedJsonFormat | undefined {
  const spans: (Span & { readonly middle: string })[] = [];
  for (const call of calls) {
    const start = text.indexOf(call.name, spans.at(-1)?.end ?? 0);
    const brace = start === -1 ? -1 : text.indexOf('{', start);
    const end = brace === -1 ? 'bad' : endOfJson(text, brace);
    if (typeof end === 'string' || !sameArguments(JSON.stringify(jsonOf(text.slice(brace, end)) ?? null), call))
      return undefined;
    const middle = text.slice(start + call.name.length, brace);
    if (middle.includes('"')) return undefined;
    spans.push({ start, end, middle });
  }
  const { prefix, between, suffix } = around(text, spans);
  const open = between === undefined ? prefix : sharedEnd(prefix, between);
  if (open.trim() === '') return undefined;
  const close = between === undefined ? suffix : between.slice(0, between.length - open.length);
  return {
    kind: 'named-json',
    before: prefix.slice(0, prefix.length - open.length).trim(),
    open,
    middle: spans[0]!.middle,
    close,
    after: suffix.startsWith(close) ? suffix.slice(close.length).trim() : '',
  };
}

function deriveJson(
  text: string,
  calls: readonly ProbeCall[],
  tools: readonly ToolDefinition[],
): JsonFormat | undefined {
  const byName = new Map(tools.map((tool) => [tool.function.name, tool]));
  const spans: Span[] = [];
  for (const call of calls) {
    const from = spans.at(-1)?.end ?? 0;
    const place = text.indexOf(call.name, from);
    let start = place === -1 ? -1 : text.lastIndexOf('{', place);
    let end = -1;
    for (; start >= from && end === -1;) {
      const found = endOfJson(text, start);
      if (typeof found === 'number' && callOf(jsonOf(text.slice(start, found)), byName) !== undefined) end = found;
      else start = start === 0 ? -1 : text.lastIndexOf('{', start - 1);
    }
    if (end === -1) return undefined;
    spans.push({ start, end });
  }
  const { prefix, between, suffix } = around(text, spans);
  const first = text.slice(spans[0]!.start, spans[0]!.end);
  const isList = prefix.trimEnd().endsWith('[') && suffix.trimStart().startsWith(']');
  const outer = isList ? prefix.trimEnd().slice(0, -1) : between === undefined ? prefix : sharedEnd(prefix, between);
  const rest = isList
    ? suffix.trimStart().slice(1)
    : between === undefined
      ? suffix
      : between.slice(0, between.length - outer.length);
  return {
    kind: 'json',
    open: outer.trim(),
    close: rest.trim(),
    gap: outer.length > outer.trimEnd().length ? outer.slice(outer.trimEnd().length) : '',
    isList,
    argumentsKey: first.includes('"parameters"') ? 'parameters' : 'arguments',
    hasId: first.includes(calls[0]!.id),
  };
}

/** What two texts end with alike, from where a marker begins in it: a `>` before it belongs to what stands before. */
function sharedEnd(a: string, b: string): string {
  let length = 0;
  while (length < a.length && length < b.length && a.at(-1 - length) === b.at(-1 - length)) length++;
  const shared = a.slice(a.length - length);
  return shared.slice(Math.max(0, shared.search(/[<[]/)));
}

/** What prompts say of calls, where templates only say it: the first that is found. */
const WORDS: readonly (readonly [words: string, format: ToolFormat])[] = [
  ['<function=', TOOL_FORMATS.qwenXml],
  ['<arg_key>', TOOL_FORMATS.glm],
  ['<tool_call>[', TOOL_FORMATS.hermesList],
  ['<tool_call>', TOOL_FORMATS.hermes],
  ['<function_calls>', TOOL_FORMATS.olmo],
  ['<start_function_call>', TOOL_FORMATS.functionGemma],
  ['<|tool_call>', TOOL_FORMATS.gemma4],
  ['functools[', TOOL_FORMATS.functools],
  ['<|/tool_call|>', TOOL_FORMATS.phi4],
  ['<|/tool|>', TOOL_FORMATS.phi4],
  ['<|tool_call|>', TOOL_FORMATS.granite],
  ['[ARGS]', TOOL_FORMATS.mistralNamed],
  ['[TOOL_CALLS]', TOOL_FORMATS.mistral],
  ['tool_code', TOOL_FORMATS.toolCode],
  ['func_name1(', TOOL_FORMATS.pythonic],
  ['<｜tool▁calls▁begin｜>', TOOL_FORMATS.deepseek],
  ['"parameters": dictionary', TOOL_FORMATS.llama],
];

/** The model's own tokens, where nothing else tells. */
const TOKENS: readonly (readonly [token: string, format: ToolFormat])[] = [
  ...WORDS.filter(([words]) => /^[<[].*[>\]]$/.test(words)),
  ['<|python_tag|>', TOOL_FORMATS.llama],
];

/** The format that the words of a prompt and a template speak of, or for which the model has tokens. */
export function formatOfWords(words: string, addedTokens: readonly string[]): ToolFormat | undefined {
  const tokens = new Set(addedTokens);
  return (WORDS.find(([word]) => words.includes(word)) ?? TOKENS.find(([token]) => tokens.has(token)))?.[1];
}
