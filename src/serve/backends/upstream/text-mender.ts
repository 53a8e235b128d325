import { isObject, type JsonRecord } from '../../../core/index.ts';
import type { TextLogprobs, TextPiece } from '../backend.ts';
import { createMender, newChoiceState, type ChoiceState, type Mender, type MenderOptions } from './mender.ts';

type TextChoice = TextPiece['choices'][number];

interface TextState extends ChoiceState {
  length: number;
}

const CHOICE = new Set(['index', 'text', 'finish_reason', 'logprobs']);

/** For /v1/completions. */
export function createTextMender(options: MenderOptions): Mender<TextPiece> {
  const { wanted, onMend } = options;
  return createMender<TextState, TextChoice, TextPiece>(options, {
    known: CHOICE,
    newState: () => ({ ...newChoiceState(), length: 0 }),
    read: (choice, { index, state, more }) => {
      const text = typeof choice['text'] === 'string' ? choice['text'] : '';
      const logprobs = wanted.hasLogprobs
        ? readLogprobs(choice['logprobs'], { start: state.length, top: wanted.topLogprobs, onMend })
        : null;
      if (logprobs !== null) state.hasLogprobs = true;
      state.length += text.length;
      state.hasText ||= text !== '';
      if (text === '' && logprobs === null) return undefined;
      return { ...more, index, text, logprobs, finish_reason: null };
    },
    end: ({ finish }, { index }) => {
      const reason = finish?.reason ?? 'stop';
      return {
        index,
        text: '',
        logprobs: null,
        finish_reason: reason === 'tool_calls' ? 'stop' : reason,
        ...(finish?.raw !== undefined && { native_finish_reason: finish.raw }),
      };
    },
    merge: (choice, end) => ({ ...choice, ...end, text: choice.text, logprobs: choice.logprobs }),
  });
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
