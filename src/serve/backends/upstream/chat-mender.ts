import { isObject, type JsonRecord } from '../../../core/index.ts';
import type { ChatPiece, ChoiceDelta, ChoicePiece, FinishReason, TokenLogprob, TokenUsage } from '../backend.ts';
import { AnswerError } from './answer-error.ts';
import { readFinish } from './finish-reason.ts';
import { ToolCallMender } from './tool-call-mender.ts';
import { addedUsage, readUsage, sharedPrompt } from './usage.ts';

export interface Wanted {
  /** How many choices were asked for. */
  readonly choices: number;
  readonly hasLogprobs: boolean;
  /** Alternatives a token. */
  readonly topLogprobs: number;
  /** Answers must call a tool. */
  readonly needsCall: boolean;
  /** Usage comes once for each choice, and must be added up: so many choices share a prompt. */
  readonly choicesPerUsage: number | undefined;
  /** The longest answer that was asked for. */
  readonly maxTokens: number | undefined;
}

export interface MenderOptions {
  readonly wanted: Wanted;
  readonly onMend: (what: string) => void;
}

/** Makes pieces of the contract out of what a server sends. Throws AnswerError for what cannot be mended. */
export interface Mender<Piece> {
  /** A piece of a stream; undefined where nothing in it is new. */
  chunk(body: JsonRecord): Piece | undefined;
  /** A whole answer. */
  whole(body: JsonRecord): Piece;
  /** Every choice that was asked for has its reason to end. */
  readonly isFinished: boolean;
  /** The last piece: why each choice ended, and usage. `isDone`: the server said that it was the end. */
  end(isDone: boolean): Piece;
}

interface ChoiceState {
  readonly calls: ToolCallMender;
  hasBegun: boolean;
  hasText: boolean;
  hasLogprobs: boolean;
  finish: { readonly reason: FinishReason; readonly raw?: string } | undefined;
  /** Fields of choices that came with nothing else. */
  more: JsonRecord;
}

/** Fields that are the answer's own, or that the server makes anew. */
const HEAD = new Set(['id', 'object', 'created', 'model', 'choices', 'usage', 'system_fingerprint']);
const CHOICE = new Set(['index', 'delta', 'message', 'finish_reason', 'logprobs']);
const DELTA = new Set(['role', 'content', 'refusal', 'reasoning', 'reasoning_content', 'tool_calls', 'function_call']);

