import type { FinishReason } from '../backend.ts';
import { AnswerError } from './answer-error.ts';

/** What servers call the reasons, in lower case. */
const REASONS: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  eos: 'stop',
  eos_token: 'stop',
  end_turn: 'stop',
  stop_sequence: 'stop',
  complete: 'stop',
  length: 'length',
  max_tokens: 'length',
  max_length: 'length',
  model_length: 'length',
  tool_calls: 'tool_calls',
  tool_call: 'tool_calls',
  tool_use: 'tool_calls',
  function_call: 'tool_calls',
  content_filter: 'content_filter',
  safety: 'content_filter',
};
const FAILURES = new Set(['error', 'abort', 'aborted', 'cancelled', 'canceled', 'load', 'unload']);

/** Why a choice ended. `raw`: the server's word, where it is none of OpenAI's and stands for none. */
export function readFinish(
  raw: string,
  onMend: (what: string) => void,
): { readonly reason: FinishReason; readonly raw?: string } {
  const word = raw.toLowerCase();
  if (FAILURES.has(word)) throw new AnswerError(`an answer that ended with ${word}`, { isTorn: true });
  const reason = REASONS[word];
  if (reason !== undefined && reason === raw) return { reason };
  onMend(`finish_reason ${JSON.stringify(raw.slice(0, 32))}`);
  return reason === undefined ? { reason: 'stop', raw: raw.slice(0, 64) } : { reason };
}
