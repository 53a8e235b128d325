import { isObject, wholeText, type JsonObject } from '../../core/index.ts';
import type { Content } from '../../data/index.ts';
import type { Inference } from '../../ledger/index.ts';
import type { Message, ToolCall } from '../../tokenizer/index.ts';

/** A conversation as rows have it. */
export interface Asked {
  readonly prompt: Content;
  readonly tools: readonly unknown[] | undefined;
}

/** Why nothing can be learned of an answer. */
export type NoTextReason = 'text_gone' | 'not_text';

/** What an inference was asked; or that its text is not kept any more, or is none (images, token ids). */
export function askedOf({ route, request }: Inference): Asked | NoTextReason {
  if (request === undefined) return 'text_gone';
  if (route === 'completions')
    return typeof request['prompt'] === 'string'
      ? { prompt: wholeText(request['prompt']), tools: undefined }
      : 'not_text';
  const { messages, tools } = request;
  if (!Array.isArray(messages)) return 'not_text';
  const turns = messages.map(turnOf);
  if (!turns.every((turn) => turn !== undefined)) return 'not_text';
  return { prompt: turns, tools: Array.isArray(tools) && tools.length > 0 ? tools : undefined };
}

/** What it answered, as one of its choices. */
export function answerOf({ route, response }: Inference, choice: number): Content | NoTextReason {
  if (response === undefined) return 'text_gone';
  const choices = response['choices'];
  const found = Array.isArray(choices)
    ? choices.find((one) => isObject(one) && (one['index'] ?? 0) === choice)
    : undefined;
  if (!isObject(found)) return 'not_text';
  if (route === 'completions') return typeof found['text'] === 'string' ? wholeText(found['text']) : 'not_text';
  const turn = turnOf(found['message']);
  const isEmpty = turn === undefined || (turn.content.trim() === '' && (turn.tool_calls ?? []).length === 0);
  return isEmpty ? 'not_text' : [turn];
}

/** A turn as chat templates take it; undefined where a part of it is no text. */
function turnOf(value: unknown): Message | undefined {
  if (!isObject(value)) return undefined;
  const { role, content, name, tool_calls: calls, tool_call_id: callId } = value as JsonObject;
  const text = textOf(content);
  if (text === undefined) return undefined;
  return {
    // OpenAI's newer name of the same turn.
    role: role === 'developer' ? 'system' : String(role),
    content: text,
    ...(typeof name === 'string' && { name }),
    ...(Array.isArray(calls) && calls.length > 0 && { tool_calls: calls as unknown as ToolCall[] }),
    ...(typeof callId === 'string' && { tool_call_id: callId }),
  };
}

function textOf(content: unknown): string | undefined {
  if (content === null || content === undefined) return '';
  // Half of a surrogate pair is no text that a tokenizer takes.
  if (typeof content === 'string') return wholeText(content);
  if (!Array.isArray(content)) return undefined;
  const parts = content.map((part) => (isObject(part) && part['type'] === 'text' ? part['text'] : undefined));
  return parts.every((part) => typeof part === 'string') ? wholeText(parts.join('')) : undefined;
}