export function createChatMender({ wanted, onMend }: MenderOptions): Mender<ChatPiece> {
  const states = new Map<number, ChoiceState>();
  let usage: TokenUsage | undefined;
  let usages = 0;
  let fingerprint: string | undefined;
  /** Fields of the answer that wait for a piece to travel with. */
  let more: JsonRecord = {};

  const stateAt = (index: number): ChoiceState => {
    const known = states.get(index);
    if (known !== undefined) return known;
    if (states.size >= wanted.choices) throw new AnswerError(`choice ${index}, where ${wanted.choices} were asked for`);
    const state: ChoiceState = {
      calls: new ToolCallMender(onMend),
      hasBegun: false,
      hasText: false,
      hasLogprobs: false,
      finish: undefined,
      more: {},
    };
    states.set(index, state);
    return state;
  };

  /** What is new of a choice; undefined for a piece without anything. Reasons to end are kept for the end, since some servers send more behind them. */
  const readChoice = (choice: JsonRecord, index: number, isWhole: boolean): ChoicePiece | undefined => {
    const state = stateAt(index);
    const given = isObject(choice['delta']) ? choice['delta'] : isObject(choice['message']) ? choice['message'] : {};
    if (!isWhole && isObject(choice['message']) && !isObject(choice['delta'])) onMend('chunks with message for delta');
    const delta = readDelta(given, state);
    const logprobs = wanted.hasLogprobs ? readContentLogprobs(choice['logprobs'], wanted.topLogprobs) : undefined;
    if (logprobs !== undefined) state.hasLogprobs = true;
    const raw = choice['finish_reason'];
    if (typeof raw === 'string' && raw !== '') {
      if (state.finish !== undefined) onMend('choices that end twice');
      state.finish = readFinish(raw, onMend);
    }
    const extras = fieldsBeside(choice, CHOICE);
    if (Object.keys(delta).length === 0 && logprobs === undefined) {
      state.more = { ...state.more, ...extras };
      return undefined;
    }
    const own = { ...state.more, ...extras };
    state.more = {};
    const role = state.hasBegun ? {} : { role: 'assistant' as const };
    state.hasBegun = true;
    return {
      ...own,
      index,
      delta: { ...role, ...delta },
      ...(logprobs !== undefined && { logprobs }),
      finish_reason: null,
    } as ChoicePiece;
  };

  const readDelta = (given: JsonRecord, state: ChoiceState): ChoiceDelta => {
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
  };

  const readHead = (body: JsonRecord): void => {
    if (typeof body['system_fingerprint'] === 'string') fingerprint = body['system_fingerprint'];
    const found = readUsage(body['usage'], onMend);
    if (found !== undefined) {
      usage = wanted.choicesPerUsage === undefined || usage === undefined ? found : addedUsage(usage, found);
      usages++;
    }
    const fields = fieldsBeside(body, HEAD);
    if (Object.keys(fields).length > 0) more = { ...more, ...fields };
  };

  const pieceOf = (choices: readonly ChoicePiece[]): ChatPiece => {
    const fields = more;
    more = {};
    return { ...fields, choices, ...(fingerprint !== undefined && { system_fingerprint: fingerprint }) };
  };

  const finishOf = (state: ChoiceState): ChoiceState['finish'] => {
    const { finish, calls } = state;
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

  const end = (isDone: boolean): ChatPiece => {
    if (states.size < wanted.choices)
      throw new AnswerError(`${states.size} of ${wanted.choices} choices`, { isTorn: !isDone });
    const choices = [...states]
      .toSorted(([a], [b]) => a - b)
      .map(([index, state]): ChoicePiece => {
        if (state.finish === undefined) {
          if (!isDone) throw new AnswerError('no reason for the end', { isTorn: true });
          onMend('choices without finish_reason');
        }
        if (wanted.hasLogprobs && state.hasText && !state.hasLogprobs)
          throw new AnswerError('no log-probabilities, which were asked for');
        const { reason, raw } = finishOf(state)!;
        if (wanted.needsCall && state.calls.count === 0 && reason === 'stop')
          throw new AnswerError('no tool call, which was required');
        const rest = state.calls.finish({ isCut: reason === 'length' });
        const role = state.hasBegun ? {} : { role: 'assistant' as const, content: '' };
        return {
          ...state.more,
          index,
          delta: { ...role, ...(rest.length > 0 && { tool_calls: rest }) },
          finish_reason: reason,
          ...(raw !== undefined && { native_finish_reason: raw }),
        };
      });
    if (usage === undefined) onMend('answers without usage');
    else if (usages > 1) onMend('usage in several chunks');
    return { ...pieceOf(choices), ...(usage !== undefined && { usage: sharedPrompt(usage, wanted) }) };
  };

  return {
    chunk: (body) => {
      readHead(body);
      const choices = listOfChoices(body).flatMap((choice) => {
        const piece = readChoice(choice, indexOf(choice), false);
        return piece === undefined ? [] : [piece];
      });
      return choices.length === 0 ? undefined : pieceOf(choices);
    },
    whole: (body) => {
      readHead(body);
      const list = listOfChoices(body);
      if (list.length === 0) throw new AnswerError('an answer without choices');
      const areNumbered = new Set(list.map(indexOf)).size === list.length;
      if (!areNumbered) onMend('choices that share an index');
      const choices = list.flatMap((choice, place) => {
        const piece = readChoice(choice, areNumbered ? indexOf(choice) : place, true);
        return piece === undefined ? [] : [piece];
      });
      const last = end(true);
      return { ...last, choices: choices.length === 0 ? last.choices : merged(choices, last.choices) };
    },
    get isFinished() {
      return states.size >= wanted.choices && [...states.values()].every(({ finish }) => finish !== undefined);
    },
    end,
  };
}

/** A whole choice and its end, as one piece. */
function merged(choices: readonly ChoicePiece[], ends: readonly ChoicePiece[]): ChoicePiece[] {
  return ends.map((last) => {
    const choice = choices.find(({ index }) => index === last.index);
    if (choice === undefined) return last;
    const calls = [...(choice.delta.tool_calls ?? []), ...(last.delta.tool_calls ?? [])];
    return { ...choice, ...last, delta: { ...choice.delta, ...(calls.length > 0 && { tool_calls: calls }) } };
  });
}

export function listOfChoices(body: JsonRecord): JsonRecord[] {
  const { choices } = body;
  if (choices === undefined || choices === null) return [];
  if (!Array.isArray(choices)) throw new AnswerError('choices that are no list');
  return choices.filter(isObject);
}

export function indexOf(choice: JsonRecord): number {
  const index = Number(choice['index'] ?? 0);
  return Number.isInteger(index) && index >= 0 ? index : 0;
}

/** Fields without a name among `known`, and with a value; without those that servers add to find their own faults (`__verbose` holds the whole prompt). */
export function fieldsBeside(record: JsonRecord, known: ReadonlySet<string>): JsonRecord {
  const fields: Record<string, unknown> = {};
  for (const name in record)
    if (!known.has(name) && record[name] !== null && !name.startsWith('__')) fields[name] = record[name];
  return fields;
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
