import { badInput } from '../core/index.ts';
import { causeOf, retryAfter, type Attempt, type Endpoint, limitedFetch } from '../ask/index.ts';

export interface RewardEndpointOptions {
  /** Where {"prompt", "answer"} is posted to. */
  readonly url: string;
  /** Sent as a bearer token and never written anywhere. */
  readonly apiKey?: string | undefined;
  readonly model?: string | undefined;
  /** Further fields of the request's body. */
  readonly extraBody?: Readonly<Record<string, unknown>> | undefined;
  /** Of one request. Default 120,000. */
  readonly timeoutMs?: number;
}

const MAX_REPLY_BYTES = 2 ** 20;

/**
 * A scorer behind HTTP as an endpoint, so that its answers are asked for, repeated, limited and kept as those of models are. The request's body is {"prompt", "answer"} and, where given,
 * "model" and more; the reply's {"score": number}. The score is the reply's text. Of the messages that it is asked with, the first is the prompt and the last the answer.
 * Throws bad-input for a URL that is none.
 */
export function createRewardEndpoint(options: RewardEndpointOptions): Endpoint {
  const { url, apiKey, model, extraBody, timeoutMs = 120_000 } = options;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !['http:', 'https:'].includes(parsed.protocol))
    throw badInput(`judge: url must begin with http:// or https://, got ${JSON.stringify(url)}`);
  if (parsed.username !== '' || parsed.password !== '')
    throw badInput('judge: url must hold no user and password; put the key into the environment');
  const request = limitedFetch(MAX_REPLY_BYTES);
  return {
    url,
    model: model ?? '',
    maxTokens: 0,
    body: (messages) => ({
      ...(model === undefined ? {} : { model }),
      prompt: messages[0]!.content,
      answer: messages.at(-1)!.content,
      ...extraBody,
    }),
    async send(body, signal) {
      const deadline = AbortSignal.timeout(timeoutMs);
      try {
        const response = await request(url, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
          },
          body: JSON.stringify(body),
          signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]),
        });
        return await attemptOf(response, { url, apiKey });
      } catch (error) {
        if (deadline.aborted) return { kind: 'retry', message: `no answer within ${timeoutMs / 1000} s` };
        const message = causeOf(error);
        return message.includes('ENOTFOUND')
          ? { kind: 'failed', message: `${url} must be a server that exists, got ${message}; check the address` }
          : { kind: 'retry', message };
      }
    },
  };
}

async function attemptOf(
  response: Response,
  { url, apiKey }: { readonly url: string; readonly apiKey: string | undefined },
): Promise<Attempt> {
  const text = await response.text();
  const { status, headers } = response;
  if (response.ok) return readScore(text);
  // Servers repeat the key in their complaints; messages end in logs.
  const said = apiKey === undefined ? text : text.replaceAll(apiKey, '***');
  const message = `${status}: ${said.slice(0, 300)}`;
  if (status === 429) return { kind: 'retry', message, isRateLimit: true, ...retryAfter(headers) };
  if (status === 408 || status === 409 || status >= 500) return { kind: 'retry', message, ...retryAfter(headers) };
  if (status === 413 || status === 422) return { kind: 'refused', reason: 'too-long', message };
  return {
    kind: 'failed',
    message: `${url} answered ${message}; check the address, the key, and that it takes {"prompt", "answer"}`,
  };
}

function readScore(text: string): Attempt {
  let score: unknown;
  try {
    score = (JSON.parse(text) as { score?: unknown } | null)?.score;
  } catch {
    return { kind: 'retry', message: 'the reply was no JSON' };
  }
  if (typeof score !== 'number')
    return { kind: 'failed', message: `the scorer must answer {"score": number}, got ${text.slice(0, 120)}` };
  const usage = { promptTokens: 0, completionTokens: 0 };
  return { kind: 'reply', reply: { text: String(score), finishReason: 'stop', usage, model: '' } };
}
