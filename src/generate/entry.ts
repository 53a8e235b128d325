import { PreftuneError } from '../core/index.ts';
import { positionLimit } from '../models/index.ts';
import { beginAnswer, type Answer, type AnswerState, type PromptLogps, type StreamedToken } from './answer.ts';
import type { GenerationRequest } from './request.ts';
import type { Responder } from './responder.ts';
import { createTokenStream } from './token-stream.ts';

/** A request that was taken. */
export interface Submission {
  /** Rejects with cancelled, or with what went wrong with this request. */
  readonly answer: Promise<Answer>;
  /** Every token as it comes, once; ends with the answer and throws what it rejects with. */
  readonly tokens: AsyncIterable<StreamedToken>;
  /** Log-probabilities of the prompt's tokens as soon as it is read, before the first token; none where they were not asked for. Rejects as `answer` does. */
  readonly promptLogps: Promise<PromptLogps>;
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
  readonly promptLogps: Promise<PromptLogps>;
  readonly onToken: (token: StreamedToken) => void;
  readonly onPromptLogps: (logps: PromptLogps) => void;
  /** Tells how it ended. */
  settle(state: Pick<AnswerState, 'finished' | 'failure'>): void;
}

/** `onToken` hears of every token before the request's own listener does. */
export function createEntry(request: GenerationRequest, responder: Responder, onToken: () => void): Entry {
  const stream = createTokenStream();
  const [answer, promptLogps] = [createDeferred<Answer>(), createDeferred<PromptLogps>()];
  const settle: Entry['settle'] = ({ finished, failure }) => {
    stream.end(failure);
    if (failure === undefined) {
      promptLogps.resolve(finished!.promptLogps ?? []);
      answer.resolve(finished!);
      return;
    }
    promptLogps.reject(failure);
    answer.reject(failure);
  };
  return {
    request,
    responder,
    state: undefined,
    answer: answer.promise,
    promptLogps: promptLogps.promise,
    onPromptLogps: promptLogps.resolve,
    tokens: stream,
    onToken: (token) => {
      onToken();
      stream.push(token);
      request.onToken?.(token);
    },
    settle,
  };
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: Error) => void;
}

/** A promise that may reject unheard: who reads only the tokens learns of a failure there. */
function createDeferred<T>(): Deferred<T> {
  let [resolve, reject]: [Deferred<T>['resolve'], Deferred<T>['reject']] = [] as never;
  const promise = new Promise<T>((yes, no) => ([resolve, reject] = [yes, no]));
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

/** How an answer ended. */
export function outcomeOf(failure: Error | undefined): 'answered' | 'failed' | 'cancelled' {
  if (failure === undefined) return 'answered';
  return failure instanceof PreftuneError && failure.code === 'cancelled' ? 'cancelled' : 'failed';
}

/** Begins the answer of an entry: it is to be read and continued from now on. */
export function beginEntry(entry: Entry): AnswerState {
  const { request, responder, onToken, onPromptLogps } = entry;
  const { tokenizer, decoder } = responder;
  const { model: _model, adapter: _adapter, signal: _signal, ...options } = request;
  const { prompt, temperature = 0, topP = 1, seed = 0, stream = 0 } = request;
  return (entry.state = beginAnswer({
    ...options,
    tokenizer,
    temperature,
    topP,
    seed,
    stream,
    maxNewTokens: Math.min(request.maxNewTokens, positionLimit(decoder.config) - prompt.length),
    stopIds: new Set(request.stopIds ?? tokenizer.stopIds),
    onToken,
    onPromptLogps,
  }));
}
