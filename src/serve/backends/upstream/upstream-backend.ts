import type { Backend } from '../backend.ts';
import { checkHealth, type UpstreamHealth } from './health.ts';
import { relay } from './relay.ts';
import { canTokenize, detokenizeAt, tokenizeAt } from './tokens.ts';
import { CHAT_ROUTE, openUpstream, TEXT_ROUTE, type Upstream, type UpstreamOptions } from './upstream.ts';
import type { UpstreamSettings } from './upstream-config.ts';

/** How an upstream is doing, for figures. */
export interface UpstreamState {
  readonly name: string;
  readonly breaker: 'closed' | 'open' | 'trial';
  readonly running: number;
  readonly waiting: number;
  readonly requests: number;
  readonly failures: number;
  readonly retries: number;
  readonly fallbacks: number;
  readonly mends: Readonly<Record<string, number>>;
}

/** Another server as a backend. */
export interface UpstreamBackend extends Backend {
  readonly kind: 'upstream';
  readonly settings: UpstreamSettings;
  /** Asks the server whether it is there. Never rejects. */
  health(timeoutMs?: number): Promise<UpstreamHealth>;
  state(): UpstreamState;
  /** Closes connections that are open. */
  dispose(): void;
}

/**
 * Backends by name. Settings must have no problems (`upstreamProblems`). An upstream that does not answer is stood in for by its fallbacks, in order; theirs are not
 * asked, so that two may stand in for each other.
 */
export function createUpstreamBackends(
  settings: readonly UpstreamSettings[],
  options: UpstreamOptions,
): ReadonlyMap<string, UpstreamBackend> {
  const upstreams = new Map(settings.map((each) => [each.name, openUpstream(each, options)]));
  return new Map(
    [...upstreams].map(([name, upstream]) => {
      const others = upstream.settings.fallbacks.map((fallback) => upstreams.get(fallback)!);
      return [name, backendOf(upstream, [upstream, ...others])];
    }),
  );
}

function backendOf(upstream: Upstream, line: readonly Upstream[]): UpstreamBackend {
  const { settings, client, breaker, gate, counts } = upstream;
  return {
    kind: 'upstream',
    settings,
    chat: (body, call) => relay(line, CHAT_ROUTE, { body, call }),
    complete: (body, call) => relay(line, TEXT_ROUTE, { body, call }),
    ...(canTokenize(upstream) && {
      tokenize: (body, { signal }) => tokenizeAt(upstream, body, signal),
      detokenize: (ids) => detokenizeAt(upstream, ids),
    }),
    health: (timeoutMs) => checkHealth(upstream, timeoutMs),
    state: () => {
      const { requests, failures, retries, fallbacks, mends } = counts;
      return {
        name: settings.name,
        breaker: breaker.state,
        running: gate.inside,
        waiting: gate.waiting,
        requests,
        failures,
        retries,
        fallbacks,
        mends: Object.fromEntries(mends),
      };
    },
    dispose: () => client.dispose(),
  };
}
