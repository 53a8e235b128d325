import { asError, createRandom } from '../core/index.ts';
import { createStreamDecoder, type Tokenizer } from '../tokenizer/index.ts';
import { chooseToken, logpsOf, type Sampling, type TokenLogp } from './sampling.ts';
import { createStopWatch } from './stop-watch.ts';

/** What was generated for one prompt. */
export interface Answer {
  /** Without the stop token. */
  readonly ids: readonly number[];
  readonly text: string;
  /** A stop token or a stop string came, or there was no room for more tokens. */
  readonly finishReason: 'stop' | 'length';
  /** The stop string that came; it is not in `text`. */
  readonly stopString?: string;
  /** Of each id, where they were asked for. */
  readonly logps?: readonly AnswerLogp[];
  /** Tokens at the start of the prompt that were in the cache from an earlier request; left out for none. */
  readonly cachedTokens?: number;
}

/** A token of an answer under the model's own distribution, and the likeliest tokens in its place. Nats. */
export interface AnswerLogp extends TokenLogp {
  readonly top: readonly TokenLogp[];
}

/** A token as it comes. */
export interface StreamedToken {
  readonly id: number;
  /** The text that is certain with it; the texts put together are the answer. The stop token brings what was held back. */
  readonly text: string;
}

/** A token of one of several answers. */
export interface GeneratedToken extends StreamedToken {
  /** Which prompt, from 0. */
  readonly row: number;
}

export interface AnswerOptions extends Sampling {
  readonly tokenizer: Pick<Tokenizer, 'decode'>;
  readonly prompt: readonly number[];
  readonly maxNewTokens: number;
  readonly stopIds: ReadonlySet<number>;
  /** Texts that end the answer. */
  readonly stopStrings?: readonly string[] | undefined;
  /** Log-probabilities of tokens, and of so many likeliest ones beside each; left out: none. */
  readonly topLogps?: number | undefined;
  readonly seed: number;
  /** Rows with different streams draw independently. */
  readonly stream: number;
  readonly onToken: (token: StreamedToken) => void;
}

/** One prompt while it is answered: every id known so far, and how many of them the cache has seen. */
export interface AnswerState {
  /** Prompt and answer. */
  readonly ids: readonly number[];
  readonly fed: number;
  /** Ids of the prompt. */
  readonly promptLength: number;
  /** No more ids than this will be known. */
  readonly maxLength: number;
  readonly finished: Answer | undefined;
  /** Why there will be no answer. */
  readonly failure: Error | undefined;
  /** Finished or failed: it takes no more tokens. */
  readonly isOver: boolean;
  /** Says that the first `count` ids are in the cache from before; comes first. */
  reuse(count: number): void;
  /** Says that `count` more ids are in the cache. */
  feed(count: number): void;
  /** Takes the next token from the scores of the last known id; what goes wrong is its failure. */
  accept(scores: Float32Array): void;
  /** Ends it without an answer, if it is not over. */
  fail(reason: Error): void;
}

export function beginAnswer(options: AnswerOptions): AnswerState {
  const { prompt, maxNewTokens, stopIds, onToken } = options;
  const random = createRandom(options.seed, `generate ${options.stream}`);
  const decoder = createStreamDecoder(options.tokenizer);
  const watch = createStopWatch(options.stopStrings ?? []);
  const ids = [...prompt];
  const logps: AnswerLogp[] = [];
  let [text, fed, cached] = ['', 0, 0];
  let finished: Answer | undefined;
  let failure: Error | undefined;
  const take = (scores: Float32Array): void => {
    const id = chooseToken(scores, options, random, ids);
    const isStop = stopIds.has(id);
    if (!isStop) {
      ids.push(id);
      if (options.topLogps !== undefined) logps.push({ id, ...logpsOf(scores, id, options.topLogps) });
    }
    const isFull = ids.length - prompt.length >= maxNewTokens;
    const isLast = isStop || isFull;
    const { text: piece, stopString } = watch.push(
      (isStop ? '' : decoder.push(id)) + (isLast ? decoder.flush() : ''),
      isLast,
    );
    text += piece;
    onToken({ id, text: piece });
    if (isLast || stopString !== undefined)
      finished = {
        ids: ids.slice(prompt.length),
        text,
        finishReason: isStop || stopString !== undefined ? 'stop' : 'length',
        ...(stopString !== undefined && { stopString }),
        ...(options.topLogps !== undefined && { logps }),
        ...(cached > 0 && { cachedTokens: cached }),
      };
  };
  return {
    ids,
    promptLength: prompt.length,
    maxLength: prompt.length + maxNewTokens,
    get fed() {
      return fed;
    },
    get finished() {
      return finished;
    },
    get failure() {
      return failure;
    },
    get isOver() {
      return finished !== undefined || failure !== undefined;
    },
    reuse: (count) => {
      fed = cached = count;
    },
    feed: (count) => {
      fed += count;
    },
    accept: (scores) => {
      try {
        take(scores);
      } catch (error) {
        failure = asError(error);
      }
    },
    fail: (reason) => {
      if (finished === undefined) failure ??= reason;
    },
  };
}
