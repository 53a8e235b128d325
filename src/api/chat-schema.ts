import { z } from 'zod';

/**
 * OpenAI's `POST /v1/chat/completions`, with the fields that vLLM adds and that we have too. Fields that no schema here names go to the backend, which refuses what it does
 * not do: the own engine all of them.
 */

const MAX_MESSAGES = 4096;
const MAX_TOOLS = 128;

const textPart = z.looseObject({ type: z.literal('text'), text: z.string() });
const otherPart = z.looseObject({ type: z.enum(['refusal', 'image_url', 'input_audio', 'file']) });
const content = z.union(
  [z.string(), z.array(z.union([textPart, otherPart])).min(1)],
  'must be a text, or a list of parts such as {"type": "text", "text": "..."}',
);

const toolCall = z.looseObject({
  id: z.string().optional(),
  type: z.literal('function').default('function'),
  function: z.looseObject({ name: z.string().min(1), arguments: z.string() }),
});

const message = z.looseObject({
  role: z.enum(['developer', 'system', 'user', 'assistant', 'tool']),
  content: content.nullish(),
  name: z.string().optional(),
  tool_calls: z.array(toolCall).optional(),
  tool_call_id: z.string().optional(),
  reasoning_content: z.string().nullish(),
});

const tool = z.looseObject({
  type: z.literal('function'),
  function: z.looseObject({
    name: z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/, 'must be 1 to 64 letters, digits, _ - or .'),
    description: z.string().nullish(),
    parameters: z.record(z.string(), z.unknown()).nullish(),
    strict: z.boolean().nullish(),
  }),
});

const toolChoice = z.union(
  [
    z.enum(['none', 'auto', 'required']),
    z.looseObject({ type: z.literal('function'), function: z.looseObject({ name: z.string() }) }),
    z.looseObject({ type: z.literal('allowed_tools'), allowed_tools: z.looseObject({}) }),
  ],
  'must be none, auto, required, or {"type": "function", "function": {"name": "..."}}',
);

const responseFormat = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text') }),
  z.strictObject({ type: z.literal('json_object') }),
  z.strictObject({
    type: z.literal('json_schema'),
    json_schema: z.strictObject({
      name: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, _ or -'),
      description: z.string().nullish(),
      schema: z.record(z.string(), z.unknown()).optional(),
      strict: z.boolean().nullish(),
    }),
  }),
]);

/** What decides how tokens are drawn; the same in both routes. */
export const DRAWING = {
  model: z.string().min(1).max(256),
  n: z.int().min(1).nullish(),
  seed: z.int().min(Number.MIN_SAFE_INTEGER).max(Number.MAX_SAFE_INTEGER).nullish(),
  stop: z
    .union(
      [z.string().min(1).max(256), z.array(z.string().min(1).max(256)).max(4)],
      'must be a text of at most 256 characters, or at most four of them',
    )
    .nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  logit_bias: z.record(z.string().regex(/^\d+$/, 'must be token ids'), z.number().min(-100).max(100)).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z
    .strictObject({ include_usage: z.boolean().nullish(), include_obfuscation: z.boolean().nullish() })
    .nullish(),
  user: z.string().max(512).nullish(),
  // vLLM's, which we have too.
  top_k: z.int().min(-1).nullish(),
  min_p: z.number().min(0).lt(1).nullish(),
  repetition_penalty: z.number().gt(0).nullish(),
};

const metadata = z
  .record(z.string().max(64), z.string().max(512))
  .refine((pairs) => Object.keys(pairs).length <= 16, 'must have at most 16 pairs');

export const CHAT_BODY = z
  .looseObject({
    ...DRAWING,
    messages: z.array(message).min(1).max(MAX_MESSAGES),
    max_completion_tokens: z.int().min(1).nullish(),
    max_tokens: z.int().min(1).nullish(),
    logprobs: z.boolean().nullish(),
    top_logprobs: z.int().min(0).max(20).nullish(),
    response_format: responseFormat.nullish(),
    tools: z.array(tool).max(MAX_TOOLS).nullish(),
    tool_choice: toolChoice.nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    safety_identifier: z.string().max(512).nullish(),
    metadata: metadata.nullish(),
    store: z.boolean().nullish(),
    // vLLM's: variables of the chat template.
    chat_template_kwargs: z.record(z.string(), z.unknown()).nullish(),
  })
  .meta({ id: 'CreateChatCompletion' });

export type ChatBody = z.output<typeof CHAT_BODY>;

const ids = z.array(z.int().min(0)).min(1);

export const COMPLETION_BODY = z
  .looseObject({
    ...DRAWING,
    prompt: z.union(
      [z.string(), z.array(z.string()).min(1).max(128), ids, z.array(ids).min(1).max(128)],
      'must be a text, a list of at most 128 texts, token ids, or a list of at most 128 lists of token ids',
    ),
    max_tokens: z.int().min(0).nullish(),
    echo: z.boolean().nullish(),
    logprobs: z.int().min(0).max(20).nullish(),
    best_of: z.int().min(1).nullish(),
    suffix: z.string().nullish(),
    metadata: metadata.nullish(),
    store: z.boolean().nullish(),
  })
  .meta({ id: 'CreateCompletion' });

export type CompletionBody = z.output<typeof COMPLETION_BODY>;

export const METADATA_BODY = z.strictObject({ metadata: metadata.nullable() }).meta({ id: 'UpdateChatCompletion' });
