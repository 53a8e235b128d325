import { createCallReader, readWholeCalls, type Part } from './call-reader.ts';
import { openersOf, type ToolFormat } from './format.ts';
import { createReasoningSplitter, type ReasoningFormat } from './reasoning.ts';
import type { CallText, ToolDefinition } from './tool.ts';

/** A piece of a call in OpenAI's words: the first of a call has id, type and name, the others pieces of the JSON text of the arguments. */
export interface CallDelta {
  readonly index: number;
  readonly id?: string;
  readonly type?: 'function';
  readonly function: { readonly name?: string; readonly arguments: string };
}

/** What is new of an answer: one of the three. */
export interface AnswerDelta {
  readonly reasoning_content?: string;
  readonly content?: string;
  readonly tool_calls?: readonly CallDelta[];
}

export interface ToolParserOptions {
  /** How the model writes calls; undefined where none are looked for. */
  readonly format?: ToolFormat | undefined;
  /** The tools of the request. Calls of others are text. */
  readonly tools?: readonly ToolDefinition[] | undefined;
  /** The marks around thoughts; undefined where they stay in the text. */
  readonly reasoning?: ReasoningFormat | undefined;
  /** The prompt ended within a thought (`isReasoningOpen`). */
  readonly isReasoningOpen?: boolean;
  /** Gives an id to each call. Default: `call_` and 24 random letters and digits. */
  readonly newCallId?: () => string;
}

/** Reads one answer as it comes. */
export interface ToolParser {
  push(text: string): readonly AnswerDelta[];
  /**
   * What was held back, and why the answer ended: `tool_calls` where it has calls and ended of itself (`stop`), else what came in.
   */
  end<Reason extends string>(
    reason: Reason,
  ): { readonly deltas: readonly AnswerDelta[]; readonly finishReason: Reason | 'tool_calls' };
}

/**
 * Takes thoughts and calls of tools out of an answer. The text must hold the special tokens among `markersOf(format)`. What comes out, put together, is the same in
 * whatever pieces the text comes.
 *
 * A call comes as it is drawn: its id and name once its arguments begin, then pieces of their JSON text. It is not taken back: arguments that are cut or break
 * come as far as they go, and the rest of them as the model wrote it, so that clients must be ready for what is no JSON, as with OpenAI. Pieces hold single characters where the model writes them so:
 * JSON, Python's calls and Gemma's come as they are drawn, but for numbers and words such as true, which come whole; of Qwen3-Coder's and GLM's, texts come as they are drawn and other arguments when
 * they are whole; arguments that are a text of JSON, or stand before the name, come whole. What has no known name is content as it stands. Calls within a thought are thoughts, except
 * those at the end of an answer that has nothing else.
 *
 * @example
 * ```ts run
 * import { TOOL_FORMATS, createToolParser } from 'preftune/tools';
 *
 * const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }];
 * const parser = createToolParser({ format: TOOL_FORMATS.hermes, tools, newCallId: () => 'call_1' });
 * const deltas = parser.push('One moment.\n<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>');
 * console.log(deltas.map((delta) => delta.content ?? delta.tool_calls?.[0]?.function.arguments)); // [ 'One moment.', '', '{"city":"Oslo"}' ]
 * console.log(parser.end('stop').finishReason); // tool_calls
 * ```
 */
export function createToolParser(options: ToolParserOptions): ToolParser {
  const { format, tools = [], reasoning, newCallId = randomCallId } = options;
  const splitter =
    reasoning === undefined ? undefined : createReasoningSplitter(reasoning, options.isReasoningOpen === true);
  const reader = createCallReader(format, tools);
  let count = 0;
  let hasContent = false;
  let thought = '';

  const callDelta = (call: Omit<CallDelta, 'index'>): AnswerDelta => ({ tool_calls: [{ index: count - 1, ...call }] });
  const begun = (name: string): AnswerDelta => {
    count++;
    return callDelta({ id: newCallId(), type: 'function', function: { name, arguments: '' } });
  };
  const deltasOf = (parts: readonly Part[]): readonly AnswerDelta[] =>
    parts.flatMap((part): readonly AnswerDelta[] => {
      if (part.kind === 'call') return [begun(part.name)];
      if (part.kind === 'end' || part.text === '') return [];
      if (part.kind === 'arguments') return [callDelta({ function: { arguments: part.text } })];
      hasContent = true;
      return [{ content: part.text }];
    });
  const split = (text: string, isEnd: boolean): readonly AnswerDelta[] => {
    if (splitter === undefined) return text === '' ? [] : deltasOf(reader.push(text));
    const { reasoning: thoughts, rest } = splitter.push(text, isEnd);
    if (format !== undefined) thought += thoughts;
    return [
      ...(thoughts === '' ? [] : [{ reasoning_content: thoughts }]),
      ...(rest === '' ? [] : deltasOf(reader.push(rest))),
    ];
  };

  return {
    push: (text) => split(text, false),
    end(reason) {
      const deltas = [...split('', true), ...deltasOf(reader.end())];
      if (reason === 'stop' && count === 0 && !hasContent && format !== undefined)
        for (const { name, argumentsText } of callsAtEnd(thought, format, tools))
          deltas.push(begun(name), callDelta({ function: { arguments: argumentsText } }));
      return { deltas, finishReason: reason === 'stop' && count > 0 ? 'tool_calls' : reason };
    },
  };
}

/** Beginnings of calls in a thought that are tried, from the last: a thought may talk of calls. */
const MAX_TRIES = 16;

/** The calls with which a thought ends and behind which nothing stands. */
function callsAtEnd(thought: string, format: ToolFormat, tools: readonly ToolDefinition[]): readonly CallText[] {
  const places = new Set<number>();
  for (const opener of openersOf(format)) {
    let place = thought.lastIndexOf(opener);
    for (let tries = 0; place !== -1 && tries < MAX_TRIES; tries++) {
      places.add(place);
      place = place === 0 ? -1 : thought.lastIndexOf(opener, place - 1);
    }
  }
  for (const place of Array.from(places).toSorted((a, b) => a - b)) {
    const { calls, isAll } = readWholeCalls(format, tools, thought.slice(place));
    if (calls.length > 0 && isAll) return calls;
  }
  return [];
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/** `call_` and 24 random letters and digits, as OpenAI's ids are. */
function randomCallId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(24));
  return `call_${Array.from(bytes, (byte) => LETTERS[byte % LETTERS.length]).join('')}`;
}
