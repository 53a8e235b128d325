import type { JsonObject } from '../../src/core/index.ts';
import { ChatAccumulator, TextAccumulator } from '../../src/serve/openai/accumulate.ts';
import type { UpstreamSettings } from '../../src/serve/backends/upstream/upstream-config.ts';
import { HELLO, open, startStub, streamed, unstreamed, type StubAnswer } from './stub-upstream.ts';

export interface Got {
  readonly message: JsonObject;
  readonly finish: string;
  /** The whole answer, as a client that does not stream gets it. */
  readonly answer: JsonObject;
  readonly mends: readonly string[];
  /** Reasons to end, by piece. */
  readonly reasons: readonly (readonly (string | null)[])[];
}

const HEAD = { id: 'ours', created: 7, model: 'client-name' };

export interface Asked {
  readonly body?: JsonObject;
  /** Default true. */
  readonly isStreamed?: boolean;
  readonly settings?: Partial<UpstreamSettings>;
}

/** What comes of a chat at a server that gives that answer. */
export async function askStub(answer: StubAnswer, asked: Asked = {}): Promise<Got> {
  const { body = {}, isStreamed = true, settings } = asked;
  const stub = await startStub(answer);
  const { backend } = open([{ baseUrl: stub.url, kind: 'vllm', retries: 0, ...settings }]);
  try {
    const gathered = new ChatAccumulator();
    const reasons: (string | null)[][] = [];
    for await (const piece of backend.chat({ ...HELLO, ...body }, isStreamed ? streamed() : unstreamed())) {
      gathered.add(piece);
      reasons.push(piece.choices.map(({ finish_reason: reason }) => reason));
    }
    const answered = gathered.whole(HEAD);
    const [first] = answered['choices'] as unknown as [{ message: JsonObject; finish_reason: string }];
    return {
      message: first.message,
      finish: first.finish_reason,
      answer: answered,
      mends: Object.keys(backend.state().mends),
      reasons,
    };
  } finally {
    await stub.close();
  }
}

/** The same for /v1/completions. */
export async function askStubForText(answer: StubAnswer, asked: Asked = {}): Promise<JsonObject> {
  const { body = {}, isStreamed = true, settings } = asked;
  const stub = await startStub(answer);
  const { backend } = open([{ baseUrl: stub.url, kind: 'vllm', retries: 0, ...settings }]);
  try {
    const gathered = new TextAccumulator();
    const full = { model: 'm', prompt: 'Once', ...body };
    for await (const piece of backend.complete(full, isStreamed ? streamed() : unstreamed())) gathered.add(piece);
    return gathered.whole(HEAD);
  } finally {
    await stub.close();
  }
}
