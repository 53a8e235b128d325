import { z } from 'zod';

/** What `POST /v1/chat/completions` and `POST /v1/completions` answer. Servers behind ours may add fields, which are passed on. */

const USAGE = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  prompt_tokens_details: z.object({ cached_tokens: z.int().optional() }).optional(),
});

const tokenLogprob = { token: z.string(), logprob: z.number(), bytes: z.array(z.int()).nullable() };
const LOGPROBS = z.object({
  content: z.array(z.object({ ...tokenLogprob, top_logprobs: z.array(z.object(tokenLogprob)) })).nullable(),
  refusal: z.null(),
});

const FINISH_REASON = z.enum(['stop', 'length', 'tool_calls', 'content_filter']);

const MESSAGE = z.object({
  role: z.literal('assistant'),
  content: z.string().nullable(),
  refusal: z.string().nullable(),
  reasoning_content: z.string().optional(),
  tool_calls: z
    .array(
      z.object({
        id: z.string(),
        type: z.literal('function'),
        function: z.object({ name: z.string(), arguments: z.string() }),
      }),
    )
    .optional(),
});

const head = { id: z.string(), created: z.int(), model: z.string() };
const tail = { usage: USAGE.optional(), system_fingerprint: z.string().optional() };

export const CHAT_COMPLETION = z
  .object({
    ...head,
    object: z.literal('chat.completion'),
    choices: z.array(
      z.object({ index: z.int(), message: MESSAGE, logprobs: LOGPROBS.nullable(), finish_reason: FINISH_REASON }),
    ),
    ...tail,
  })
  .meta({ id: 'ChatCompletion' });

export const CHAT_CHUNK = z
  .object({
    ...head,
    object: z.literal('chat.completion.chunk'),
    choices: z.array(
      z.object({
        index: z.int(),
        delta: z.object({
          role: z.literal('assistant').optional(),
          content: z.string().nullish(),
          refusal: z.string().nullish(),
          reasoning_content: z.string().nullish(),
          tool_calls: z
            .array(
              z.object({
                index: z.int(),
                id: z.string().optional(),
                type: z.literal('function').optional(),
                function: z.object({ name: z.string().optional(), arguments: z.string().optional() }).optional(),
              }),
            )
            .optional(),
        }),
        logprobs: LOGPROBS.nullable(),
        finish_reason: FINISH_REASON.nullable(),
      }),
    ),
    usage: USAGE.nullish(),
    system_fingerprint: z.string().optional(),
  })
  .meta({ id: 'ChatCompletionChunk' });

const TEXT_CHOICE = z.object({
  index: z.int(),
  text: z.string(),
  logprobs: z
    .object({
      tokens: z.array(z.string()),
      token_logprobs: z.array(z.number().nullable()),
      top_logprobs: z.array(z.record(z.string(), z.number()).nullable()).nullable(),
      text_offset: z.array(z.int()),
    })
    .nullable(),
});

export const TEXT_COMPLETION = z
  .object({
    ...head,
    object: z.literal('text_completion'),
    choices: z.array(TEXT_CHOICE.extend({ finish_reason: FINISH_REASON })),
    ...tail,
  })
  .meta({ id: 'TextCompletion' });

export const TEXT_CHUNK = z
  .object({
    ...head,
    object: z.literal('text_completion'),
    choices: z.array(TEXT_CHOICE.extend({ finish_reason: FINISH_REASON.nullable() })),
    usage: USAGE.nullish(),
    system_fingerprint: z.string().optional(),
  })
  .meta({ id: 'TextCompletionChunk' });

/** An answer that was kept; a message is null where texts were not, or were erased. */
export const STORED_COMPLETION = CHAT_COMPLETION.extend({
  choices: z.array(
    z.object({
      index: z.int(),
      message: MESSAGE.nullable(),
      logprobs: LOGPROBS.nullish(),
      finish_reason: z.string(),
    }),
  ),
  metadata: z.record(z.string(), z.string()),
  request_id: z.null(),
}).meta({ id: 'StoredChatCompletion' });
