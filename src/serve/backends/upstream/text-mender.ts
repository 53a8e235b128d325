import { isObject, type JsonRecord } from '../../../core/index.ts';
import type { TextLogprobs, TextPiece, TokenUsage } from '../backend.ts';
import { AnswerError } from './answer-error.ts';
import { fieldsBeside, indexOf, listOfChoices, type Mender, type MenderOptions } from './chat-mender.ts';
import { readFinish } from './finish-reason.ts';
import { addedUsage, readUsage, sharedPrompt } from './usage.ts';

type TextChoice = TextPiece['choices'][number];

interface TextState {
  length: number;
  hasLogprobs: boolean;
  finish: 'stop' | 'length' | 'content_filter' | undefined;
  raw: string | undefined;
  more: JsonRecord;
}

const HEAD = new Set(['id', 'object', 'created', 'model', 'choices', 'usage', 'system_fingerprint']);
const CHOICE = new Set(['index', 'text', 'finish_reason', 'logprobs']);

/** The same for /v1/completions. */
export function createTextMender({ wanted, onMend }: MenderOptions): Mender<TextPiece> {
  const states = new Map<number, TextState>();
  let usage: TokenUsage | undefined;
  let fingerprint: string | undefined;
  let more: JsonRecord = {};

  const stateAt = (index: number): TextState => {
    const known = states.get(index);
    if (known !== undefined) return known;
    if (states.size >= wanted.choices) throw new AnswerError(`choice ${index}, where ${wanted.choices} were asked for`);
    const state: TextState = { length: 0, hasLogprobs: false, finish: undefined, raw: undefined, more: {} };
    states.set(index, state);
    return state;
  };

  const readChoice = (choice: JsonRecord, index: number): TextChoice[] => {
    const state = stateAt(index);
    const text = typeof choice['text'] === 'string' ? choice['text'] : '';
    const logprobs = wanted.hasLogprobs
      ? readLogprobs(choice['logprobs'], { start: state.length, top: wanted.topLogprobs, onMend })
      : null;
    if (logprobs !== null) state.hasLogprobs = true;
    state.length += text.length;
    const raw = choice['finish_reason'];
    if (typeof raw === 'string' && raw !== '') {
      const finish = readFinish(raw, onMend);
      state.finish = finish.reason === 'tool_calls' ? 'stop' : finish.reason;
      state.raw = finish.raw;
    }
    const own = { ...state.more, ...fieldsBeside(choice, CHOICE) };
    if (text === '' && logprobs === null) {
      state.more = own;
      return [];
    }
    state.more = {};
    return [{ ...own, index, text, logprobs, finish_reason: null }];
  };

  const readHead = (body: JsonRecord): void => {
    if (typeof body['system_fingerprint'] === 'string') fingerprint = body['system_fingerprint'];
    const found = readUsage(body['usage'], onMend);
    if (found !== undefined)
      usage = wanted.choicesPerUsage === undefined || usage === undefined ? found : addedUsage(usage, found);
    const fields = fieldsBeside(body, HEAD);
    if (Object.keys(fields).length > 0) more = { ...more, ...fields };
  };

  const pieceOf = (choices: readonly TextChoice[]): TextPiece => {
    const fields = more;
    more = {};
    return { ...fields, choices, ...(fingerprint !== undefined && { system_fingerprint: fingerprint }) };
  };

  const end = (isDone: boolean): TextPiece => {
    if (states.size < wanted.choices)
      throw new AnswerError(`${states.size} of ${wanted.choices} choices`, { isTorn: !isDone });
    const choices = [...states]
      .toSorted(([a], [b]) => a - b)
      .map(([index, state]): TextChoice => {
        if (state.finish === undefined) {
          if (!isDone) throw new AnswerError('no reason for the end', { isTorn: true });
          onMend('choices without finish_reason');
        }
        if (wanted.hasLogprobs && state.length > 0 && !state.hasLogprobs)
          throw new AnswerError('no log-probabilities, which were asked for');
        return {
          ...state.more,
          index,
          text: '',
          logprobs: null,
          finish_reason: state.finish ?? 'stop',
          ...(state.raw !== undefined && { native_finish_reason: state.raw }),
        };
      });
    if (usage === undefined) onMend('answers without usage');
    return { ...pieceOf(choices), ...(usage !== undefined && { usage: sharedPrompt(usage, wanted) }) };
  };

  return {
    chunk: (body) => {
      readHead(body);
      const choices = listOfChoices(body).flatMap((choice) => readChoice(choice, indexOf(choice)));
      return choices.length === 0 ? undefined : pieceOf(choices);
    },
    whole: (body) => {
      readHead(body);
      const list = listOfChoices(body);
      if (list.length === 0) throw new AnswerError('an answer without choices');
      const areNumbered = new Set(list.map(indexOf)).size === list.length;
      if (!areNumbered) onMend('choices that share an index');
      const choices = list.flatMap((choice, place) => readChoice(choice, areNumbered ? indexOf(choice) : place));
      const last = end(true);
      return {
        ...last,
        choices: last.choices.map((one) => {
          const whole = choices.find(({ index }) => index === one.index);
          return whole === undefined ? one : { ...whole, ...one, text: whole.text, logprobs: whole.logprobs };
        }),
      };
    },
    get isFinished() {
      return states.size >= wanted.choices && [...states.values()].every(({ finish }) => finish !== undefined);
    },
    end,
  };
}

interface LogprobOptions {
  /** Where the piece begins in the choice's text. */
  readonly start: number;
  readonly top: number;
  readonly onMend: (what: string) => void;
}

/** The numeric form, also out of the chat's, which llama.cpp gives here too. */
function readLogprobs(value: unknown, { start, top: most, onMend }: LogprobOptions): TextLogprobs | null {
  if (!isObject(value)) return null;
  if (Array.isArray(value['tokens']) && Array.isArray(value['token_logprobs'])) {
    const {
      tokens,
      token_logprobs: logprobs,
      top_logprobs: top,
      text_offset: offsets,
    } = value as unknown as TextLogprobs;
    if (tokens.length === 0) return null;
    return {
      tokens,
      token_logprobs: logprobs,
      top_logprobs: Array.isArray(top) ? top : null,
      text_offset: Array.isArray(offsets) && offsets.length === tokens.length ? offsets : offsetsOf(tokens, start),
    };
  }
  if (!Array.isArray(value['content']) || value['content'].length === 0) return null;
  onMend("log-probabilities in the chat's form");
  const entries = value['content'].filter(isObject);
  const tokens = entries.map(({ token }) => String(token ?? ''));
  const tops = entries.map((entry) => topOf(entry).slice(0, most));
  return {
    tokens,
    token_logprobs: entries.map(({ logprob }) => (typeof logprob === 'number' ? logprob : null)),
    top_logprobs: tops.every((top) => top.length === 0) ? null : tops.map((top) => Object.fromEntries(top)),
    text_offset: offsetsOf(tokens, start),
  };
}

function topOf(entry: JsonRecord): [string, number][] {
  const top = entry['top_logprobs'];
  if (!Array.isArray(top)) return [];
  return top.filter(isObject).map(({ token, logprob }) => [String(token), Number(logprob)]);
}

function offsetsOf(tokens: readonly string[], start: number): number[] {
  let at = start;
  return tokens.map((token) => {
    const own = at;
    at += token.length;
    return own;
  });
}
