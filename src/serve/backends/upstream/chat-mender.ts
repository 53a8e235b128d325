import { isObject, type JsonRecord } from '../../../core/index.ts';
import type { ChatPiece, ChoiceDelta, ChoicePiece, TokenLogprob, TokenUsage } from '../backend.ts';
import { AnswerError } from './answer-error.ts';
import {
  createMender,
  newChoiceState,
  type ChoiceState,
  type GivenChoice,
  type Mender,
  type MenderOptions,
} from './mender.ts';
import { ToolCallMender } from './tool-call-mender.ts';

interface ChatState extends ChoiceState {
  readonly calls: ToolCallMender;
  hasBegun: boolean;
}

const CHOICE = new Set(['index', 'delta', 'message', 'finish_reason', 'logprobs']);
const DELTA = new Set(['role', 'content', 'refusal', 'reasoning', 'reasoning_content', 'tool_calls', 'function_call']);

/** For /v1/chat/completions. */
export function createChatMender(options: MenderOptions): Mender<ChatPiece> {
  const { wanted, onMend } = options;

  const readChoice = (
    choice: JsonRecord,
    { index, state, isWhole, more }: GivenChoice<ChatState>,
  ): ChoicePiece | undefined => {
    const given = isObject(choice['delta']) ? choice['delta'] : isObject(choice['message']) ? choice['message'] : {};
    if (!isWhole && isObject(choice['message']) && !isObject(choice['delta'])) onMend('chunks with message for delta');
    const delta = readDelta(given, state, onMend);
    const logprobs = wanted.hasLogprobs ? readContentLogprobs(choice['logprobs'], wanted.topLogprobs) : undefined;
    if (logprobs !== undefined) state.hasLogprobs = true;
    if (Object.keys(delta).length === 0 && logprobs === undefined) return undefined;
    const role = state.hasBegun ? {} : { role: 'assistant' as const };
    state.hasBegun = true;
    return {
      ...more,
      index,
      delta: { ...role, ...delta },
      ...(logprobs !== undefined && { logprobs }),
      finish_reason: null,
    };
  };

  const finishOf = ({ finish, calls }: ChatState, usage: TokenUsage | undefined): NonNullable<ChatState['finish']> => {
    const reason = finish?.reason ?? 'stop';
    const isFull =
      wanted.maxTokens !== undefined && wanted.choices === 1 && (usage?.completion_tokens ?? 0) >= wanted.maxTokens;
    if (calls.isCutOff && isFull && reason !== 'length') {
      onMend('tool calls that were cut off and not said to be');
      return { ...finish, reason: 'length' };
    }
    if (calls.count > 0 && reason === 'stop') {
      onMend('finish_reason stop behind tool calls');
      return { ...finish, reason: 'tool_calls' };
    }
    if (calls.count === 0 && reason === 'tool_calls') {
      onMend('finish_reason tool_calls without one');
      return { ...finish, reason: 'stop' };
    }
    return { ...finish, reason };
  };

  return createMender<ChatState, ChoicePiece, ChatPiece>(options, {
    known: CHOICE,
    newState: () => ({ ...newChoiceState(), calls: new ToolCallMender(onMend), hasBegun: false }),
    read: readChoice,
    end: (state, { index, usage }) => {
      const { reason, raw } = finishOf(state, usage);
      if (wanted.needsCall && state.calls.count === 0 && reason === 'stop')
        throw new AnswerError('no tool call, which was required');
      const rest = state.calls.finish({ isCut: reason === 'length' });
      const role = state.hasBegun ? {} : { role: 'assistant' as const, content: '' };
      return {
        index,
        delta: { ...role, ...(rest.length > 0 && { tool_calls: rest }) },
        finish_reason: reason,
        ...(raw !== undefined && { native_finish_reason: raw }),
      };
    },
    merge: (choice, end) => {
      const calls = [...(choice.delta.tool_calls ?? []), ...(end.delta.tool_calls ?? [])];
      return { ...choice, ...end, delta: { ...choice.delta, ...(calls.length > 0 && { tool_calls: calls }) } };
    },
  });
}

function readDelta(given: JsonRecord, state: ChatState, onMend: (what: string) => void): ChoiceDelta {
  const delta: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given))
    if (!DELTA.has(name) && value !== null && !(Array.isArray(value) && value.length === 0)) delta[name] = value;
  const { text, thought } = readContent(given['content'], onMend);
  if (text !== '') {
    delta['content'] = text;
    state.hasText = true;
  }
  if (typeof given['refusal'] === 'string' && given['refusal'] !== '') {
    delta['refusal'] = given['refusal'];
    state.hasText = true;
  }
  const reasoning = [given['reasoning_content'], given['reasoning'], thought].find(
    (one) => typeof one === 'string' && one !== '',
  );
  if (reasoning !== undefined) delta['reasoning_content'] = reasoning;
  if (isObject(given['function_call'])) throw new AnswerError('a call of the old kind (function_call)');
  if (Array.isArray(given['tool_calls'])) {
    const calls = readCalls(state.calls, given['tool_calls']);
    if (calls.length > 0) delta['tool_calls'] = calls;
  }
  return delta;
}

/** A text, also where it came as parts of one, beside parts that the model thought. */
function readContent(content: unknown, onMend: (what: string) => void): { text: string; thought: string } {
  if (typeof content === 'string') return { text: content, thought: '' };
  if (!Array.isArray(content)) return { text: '', thought: '' };
  onMend('content as a list of parts');
  const [texts, thoughts]: [string[], string[]] = [[], []];
  for (const part of content.filter(isObject)) {
    const { type, text, thinking } = part;
    if (type === 'thinking' || type === 'reasoning')
      thoughts.push(typeof thinking === 'string' ? thinking : readContent(thinking ?? text, () => undefined).text);
    else if (typeof text === 'string') texts.push(text);
    else throw new AnswerError(`a part of the kind ${String(type).slice(0, 32)}`);
  }
  return { text: texts.join(''), thought: thoughts.join('') };
}

/** JSON has no infinity: servers write null, or the least number that they have, and OpenAI this. */
const IMPOSSIBLE = -9999;

/** Log-probabilities of a piece with as many alternatives as were asked for: llama.cpp gives 20 where none are wanted. */
function readContentLogprobs(value: unknown, top: number): ChoicePiece['logprobs'] | undefined {
  if (!isObject(value) || !Array.isArray(value['content']) || value['content'].length === 0) return undefined;
  const content = value['content'].filter(isObject).map((entry) => {
    const others = Array.isArray(entry['top_logprobs']) ? entry['top_logprobs'].filter(isObject) : [];
    return { ...tokenLogprob(entry), top_logprobs: others.slice(0, top).map(tokenLogprob) };
  });
  return { content, refusal: null };
}

function tokenLogprob({ token, logprob, bytes }: JsonRecord): TokenLogprob {
  return {
    token: String(token ?? ''),
    logprob: typeof logprob === 'number' ? Math.max(logprob, IMPOSSIBLE) : IMPOSSIBLE,
    bytes: Array.isArray(bytes) ? (bytes as number[]) : null,
  };
}

function readCalls(calls: ToolCallMender, entries: readonly unknown[]) {
  try {
    return calls.read(entries);
  } catch (error) {
    if (error instanceof RangeError) throw new AnswerError(error.message);
    throw error;
  }
}
