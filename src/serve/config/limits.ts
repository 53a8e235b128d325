import { z } from 'zod';
import { grouped, option, type OptionsOf } from '../../options/index.ts';
import type { ServerLimits } from '../http/limited-server.ts';

const count = z.int().min(1);

/** What one request, and one key, may ask for. */
export const LIMIT_SHAPE = grouped('Limits', {
  maxTokens: option(count.optional(), { help: 'longest answer; more is refused', usually: "the model's positions" }),
  maxChoices: option(count.max(64).default(8), { help: 'most answers of one request (n)' }),
  maxBodyBytes: option(count.default(4 * 2 ** 20), { help: 'largest body of a request, uploads apart' }),
  maxUploadBytes: option(count.default(512 * 2 ** 20), { help: 'largest file of an upload' }),
  headerSeconds: option(count.default(20), { help: 'longest time that the headers of a request may take' }),
  bodySeconds: option(count.default(30), { help: 'longest time that the body of a request may take, uploads apart' }),
  uploadSeconds: option(count.default(900), { help: 'longest time that an upload may take' }),
  uploadBytesPerSecond: option(z.int().min(0).default(1024), {
    help: 'an upload that comes more slowly for ten seconds is refused',
  }),
  idleSeconds: option(count.default(65), { help: 'a connection that asks nothing for so long is closed' }),
  maxConnections: option(count.default(2048), {
    help: 'connections in all; idle ones make room for new ones',
  }),
  maxConnectionsPerAddress: option(count.optional(), {
    help: 'the same of one address; behind a proxy all have its address',
    usually: 'three quarters of --max-connections',
  }),
  requestSeconds: option(count.default(600), { help: 'longest time of a request' }),
  templateSeconds: option(count.default(5), { help: 'longest time that a conversation may take to become tokens' }),
  stallSeconds: option(count.default(60), { help: 'a client that reads nothing of its answer for so long is let go' }),
  keepAliveSeconds: option(count.default(10), {
    help: 'a stream that has had nothing to say for so long sends a comment',
  }),
  graceSeconds: option(z.int().min(0).default(25), {
    help: 'time that answers under way have to end when the server stops',
  }),
  maxWaiting: option(z.int().min(0).default(256), {
    help: 'requests that may wait for the engine; more get status 429',
  }),
  requestsPerMinute: option(count.optional(), { help: 'requests of one key in a minute', usually: 'any number' }),
  feedbackPerMinute: option(count.default(6000), { help: 'feedback of one key in a minute; more gets status 429' }),
  tokensPerMinute: option(count.optional(), { help: 'tokens of one key in a minute', usually: 'any number' }),
});

export type ServeLimits = OptionsOf<typeof LIMIT_SHAPE>;

/** What connections may take, before any route is looked at. */
export function connectionLimits(limits: ServeLimits): ServerLimits {
  const { maxConnections, maxConnectionsPerAddress, uploadBytesPerSecond } = limits;
  return {
    headerMs: limits.headerSeconds * 1000,
    bodyMs: limits.bodySeconds * 1000,
    uploadMs: limits.uploadSeconds * 1000,
    uploadBytesPerSecond,
    windowMs: RATE_WINDOW_MS,
    idleMs: limits.idleSeconds * 1000,
    stallMs: limits.stallSeconds * 1000,
    maxConnections,
    // Whoever has one address alone leaves room for the others.
    maxPerAddress: maxConnectionsPerAddress ?? Math.ceil(maxConnections * 0.75),
  };
}

const RATE_WINDOW_MS = 10_000;
