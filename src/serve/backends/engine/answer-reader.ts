import { createStopWatch, type StreamedToken } from '../../../generate/index.ts';
import { createStreamDecoder, type Tokenizer } from '../../../tokenizer/index.ts';
import { createToolParser, type AnswerDelta, type ToolParserOptions } from '../../../tools/index.ts';

export interface AnswerReaderOptions extends ToolParserOptions {
  readonly tokenizer: Tokenizer;
  readonly stopStrings: readonly string[];
  /** Whether special tokens are among the marks of calls and thoughts; in answers they are no text otherwise. */
  readonly seesSpecialTokens: boolean;
}

/** One answer as its tokens come: content, thoughts, calls. */
export interface AnswerReader {
  push(token: StreamedToken): readonly AnswerDelta[];
  end(reason: 'stop' | 'length'): {
    readonly deltas: readonly AnswerDelta[];
    readonly finishReason: 'stop' | 'length' | 'tool_calls';
  };
}

export function createAnswerReader({
  tokenizer,
  stopStrings,
  seesSpecialTokens,
  ...parsing
}: AnswerReaderOptions): AnswerReader {
  const parser = createToolParser(parsing);
  // The engine's text leaves special tokens out, so it is made again from the ids, and looked through for what ends it.
  const decoder = createStreamDecoder({ decode: (ids) => tokenizer.decode(ids) });
  const watch = createStopWatch(stopStrings);
  const stops = new Set(tokenizer.stopIds);
  let isStopped = false;
  const textOf = (piece: string, isLast: boolean): string => {
    if (isStopped) return '';
    const { text, stopString } = watch.push(piece, isLast);
    isStopped = stopString !== undefined;
    return text;
  };
  return {
    push: ({ id, text }) => {
      if (!seesSpecialTokens) return parser.push(text);
      return stops.has(id) ? [] : parser.push(textOf(decoder.push(id), false));
    },
    end: (reason) => {
      const last = seesSpecialTokens ? parser.push(textOf(decoder.flush(), true)) : [];
      const { deltas, finishReason } = parser.end(reason);
      return { deltas: [...last, ...deltas], finishReason };
    },
  };
}
