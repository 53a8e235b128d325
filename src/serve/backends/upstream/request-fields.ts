import type { JsonObject, JsonValue } from '../../../core/index.ts';
import type { UpstreamSettings } from './upstream-config.ts';

/** What a kind of server is like; `openai` stands for OpenAI's own host, `compatible` for others that follow its API. */
export type Dialect = 'openai' | 'azure' | 'vllm' | 'llama.cpp' | 'ollama' | 'compatible';

export const OPENAI_HOST = 'api.openai.com';

export function dialectOf({ kind, baseUrl }: Pick<UpstreamSettings, 'kind' | 'baseUrl'>): Dialect {
  if (kind !== 'openai') return kind;
  return new URL(baseUrl).hostname === OPENAI_HOST ? 'openai' : 'compatible';
}

/** What servers are called in messages. */
export const DIALECT_NAMES: Readonly<Record<Dialect, string>> = {
  openai: 'OpenAI',
  azure: 'Azure OpenAI',
  vllm: 'vLLM',
  'llama.cpp': 'llama.cpp',
  ollama: 'Ollama',
  compatible: 'an OpenAI-compatible server',
};

/** Fields that this server answers itself: they are kept here, and tell nobody else who asks. `model`, `stream` and its options are written anew. */
export const OWN_FIELDS = new Set([
  'model',
  'stream',
  'stream_options',
  'store',
  'metadata',
  'user',
  'safety_identifier',
]);

const DRAWING = ['seed', 'stop', 'temperature', 'top_p', 'frequency_penalty', 'presence_penalty'];
const CHAT = [...DRAWING, 'messages', 'max_tokens', 'max_completion_tokens', 'response_format', 'tools'];
const TEXT = [...DRAWING, 'prompt', 'max_tokens'];
const CHOICES = ['n', 'logit_bias', 'logprobs', 'top_logprobs', 'tool_choice', 'parallel_tool_calls'];
const OPENAI_CHAT = [
  ...CHAT,
  ...CHOICES,
  'reasoning_effort',
  'verbosity',
  'prediction',
  'service_tier',
  'modalities',
  'audio',
  'web_search_options',
  'prompt_cache_key',
  'prompt_cache_retention',
];
const OPENAI_TEXT = [...TEXT, 'n', 'logit_bias', 'logprobs', 'echo', 'best_of', 'suffix'];
const VLLM_DRAWING = [
  'top_k',
  'min_p',
  'repetition_penalty',
  'ignore_eos',
  'min_tokens',
  'stop_token_ids',
  'include_stop_str_in_output',
  'skip_special_tokens',
];

interface FieldTable {
  readonly chat: ReadonlySet<string>;
  readonly text: ReadonlySet<string>;
}

/**
 * Fields that each kind of server has. What it has not is refused, since servers drop unknown fields in silence. Sources: the API references of OpenAI and Azure, vLLM's
 * and llama.cpp's servers, Ollama's page on OpenAI compatibility.
 */
const FIELDS: Readonly<Record<Dialect, FieldTable>> = {
  openai: { chat: new Set(OPENAI_CHAT), text: new Set(OPENAI_TEXT) },
  azure: { chat: new Set(OPENAI_CHAT), text: new Set(OPENAI_TEXT) },
  compatible: { chat: new Set([...CHAT, ...CHOICES, 'reasoning_effort']), text: new Set(OPENAI_TEXT) },
  vllm: {
    chat: new Set([...CHAT, ...CHOICES, ...VLLM_DRAWING, 'reasoning_effort', 'chat_template_kwargs']),
    text: new Set([...TEXT, ...VLLM_DRAWING, 'n', 'logit_bias', 'logprobs', 'echo', 'add_special_tokens']),
  },
  'llama.cpp': {
    chat: new Set([...CHAT, ...CHOICES, 'top_k', 'min_p', 'repetition_penalty', 'chat_template_kwargs']),
    text: new Set([...TEXT, 'n', 'logit_bias', 'logprobs', 'top_k', 'min_p', 'repetition_penalty']),
  },
  ollama: { chat: new Set([...CHAT, 'reasoning_effort']), text: new Set([...TEXT, 'suffix']) },
};

export function knowsField(dialect: Dialect, route: 'chat' | 'text', name: string): boolean {
  return FIELDS[dialect][route].has(name);
}

/** Values that say what holds without them: a server that lacks the field does the same. */
const NEUTRAL: Readonly<Record<string, (value: JsonValue, body: JsonObject) => boolean>> = {
  n: (value) => value === 1,
  best_of: (value, body) => value === (body['n'] ?? 1),
  echo: (value) => value === false,
  logprobs: (value) => value === false,
  logit_bias: (value) => Object.keys(value as object).length === 0,
  top_k: (value) => value === -1 || value === 0,
  min_p: (value) => value === 0,
  repetition_penalty: (value) => value === 1,
  frequency_penalty: (value) => value === 0,
  presence_penalty: (value) => value === 0,
  parallel_tool_calls: (value, body) => value === true || body['tools'] === undefined,
  tool_choice: (value, body) => value === 'auto' || body['tools'] === undefined,
  service_tier: (value) => value === 'auto',
  chat_template_kwargs: (value) => Object.keys(value as object).length === 0,
  add_special_tokens: (value) => value === true,
  modalities: (value) => JSON.stringify(value) === '["text"]',
};

export function isNeutral(name: string, value: JsonValue, body: JsonObject): boolean {
  return NEUTRAL[name]?.(value, body) === true;
}
