import { isObject, parseExactJson, type JsonRecord } from '../../core/index.ts';

/** What tools of this field call the turn of a tool that answers. */
export const TOOL_TURNS = ['observation', 'tool_response', 'function_response', 'function'] as const;

/** And a turn of the assistant whose text is a call. */
export const CALL_TURNS = ['function_call', 'tool_call'] as const;
const CALLS: ReadonlySet<string> = new Set(CALL_TURNS);
const TOOLS: ReadonlySet<string> = new Set(TOOL_TURNS);

const KNOWN = new Set(['system', 'developer', 'user', 'assistant', 'tool']);

/**
 * A turn as chat templates know it, where it is spelled otherwise: roles with capitals, ms-swift's tool_call and tool_response, OpenAI's former function
 * and function_call. Any other turn comes back as it is.
 */
export function knownTurn(turn: JsonRecord): JsonRecord {
  const { role, content, function_call: call, ...rest } = turn;
  if (typeof role !== 'string') return turn;
  if (CALLS.has(role)) {
    const calls = typeof content === 'string' ? callsOf(content) : undefined;
    return calls === undefined ? turn : { ...rest, role: 'assistant', content: '', tool_calls: calls };
  }
  if (role === 'assistant' && isObject(call) && rest['tool_calls'] === undefined)
    return { ...rest, role, content: content ?? '', tool_calls: [{ type: 'function', function: call }] };
  const known = TOOLS.has(role) ? 'tool' : KNOWN.has(role.toLowerCase()) ? role.toLowerCase() : role;
  return known === role ? turn : { ...turn, role: known };
}

/** Turns in which calls that follow each other without an answer between are one turn, as ms-swift's are parallel calls. */
export function withParallelCalls<T extends { readonly role: string }>(
  turns: readonly T[],
  given: readonly unknown[],
): readonly T[] {
  if (!given.some(isCallTurn)) return turns;
  const isCall = (index: number): boolean => isCallTurn(given[index]);
  const merged: T[] = [];
  turns.forEach((turn, index) => {
    const last = merged.at(-1);
    if (last === undefined || index === 0 || !isCall(index) || !isCall(index - 1)) return void merged.push(turn);
    const calls = [last, turn].flatMap((each) => (each as { tool_calls?: readonly unknown[] }).tool_calls ?? []);
    merged[merged.length - 1] = { ...last, tool_calls: calls };
  });
  return merged;
}

function isCallTurn(turn: unknown): boolean {
  return isObject(turn) && typeof turn['role'] === 'string' && CALLS.has(turn['role']);
}

/** A call, or a list of calls, of name and arguments, as JSON text; undefined for any other text. */
export function callsOf(
  json: string,
):
  | readonly { readonly type: 'function'; readonly function: { readonly name: string; readonly arguments: unknown } }[]
  | undefined {
  try {
    const value: unknown = parseExactJson(json);
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (list.length === 0 || !list.every((call) => isObject(call) && typeof call['name'] === 'string'))
      return undefined;
    return (list as JsonRecord[]).map(({ name, arguments: given }) => ({
      type: 'function',
      function: { name: name as string, arguments: given ?? {} },
    }));
  } catch {
    return undefined;
  }
}
