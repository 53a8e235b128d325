import { failureOf, parseOr } from './answer-pieces.ts';
import type { Upstream } from './upstream.ts';

export interface JsonRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs: number;
  /** Servers answer probes with nothing. */
  readonly mayBeEmpty?: boolean;
}

/** A short answer as JSON. Throws UpstreamFailure. */
export async function readJson(
  { client, facts }: Upstream,
  { method, url, body, signal, timeoutMs, mayBeEmpty = false }: JsonRequest,
): Promise<unknown> {
  const answer = await client.send({
    method,
    url,
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: signal ?? new AbortController().signal,
    timeoutMs,
  });
  if (answer.status < 200 || answer.status >= 300) throw await failureOf(answer, facts);
  const parts: Uint8Array[] = [];
  for await (const chunk of answer.chunks) parts.push(chunk);
  const text = Buffer.concat(parts).toString();
  return mayBeEmpty && text.trim() === '' ? undefined : parseOr(text, facts);
}
