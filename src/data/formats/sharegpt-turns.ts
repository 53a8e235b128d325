import type { Message } from '../../tokenizer/index.ts';
import { isObject, writeExactJson, type JsonRecord } from '../../core/index.ts';
import { readMessage, type FieldReader } from '../fields.ts';
import { CALL_TURNS, callsOf, TOOL_TURNS } from '../reading/turn-spellings.ts';

/** Whose turn a tag says it is. Several tools of the field have their own names for the same. */
const ROLES: Readonly<Record<string, string>> = {
  human: 'user',
  user: 'user',
  gpt: 'assistant',
  chatgpt: 'assistant',
  assistant: 'assistant',
  model: 'assistant',
  system: 'system',
  tool: 'tool',
  ...Object.fromEntries(TOOL_TURNS.map((tag) => [tag, 'tool'])),
  ...Object.fromEntries(CALL_TURNS.map((tag) => [tag, 'assistant'])),
};

const TAGS: Readonly<Record<string, string>> = {
  user: 'human',
  assistant: 'gpt',
  system: 'system',
  tool: 'observation',
};

/** Turns of `{from, value}`; a function_call's value is a tool call, or a list of them, as JSON. */
export function readTagged(fields: FieldReader, path: string, turns: readonly unknown[]): Message[] {
  return turns.map((turn, index) => readTaggedTurn(fields, `${path}.${index}`, turn));
}

export function readTaggedTurn(fields: FieldReader, path: string, turn: unknown): Message {
  // The other spelling of turns, under the same field.
  if (isObject(turn) && 'role' in turn && !('from' in turn)) return readMessage(turn, path, fields.problems);
  const { from, value } = isObject(turn) ? turn : { from: undefined, value: undefined };
  const role = typeof from === 'string' && Object.hasOwn(ROLES, from) ? ROLES[from]! : undefined;
  if (role === undefined) fields.wrong(`${path}.from`, `one of ${Object.keys(ROLES).join(', ')}`, from);
  if (typeof value !== 'string') fields.wrong(`${path}.value`, 'a text', value);
  const content = typeof value === 'string' ? value : '';
  // Flags on the turn stay with it: whether it is learned.
  const { from: _from, value: _value, ...rest } = isObject(turn) ? turn : {};
  const others = Object.entries(rest).filter(([, other]) => other !== null && other !== undefined);
  const flags = others.length > 0 ? Object.fromEntries(others) : undefined;
  if (!CALL_TURNS.some((tag) => tag === from)) return { ...flags, role: role ?? 'user', content };
  const calls = callsOf(content);
  if (calls === undefined) fields.wrong(`${path}.value`, 'JSON of name and arguments, or a list of such', value);
  return { ...flags, role: 'assistant', content: '', tool_calls: (calls ?? []) as NonNullable<Message['tool_calls']> };
}

/** A turn with its tag; undefined where a turn has both text and tool calls, or a role without a tag. */
export function taggedTurn({ role, content, tool_calls: calls, ...rest }: Message): JsonRecord | undefined {
  if (calls === undefined) return TAGS[role] === undefined ? undefined : { from: TAGS[role], value: content, ...rest };
  if (content !== '') return undefined;
  const list = calls.map(({ function: call }) => ({ name: call.name, arguments: call.arguments }));
  return { from: 'function_call', value: writeExactJson(list.length === 1 ? list[0] : list), ...rest };
}

/** All turns with their tags; undefined where one has none. */
export function taggedTurns(turns: readonly Message[]): readonly JsonRecord[] | undefined {
  const tagged = turns.map(taggedTurn);
  return tagged.includes(undefined) ? undefined : (tagged as readonly JsonRecord[]);
}
