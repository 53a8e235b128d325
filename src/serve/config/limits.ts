import { z } from 'zod';
import { grouped, option, type OptionsOf } from '../../options/index.ts';

const count = z.int().min(1);

/** What one request, and one key, may ask for. */
export const LIMIT_SHAPE = grouped('Limits', {
  maxTokens: option(count.optional(), { help: 'longest answer; more is refused', usually: "the model's positions" }),
  maxChoices: option(count.max(64).default(8), { help: 'most answers of one request (n)' }),
  maxBodyBytes: option(count.default(4 * 2 ** 20), { help: 'largest body of a request, uploads apart' }),
  maxUploadBytes: option(count.default(512 * 2 ** 20), { help: 'largest file of an upload' }),
  requestSeconds: option(count.default(600), { help: 'longest time of a request' }),
  templateSeconds: option(count.default(5), { help: 'longest time that a conversation may take to become tokens' }),
  stallSeconds: option(count.default(60), { help: 'a client of a stream that reads nothing for so long is let go' }),
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
