import { isObject, type JsonObject } from '../../../core/index.ts';
import type { Call, ChatPiece, TextPiece } from '../backend.ts';
import { answerPieces, type AnswerFacts } from './answer-pieces.ts';
import { createBreaker, type Breaker, type BreakerOptions } from './breaker.ts';
import { createChatMender } from './chat-mender.ts';
import { createGate, type Gate } from './gate.ts';
import { pathsOf, type UpstreamPaths } from './paths.ts';
import { choicesOf, upstreamBody } from './request-body.ts';
import { dialectOf, type Dialect } from './request-fields.ts';
import type { Mender, MenderOptions } from './mender.ts';
import { createTextMender } from './text-mender.ts';
import { createUpstreamClient, type UpstreamClient } from './upstream-client.ts';
import type { UpstreamSettings } from './upstream-config.ts';
import { UpstreamFailure } from './upstream-failure.ts';

/** What has happened at an upstream since the start. */
export interface UpstreamCounts {
  requests: number;
  failures: number;
  retries: number;
  /** Requests that another upstream answered in its place. */
  fallbacks: number;
  /** What was wrong in its answers and mended, by kind. */
  readonly mends: Map<string, number>;
}

/** One configured server. */
export interface Upstream {
  readonly settings: UpstreamSettings;
  readonly dialect: Dialect;
  readonly paths: UpstreamPaths;
  readonly client: UpstreamClient;
  readonly breaker: Breaker;
  readonly gate: Gate;
  readonly counts: UpstreamCounts;
  readonly facts: AnswerFacts;
  /** Tells the operator; the same sentence not again within a minute. */
  note(text: string): void;
  tokensField: 'max_tokens' | 'max_completion_tokens';
}

export interface UpstreamOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onNote: (note: string) => void;
  readonly breaker?: BreakerOptions | undefined;
}

/** Shorter keys are words such as none. */
const SHORTEST_SECRET = 6;
const NOTE_EVERY_MS = 60_000;
const MOST_NOTES = 256;

export function openUpstream(settings: UpstreamSettings, { environment, onNote, breaker }: UpstreamOptions): Upstream {
  const key = settings.apiKeyEnv === undefined ? undefined : environment[settings.apiKeyEnv];
  const secrets = [key, ...Object.values(settings.headers ?? {})].filter(
    (one): one is string => one !== undefined && one.length >= SHORTEST_SECRET,
  );
  const told = new Map<string, number>();
  const dialect = dialectOf(settings);
  return {
    settings,
    dialect,
    paths: pathsOf(settings),
    client: createUpstreamClient(settings, key),
    breaker: createBreaker(breaker),
    gate: createGate({ most: settings.maxConcurrent, mostWaiting: settings.maxWaiting }),
    counts: { requests: 0, failures: 0, retries: 0, fallbacks: 0, mends: new Map() },
    facts: { name: settings.name, secrets, keyEnv: settings.apiKeyEnv },
    note: (text) => {
      const now = performance.now();
      if (now - (told.get(text) ?? -Infinity) < NOTE_EVERY_MS) return;
      if (told.size >= MOST_NOTES) told.clear();
      told.set(text, now);
      onNote(secrets.reduce((clean, secret) => clean.replaceAll(secret, '***'), text));
    },
    // Reasoning models of OpenAI refuse the old name; most others know the old one alone.
    tokensField: dialect === 'openai' || dialect === 'azure' ? 'max_completion_tokens' : 'max_tokens',
  };
}

/** What the two routes ask for. */
export interface Route<Piece> {
  readonly route: 'chat' | 'text';
  readonly createMender: (options: MenderOptions) => Mender<Piece>;
}

export const CHAT_ROUTE: Route<ChatPiece> = { route: 'chat', createMender: createChatMender };
export const TEXT_ROUTE: Route<TextPiece> = { route: 'text', createMender: createTextMender };

/** One attempt at one server. Throws UpstreamFailure, ServeError 400 for what servers of its kind lack, and the signal's reason. */
export async function* attempt<Piece>(
  upstream: Upstream,
  { route, createMender }: Route<Piece>,
  { body, call, deadline }: { readonly body: JsonObject; readonly call: Call; readonly deadline: number },
): AsyncGenerator<Piece> {
  const { settings, dialect, client, paths, counts, facts } = upstream;
  const { tokensField } = upstream;
  const choices = choicesOf(body, route);
  // llama.cpp says of several answers in one piece what one of them took.
  const areCountedApart = dialect === 'llama.cpp' && choices > 1;
  const isStreamed = call.isStreamed || areCountedApart;
  const sent = upstreamBody(body, { settings, dialect, route, isStreamed, tokensField });
  const mender = createMender({
    wanted: {
      choices,
      hasLogprobs: body['logprobs'] === true || typeof body['logprobs'] === 'number',
      topLogprobs: topLogprobsOf(body),
      needsCall: isCallRequired(body),
      choicesPerUsage: areCountedApart ? ((body['n'] as number | undefined) ?? 1) : undefined,
      maxTokens: (body['max_completion_tokens'] ?? body['max_tokens']) as number | undefined,
    },
    onMend: (what) => {
      const before = counts.mends.get(what) ?? 0;
      counts.mends.set(what, before + 1);
      if (before === 0) upstream.note(`upstream ${settings.name}: mends ${what}`);
    },
  });
  counts.requests++;
  try {
    const answer = await client.send({
      method: 'POST',
      url: paths[route],
      body: JSON.stringify(sent),
      signal: call.signal,
      timeoutMs: Math.max(1, deadline - performance.now()),
      limitMs: settings.timeoutMs,
      ...(isStreamed && {
        firstTokenTimeoutMs: settings.firstTokenTimeoutMs,
        idleTimeoutMs: settings.idleTimeoutMs,
      }),
    });
    yield* answerPieces(answer, mender, facts);
  } catch (thrown) {
    counts.failures++;
    const text = thrown instanceof UpstreamFailure ? thrown.message : '';
    if (route === 'chat' && text.includes('max_tokens') && text.includes('max_completion_tokens'))
      upstream.tokensField = tokensField === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens';
    throw thrown;
  }
}

/** Alternatives a token: /v1/completions has one field for both. */
function topLogprobsOf({ logprobs, top_logprobs: top }: JsonObject): number {
  return typeof logprobs === 'number' ? logprobs : ((top as number | undefined) ?? 0);
}

function isCallRequired({ tools, tool_choice: choice }: JsonObject): boolean {
  return tools !== undefined && (choice === 'required' || (isObject(choice) && choice['type'] === 'function'));
}
