import { asError, createRandom } from '../core/index.ts';
import type { TokenConstraint } from '../grammar/index.ts';
import { createStreamDecoder, type Tokenizer } from '../tokenizer/index.ts';
import { chooseToken, type Sampling } from './choose/sampling.ts';
import { logpsOf, type TokenLogp } from './choose/token-logps.ts';
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
  /** Of each id of the prompt, where they were asked for; the first has none. */
  readonly promptLogps?: PromptLogps;
  /** Tokens at the start of the prompt that were in the cache from an earlier request; left out for none. */
  readonly cachedTokens?: number;
}

/** A token of an answer under the model's own distribution, and the likeliest tokens in its place. Nats. */
export interface AnswerLogp extends TokenLogp {
  readonly top: readonly TokenLogp[];
}

/** Of each id of a prompt, given those before it; undefined for the first. */
export type PromptLogps = readonly (AnswerLogp | undefined)[];

/** A token as it comes. */
export interface StreamedToken {
  /** A stop id too, which is not among the answer's. */
  readonly id: number;
  /** The text that is certain with it; the texts put together are the answer. The stop token brings what was held back. */
  readonly text: string;
  /** Where log-probabilities were asked for. */
  readonly logp?: AnswerLogp;
}

/** A token of one of several answers. */
export interface GeneratedToken extends StreamedToken {
  /** Which prompt, from 0. */
  readonly row: number;
}

/** What is read for an answer; prompts that are read alike are read once. */
export interface Reading {
  readonly prompt: readonly number[];
  /** Log-probabilities of the prompt's tokens, and of so many likeliest ones beside each; left out: none. */
  readonly promptLogps?: number | undefined;
}

export interface AnswerOptions extends Sampling, Reading {
  readonly tokenizer: Pick<Tokenizer, 'decode'>;
  readonly maxNewTokens: number;
  readonly stopIds: ReadonlySet<number>;
  /** Texts that end the answer. */
  readonly stopStrings?: readonly string[] | undefined;
  /** Log-probabilities of tokens, and of so many likeliest ones beside each; left out: none. */
  readonly topLogps?: number | undefined;
  readonly constraint?: TokenConstraint | undefined;
  /** Special tokens that stay in the text, with their spellings. */
  readonly keptTokens?: ReadonlyMap<number, string> | undefined;
  readonly seed: number;
  /** Rows with different streams draw independently. */
  readonly stream: number;
  readonly onToken: (token: StreamedToken) => void;
  /** Hears of those of the prompt when it is read, before the first token. */
  readonly onPromptLogps?: ((logps: PromptLogps) => void) | undefined;
}

/** One prompt while it is answered: every id known so far, and how many of them the cache has seen. */
export interface AnswerState {
  readonly reading: Reading;
  /** Prompt and answer. */
  readonly ids: readonly number[];
  readonly fed: number;
  /** Ids of the prompt. */
  readonly promptLength: number;
  /** No more ids than this will be known. */
  readonly maxLength: number;
  /** Ids at the start of the prompt that were in the cache from before. */
  readonly cached: number;
  /** What `learn` has found so far. */
  readonly promptLogps: PromptLogps;
  readonly finished: Answer | undefined;
  /** Why there will be no answer. */
  readonly failure: Error | undefined;
  /** Finished or failed: it takes no more tokens. */
  readonly isOver: boolean;
  /** Says that the first `count` ids are in the cache from before; comes first. */
  reuse(count: number): void;
  /** Says that what was read of another prompt, which is the same, is there for this one too. */
  follow(other: AnswerState): void;
  /** Says that `count` more ids are in the cache. */
  feed(count: number): void;
  /** Takes the scores of the prompt's id at a position, which say how likely the next one was; what goes wrong is its failure. */
  learn(position: number, scores: Float32Array): void;
  /** Takes the next token from the scores of the last known id, or ends where none is to come; what goes wrong is its failure. */
  accept(scores: Float32Array): void;
  /** Ends it without an answer, if it is not over. */
  fail(reason: Error): void;
}

export function beginAnswer(options: AnswerOptions): AnswerState {
  const { prompt, maxNewTokens, stopIds, onToken, constraint, topLogps } = options;
  const { repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0 } = options;
  const random = createRandom(options.seed, `generate ${options.stream}`);
  const decoder = createStreamDecoder(options.tokenizer, options.keptTokens);
  const watch = createStopWatch(options.stopStrings ?? []);
  const ids = [...prompt];
  const seen = repetitionPenalty === 1 ? undefined : new Set(prompt);
  const generated = presencePenalty === 0 && frequencyPenalty === 0 ? undefined : new Map<number, number>();
  const logps: AnswerLogp[] = [];
  let promptLogps: (AnswerLogp | undefined)[] = options.promptLogps === undefined ? [] : [undefined];
  let [text, fed, cached, isRead] = ['', 0, 0, false];
  let finished: Answer | undefined;
  let failure: Error | undefined;
  const finish = (finishReason: Answer['finishReason'], stopString?: string): void => {
    finished = {
      ids: ids.slice(prompt.length),
      text,
      finishReason,
      ...(stopString !== undefined && { stopString }),
      ...(topLogps !== undefined && { logps }),
      ...(options.promptLogps !== undefined && { promptLogps }),
      ...(cached > 0 && { cachedTokens: cached }),
    };
  };
  const choose = (scores: Float32Array): number => {
    const id = chooseToken(scores, options, random, { seen, generated, allowed: constraint?.allowed() });
    constraint?.accept(id);
    return id;
  };
  const take = (scores: Float32Array): void => {
    const id = choose(scores);
    const logp = topLogps === undefined ? undefined : { id, ...logpsOf(scores, id, topLogps) };
    const isStop = stopIds.has(id);
    if (!isStop) {
      ids.push(id);
      seen?.add(id);
      generated?.set(id, (generated.get(id) ?? 0) + 1);
      if (logp !== undefined) logps.push(logp);
    }
    const isFull = ids.length - prompt.length >= maxNewTokens;
    const isLast = isStop || isFull;
    const { text: piece, stopString } = watch.push(
      (isStop ? '' : decoder.push(id)) + (isLast ? decoder.flush() : ''),
      isLast,
    );
    text += piece;
    onToken({ id, text: piece, ...(logp !== undefined && { logp }) });
    if (isLast || stopString !== undefined) finish(isStop || stopString !== undefined ? 'stop' : 'length', stopString);
  };
  const orFail = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      failure = asError(error);
    }
  };
  return {
    reading: options,
    ids,
    promptLength: prompt.length,
    maxLength: prompt.length + maxNewTokens,
    get fed() {
      return fed;
    },
    get cached() {
      return cached;
    },
    get promptLogps() {
      return promptLogps;
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
    follow: (other) => {
      fed = Math.min(other.fed, prompt.length);
      cached = other.cached;
      promptLogps = [...other.promptLogps];
    },
    feed: (count) => {
      fed += count;
    },
    learn: (position, scores) =>
      orFail(() => {
        const id = prompt[position + 1]!;
        promptLogps[position + 1] = { id, ...logpsOf(scores, id, options.promptLogps!) };
      }),
    accept: (scores) =>
      orFail(() => {
        if (!isRead && options.promptLogps !== undefined) options.onPromptLogps?.(promptLogps);
        isRead = true;
        if (maxNewTokens === 0) finish('length');
        else take(scores);
      }),
    fail: (reason) => {
      if (finished === undefined) failure ??= reason;
    },
  };
}
