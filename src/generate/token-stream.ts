import type { StreamedToken } from './answer.ts';

/** Tokens of one answer, pushed on one side and read on the other. */
export interface TokenStream extends AsyncIterable<StreamedToken> {
  push(token: StreamedToken): void;
  /** No more come; `failure` is thrown to the reader after those that came. */
  end(failure: Error | undefined): void;
}

export function createTokenStream(): TokenStream {
  const tokens: StreamedToken[] = [];
  let isOver = false;
  let failure: Error | undefined;
  let wake: (() => void) | undefined;
  return {
    push: (token) => {
      tokens.push(token);
      wake?.();
    },
    end: (reason) => {
      isOver = true;
      failure = reason;
      wake?.();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        while (tokens.length > 0) yield tokens.shift()!;
        if (isOver) break;
        await new Promise<void>((resolve) => (wake = resolve));
      }
      if (failure !== undefined) throw failure;
    },
  };
}
