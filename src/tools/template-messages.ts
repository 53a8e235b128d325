import { badInput, isObject, shownValue, writeExactJson, type JsonRecord, type Problem } from '../core/index.ts';
import type { Message, ToolCall } from '../tokenizer/index.ts';
import { createCallIds } from './call-ids.ts';
import { systemMessage, type TemplateTraits } from './probe.ts';
import { jsonOf } from './read/json-text.ts';
import type { ToolDefinition } from './tool.ts';
import { writeCalls, type WrittenCall } from './write-calls.ts';

/** A conversation as a chat template takes it. */
export interface TemplateConversation {
  readonly messages: readonly Message[];
  /** Undefined where there are none. */
  readonly tools: readonly ToolDefinition[] | undefined;
}

/**
 * OpenAI's messages and tools as the template of these traits takes them: arguments of calls as objects or as text, ids of calls that it accepts and names of tools beside their
 * results, content as one text or as parts, `developer` as `system` where it does not know it, nothing that is null. Calls that the template passes over are written into the
 * content; several calls of one turn become turns of one call each, with their results, where it writes only one.
 *
 * Throws bad-input with all that is wrong, each with its place (`messages[2].tool_calls[0].function.arguments`): arguments that are no JSON object, results of calls that
 * nobody made, content other than text, tools of the same name, and what the template has no place for.
 */
export function templateMessages(
  messages: readonly JsonRecord[],
  tools: readonly ToolDefinition[] | undefined,
  traits: TemplateTraits,
): TemplateConversation {
  const problems: Problem[] = [];
  const fail = (path: string, message: string): void => void problems.push({ path, message: `${path}: ${message}` });
  const cleanTools = toolsOf(tools ?? [], fail);
  if (cleanTools.length > 0 && traits.listsTools === undefined)
    fail(
      'tools',
      "must not be given, since the model's chat template does not tell it of tools; ask without them or choose another model",
    );
  else if (cleanTools.length > 0 && traits.format === undefined)
    fail(
      'tools',
      "must not be given, since it is not known how this model's template writes calls; ask without them or choose another model",
    );
  const ids = createCallIds(traits.needsShortIds);
  const turns = messages.map((message, index) => turnOf(message, `messages[${index}]`, { traits, ids, fail }));
  if (problems.length > 0) throw badInput(problems);
  const whole = traits.writesManyCalls ? turns : oneByOne(turns);
  const written = whole.map((message) => ofTraits(message, traits));
  const { listsTools } = traits;
  if (cleanTools.length === 0 || listsTools === undefined || listsTools === 'always')
    return { messages: written, tools: cleanTools.length === 0 ? undefined : cleanTools };
  const [first, ...others] = written;
  const own = first?.role === 'system' ? first : undefined;
  return {
    messages: [systemMessage(listsTools, cleanTools, own), ...(own === undefined ? written : others)],
    tools: cleanTools,
  };
}

type Fail = (path: string, message: string) => void;

interface Context {
  readonly traits: TemplateTraits;
  readonly ids: ReturnType<typeof createCallIds>;
  readonly fail: Fail;
}

/** Tools without fields that are null, with a schema of no arguments where they say nothing of them. */
function toolsOf(tools: readonly ToolDefinition[], fail: Fail): readonly ToolDefinition[] {
  const places = new Map<string, number>();
  return tools.map((tool, index) => {
    const { name } = tool.function;
    const place = places.get(name);
    if (place !== undefined)
      fail(
        `tools[${index}].function.name`,
        `must be a name of its own, got ${shownValue(name)}, which tools[${place}] has`,
      );
    places.set(name, index);
    const given = withoutNull(tool.function as unknown as JsonRecord);
    return {
      ...tool,
      type: tool.type ?? 'function',
      function: { ...given, name, parameters: tool.function.parameters ?? { type: 'object', properties: {} } },
    };
  });
}

function withoutNull(record: JsonRecord): JsonRecord {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== null && value !== undefined));
}

/** A message of a role that the template knows, with calls whose arguments are objects. */
interface Turn extends Omit<Message, 'tool_calls'> {
  readonly calls: readonly (WrittenCall & { readonly id: string })[];
}

