import { CHAT_ROUTES } from '../../api/index.ts';
import { isObject, type JsonObject } from '../../core/index.ts';
import type { ChatPiece, TextPiece } from '../backends/backend.ts';
import { handled, type HandledRoute } from '../http/handled.ts';
import { ServeError } from '../serve-error.ts';
import type { ServeServices } from '../services.ts';
import { ChatAccumulator, TextAccumulator } from './accumulate.ts';
import { answerRequest, type AnswerRoute } from './answer.ts';

const CHAT: AnswerRoute<ChatPiece> = {
  operation: 'chat',
  idPrefix: 'chatcmpl',
  objectOfPieces: 'chat.completion.chunk',
  ask: (backend, body, call) => backend.chat(body, call),
  gather: () => new ChatAccumulator(),
  textsOf: (body) => pick(body, ['messages', 'tools', 'tool_choice', 'response_format', 'stop']),
};

const TEXT: AnswerRoute<TextPiece> = {
  operation: 'text_completion',
  idPrefix: 'cmpl',
  objectOfPieces: 'text_completion',
  ask: (backend, body, call) => backend.complete(body, call),
  gather: () => new TextAccumulator(),
  textsOf: (body) => pick(body, ['prompt', 'suffix', 'stop']),
};

function pick(body: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(names.filter((name) => body[name] !== undefined).map((name) => [name, body[name]!]));
}

/** Fields by which clients of other gateways name another server. Servers come from the configuration alone. */
const ELSEWHERE = [
  'api_base',
  'base_url',
  'api_key',
  'api_version',
  'api_type',
  'extra_headers',
  'custom_llm_provider',
];

/** What both routes refuse, whatever answers. */
function checkLimits(body: JsonObject, { limits }: ServeServices): void {
  const elsewhere = ELSEWHERE.find((name) => body[name] !== undefined);
  if (elsewhere !== undefined)
    throw new ServeError(400, `${elsewhere}: other servers are named by the configuration alone; leave it out`, {
      param: elsewhere,
    });
  const count = (body['n'] as number | undefined) ?? 1;
  if (count > limits.maxChoices)
    throw new ServeError(400, `n: must be at most ${limits.maxChoices} here, got ${count}`, { param: 'n' });
  const bias = body['logit_bias'];
  if (isObject(bias) && Object.keys(bias).length > MOST_BIASES)
    throw new ServeError(400, `logit_bias: must name at most ${MOST_BIASES} tokens`, { param: 'logit_bias' });
  if (body['top_logprobs'] !== undefined && body['logprobs'] !== true && typeof body['logprobs'] !== 'number')
    throw new ServeError(400, 'top_logprobs: has no effect without logprobs: true; add it', { param: 'top_logprobs' });
  if (body['stream_options'] !== undefined && body['stream'] !== true)
    throw new ServeError(400, 'stream_options: has no effect without stream: true; leave it out', {
      param: 'stream_options',
    });
}

const MOST_BIASES = 1024;

/** The fields that say something: clients send null for what they leave out. */
function present<T extends { readonly model: string }>(body: T): JsonObject & { readonly model: string } {
  const fields = Object.entries(body).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(fields) as JsonObject & { readonly model: string };
}

export function chatRoutes(services: ServeServices): HandledRoute[] {
  return [
    handled(CHAT_ROUTES.chat, ({ context, body: given }) => {
      const body = present(given);
      checkLimits(body, services);
      if (body['max_tokens'] !== undefined && body['max_completion_tokens'] !== undefined)
        throw new ServeError(400, 'max_tokens: must not be given beside max_completion_tokens; leave it out', {
          param: 'max_tokens',
        });
      return answerRequest(context, body, { route: CHAT, services });
    }),
    handled(CHAT_ROUTES.complete, ({ context, body: given }) => {
      const body = present(given);
      checkLimits(body, services);
      return answerRequest(context, body, { route: TEXT, services });
    }),
  ];
}
