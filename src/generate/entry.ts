import { PreftuneError } from '../core/index.ts';
import { positionLimit } from '../models/index.ts';
import { beginAnswer, type Answer, type AnswerState, type StreamedToken } from './answer.ts';
import type { GenerationRequest } from './request.ts';
import type { Responder } from './responder.ts';
import { createTokenStream } from './token-stream.ts';

/** A request that was taken. */
export interface Submission {
  /** Rejects with cancelled, or with what went wrong with this request. */
  readonly answer: Promise<Answer>;
  /** Every token as it comes, once; ends with the answer and throws what it rejects with. */
  readonly tokens: AsyncIterable<StreamedToken>;
  /** Ends it before its next token. */
  cancel(): void;
}

/** A request on its way through an engine. */
export interface Entry {
  readonly request: GenerationRequest;
  readonly responder: Responder;
  /** Undefined while it waits. */
  state: AnswerState | undefined;
  readonly answer: Promise<Answer>;
  readonly tokens: AsyncIterable<StreamedToken>;
  readonly onToken: (token: StreamedToken) => void;
  /** Tells how it ended. */
  settle(state: Pick<AnswerState, 'finished' | 'failure'>): void;
}

/** `onToken` hears of every token before the request's own listener does. */
export function createEntry(request: GenerationRequest, responder: Responder, onToken: () => void): Entry {
  const stream = createTokenStream();
  let settle!: Entry['settle'];
  const answer = new Promise<Answer>((resolve, reject) => {
    settle = ({ finished, failure }) => {
      stream.end(failure);
      if (failure === undefined) resolve(finished!);
      else reject(failure);
    };
  });
  // Who reads only the tokens learns of a failure there.
  answer.catch(() => undefined);
  return {
    request,
    responder,
    state: undefined,
    answer,
    tokens: stream,
    onToken: (token) => {
      onToken();
      stream.push(token);
      request.onToken?.(token);
    },
    settle,
  };
}

/** How an answer ended. */
export function outcomeOf(failure: Error | undefined): 'answered' | 'failed' | 'cancelled' {
  if (failure === undefined) return 'answered';
  return failure instanceof PreftuneError && failure.code === 'cancelled' ? 'cancelled' : 'failed';
}

/** Begins the answer of an entry: it is to be read and continued from now on. */
export function beginEntry(entry: Entry): AnswerState {
  const { request, responder, onToken } = entry;
  const { tokenizer, decoder } = responder;
  const { prompt, temperature = 0, topP = 1, topK = 0, minP = 0, repetitionPenalty = 1 } = request;
  return (entry.state = beginAnswer({
    prompt,
    tokenizer,
    temperature,
    topP,
    topK,
    minP,
    repetitionPenalty,
    stopStrings: request.stopStrings,
    topLogps: request.topLogps,
    maxNewTokens: Math.min(request.maxNewTokens, positionLimit(decoder.config) - prompt.length),
    stopIds: new Set(request.stopIds ?? tokenizer.stopIds),
    seed: request.seed ?? 0,
    stream: request.stream ?? 0,
    onToken,
  }));
}