function turnOf(message: JsonRecord, path: string, { traits, ids, fail }: Context): Turn {
  const { tool_calls: given, content, role: saidRole, ...rest } = withoutNull(message);
  const role = saidRole === 'developer' && !traits.knowsDeveloper ? 'system' : String(saidRole);
  const list: readonly unknown[] = Array.isArray(given) ? given : [];
  if (list.length > 0 && !traits.writesCalls && traits.format === undefined)
    fail(
      `${path}.tool_calls`,
      "must not be given, since the model's chat template has no place for calls; leave these turns out or choose another model",
    );
  const calls = list.map((call, index) => callOf(call, `${path}.tool_calls[${index}]`, { traits, ids, fail }));
  const turn = { ...rest, role, content: textOf(content, `${path}.content`, fail), calls };
  if (role !== 'tool') return turn;
  if (!traits.writesResults)
    fail(
      path,
      "must not be a result of a tool, since the model's chat template has no place for results; leave it out or choose another model",
    );
  const asked = rest['tool_call_id'];
  const found = ids.resultOf(typeof asked === 'string' ? asked : undefined);
  if (found === undefined) {
    fail(
      `${path}.tool_call_id`,
      asked === undefined
        ? 'must be the id of a call in an assistant message before it, got nothing'
        : `must be the id of a call in an assistant message before it, got ${shownValue(asked)}`,
    );
    return turn;
  }
  return { ...turn, tool_call_id: found.id, name: typeof rest['name'] === 'string' ? rest['name'] : found.name };
}

function callOf(call: unknown, path: string, { ids, fail }: Context): WrittenCall & { readonly id: string } {
  const said = isObject(call) && isObject(call['function']) ? call['function'] : {};
  const name = said['name'];
  if (typeof name !== 'string' || name === '')
    fail(`${path}.function.name`, `must be the name of a tool, got ${shownValue(name ?? null)}`);
  const id = isObject(call) && typeof call['id'] === 'string' ? call['id'] : undefined;
  return {
    name: String(name),
    arguments: argumentsOf(said['arguments'], `${path}.function.arguments`, fail),
    id: ids.callOf(id, String(name)),
  };
}

function argumentsOf(given: unknown, path: string, fail: Fail): JsonRecord {
  if (isObject(given)) return given;
  if (given === undefined || given === null || (typeof given === 'string' && given.trim() === '')) return {};
  const value = typeof given === 'string' ? jsonOf(given) : undefined;
  if (isObject(value)) return value;
  fail(path, `must be the JSON text of an object, got ${shownValue(given)}`);
  return {};
}

/** The text of a content: a text, its parts of type text (and refusal) one behind the other, or nothing. */
function textOf(content: unknown, path: string, fail: Fail): string {
  if (content === undefined) return '';
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) {
    fail(path, `must be a text or a list of parts, got ${shownValue(content)}`);
    return '';
  }
  const texts = content.map((part: unknown, index) => {
    const type = isObject(part) ? part['type'] : undefined;
    const text = isObject(part) && (type === 'text' || type === 'refusal') ? part[type] : undefined;
    if (typeof text === 'string') return text;
    fail(
      `${path}[${index}]`,
      `must be a part of type text, which is all that the model reads, got ${shownValue(type ?? part)}`,
    );
    return '';
  });
  return texts.join('');
}

/** Turns of one call each, with their results behind them, in place of turns of several. */
function oneByOne(turns: readonly Turn[]): readonly Turn[] {
  const result: Turn[] = [];
  for (let index = 0; index < turns.length; index++) {
    const turn = turns[index]!;
    if (turn.calls.length < 2) {
      result.push(turn);
      continue;
    }
    const results: Turn[] = [];
    while (turns[index + 1]?.role === 'tool') results.push(turns[++index]!);
    turn.calls.forEach((call, place) => {
      const own = results.filter((message) => message.tool_call_id === call.id);
      result.push({ ...turn, content: place === 0 ? turn.content : '', calls: [call] }, ...own);
    });
    const ids = new Set(turn.calls.map((call) => call.id));
    result.push(...results.filter((message) => !ids.has(message.tool_call_id ?? '')));
  }
  return result;
}

function ofTraits({ calls, ...message }: Turn, traits: TemplateTraits): Message {
  const { format } = traits;
  const isWritten = traits.writesCalls || format === undefined;
  const text =
    calls.length === 0 || isWritten
      ? message.content
      : [message.content, writeCalls(format, calls)].filter((part) => part !== '').join('\n');
  const hasCalls = calls.length > 0 && isWritten;
  const content = hasCalls && text === '' ? traits.emptyContent : traits.wantsParts ? [{ type: 'text', text }] : text;
  return {
    ...message,
    content: content as string,
    ...(hasCalls && { tool_calls: calls.map((call) => toolCall(call, traits)) }),
  };
}

function toolCall(call: WrittenCall & { readonly id: string }, { argumentsAs }: TemplateTraits): ToolCall {
  const given = argumentsAs === 'object' ? call.arguments : writeExactJson(call.arguments);
  return { id: call.id, type: 'function', function: { name: call.name, arguments: given } };
}
