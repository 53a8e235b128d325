import { isObject, type JsonObject, type JsonValue } from '../../../core/index.ts';
import { ServeError } from '../../serve-error.ts';
import { DIALECT_NAMES, isNeutral, knowsField, OWN_FIELDS, type Dialect } from './request-fields.ts';
import type { UpstreamSettings } from './upstream-config.ts';

export interface BodyOptions {
  readonly settings: UpstreamSettings;
  readonly dialect: Dialect;
  readonly route: 'chat' | 'text';
  readonly isStreamed: boolean;
  /** Found out by asking: the server's name for the longest answer of a chat. */
  readonly tokensField: 'max_tokens' | 'max_completion_tokens';
}

/** Never handed on, whatever the configuration allows: they name other servers, files, or code. */
const FORBIDDEN = new Set(['chat_template', 'api_base', 'api_key', 'base_url', 'extra_headers', 'extra_body']);

/**
 * The request as a server of its kind takes it. Fields that it has under another name are renamed; fields that it lacks are left out where they say what holds anyway, and
 * refused where they would be lost. Throws ServeError 400.
 */
export function upstreamBody(body: JsonObject, options: BodyOptions): JsonObject {
  const { settings, dialect, route, isStreamed, tokensField } = options;
  const sent: Record<string, JsonValue> = { model: settings.model ?? settings.name };
  const where = `the server behind this model (${DIALECT_NAMES[dialect]})`;
  for (const [name, value] of Object.entries(body)) {
    if (OWN_FIELDS.has(name) || name.startsWith('preftune')) continue;
    if (FORBIDDEN.has(name)) refuse(name, 'is not handed on to other servers; leave it out');
    if (name === 'functions' || name === 'function_call')
      refuse(name, 'is the old form of tools; use tools and tool_choice');
    if (dialect === 'ollama' && name === 'tool_choice' && value === 'none') continue;
    if (dialect === 'ollama' && name === 'tools' && body['tool_choice'] === 'none') continue;
    if (knowsField(dialect, route, name) || settings.allowedFields.includes(name)) sent[name] = value;
    else if (!isNeutral(name, value, body)) refuse(name, `${where} does not have it; leave it out`);
  }
  if (route === 'chat') {
    sent['messages'] = (body['messages'] as readonly JsonValue[]).map((message, place) =>
      upstreamMessage(message as JsonObject, place, options),
    );
    rename(sent, tokensField === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens', tokensField);
    if (sent['chat_template_kwargs'] !== undefined) checkVariables(sent['chat_template_kwargs']);
  } else if (dialect === 'ollama') sent['prompt'] = onePrompt(sent['prompt']!, where);
  if (dialect === 'llama.cpp') {
    rename(sent, 'repetition_penalty', 'repeat_penalty');
    askForOneLogprob(sent);
  }
  if (isStreamed) {
    sent['stream'] = true;
    // Asked for always: what is counted and kept of an answer needs it.
    sent['stream_options'] = { include_usage: true, ...obfuscation(body, dialect, where) };
  }
  return sent;
}

/** llama.cpp gives no log-probabilities where no alternatives are asked for; those that were not are taken out again. */
function askForOneLogprob(sent: Record<string, JsonValue>): void {
  if (sent['logprobs'] === 0) sent['logprobs'] = 1;
  if (sent['logprobs'] === true) sent['top_logprobs'] = Math.max(1, (sent['top_logprobs'] as number | undefined) ?? 0);
}

function refuse(name: string, why: string): never {
  throw new ServeError(400, `${name}: ${why}`, { param: name, code: 'unsupported_parameter' });
}

function rename(sent: Record<string, JsonValue>, from: string, to: string): void {
  const value = sent[from];
  if (value === undefined) return;
  delete sent[from];
  sent[to] = value;
}

/** Padding against listeners on the line: OpenAI's alone. */
function obfuscation(body: JsonObject, dialect: Dialect, where: string): JsonObject {
  const wants = (body['stream_options'] as JsonObject | undefined)?.['include_obfuscation'];
  if (dialect === 'openai') return { include_obfuscation: wants === true };
  if (wants !== true) return {};
  throw new ServeError(400, `stream_options.include_obfuscation: ${where} does not have it; leave it out`, {
    param: 'stream_options',
    code: 'unsupported_parameter',
  });
}

const OWN_FETCHERS: ReadonlySet<Dialect> = new Set(['openai', 'azure']);

function upstreamMessage(message: JsonObject, place: number, { settings, dialect }: BodyOptions): JsonObject {
  const { content } = message;
  if (Array.isArray(content))
    content.forEach((part: JsonValue, at: number) => {
      if (!isObject(part)) return;
      for (const value of Object.values(part)) {
        const url = typeof value === 'string' ? value : isObject(value) ? value['url'] : undefined;
        if (part['type'] === 'text' || typeof url !== 'string' || /^data:/i.test(url)) continue;
        if (!/^[a-z][a-z0-9+.-]*:/i.test(url)) continue;
        const isWeb = /^https?:\/\//i.test(url);
        if (isWeb && (OWN_FETCHERS.has(dialect) || settings.allowsMediaUrls)) continue;
        throw new ServeError(
          400,
          `messages[${place}].content[${at}]: the server behind this model would fetch an address of its own network; send a data: URL`,
          { param: 'messages', code: 'unsupported_content' },
        );
      }
    });
  // Templates know the system role alone; what OpenAI calls developer is the same.
  const isRenamed = message['role'] === 'developer' && !OWN_FETCHERS.has(dialect);
  const { reasoning_content: thought, ...rest } = message;
  const own = OWN_FETCHERS.has(dialect) || thought === undefined || thought === null ? rest : message;
  return isRenamed ? { ...own, role: 'system' } : own;
}

const MAX_VARIABLE_CHARACTERS = 1024;

/** Switches and short words for a template: no structures, and nothing that is code. */
function checkVariables(variables: JsonValue): void {
  const wrong = Object.entries(variables as JsonObject).filter(
    ([name, value]) => !isPlain(value) || name === 'chat_template',
  );
  if (wrong.length === 0 && JSON.stringify(variables).length <= MAX_VARIABLE_CHARACTERS) return;
  throw new ServeError(
    400,
    `chat_template_kwargs: must be switches, numbers or words of at most 64 characters, ${MAX_VARIABLE_CHARACTERS} characters in all, got ${
      wrong.map(([name]) => name.slice(0, 64)).join(', ') || 'more'
    }`,
    { param: 'chat_template_kwargs' },
  );
}

function onePrompt(prompt: JsonValue, where: string): JsonValue {
  if (typeof prompt === 'string') return prompt;
  const [first] = prompt as readonly JsonValue[];
  if ((prompt as readonly JsonValue[]).length === 1 && typeof first === 'string') return first;
  throw new ServeError(400, `prompt: ${where} takes one text, and no token ids; send one request for each`, {
    param: 'prompt',
    code: 'unsupported_parameter',
  });
}

/** How many choices an answer must have. */
export function choicesOf(body: JsonObject, route: 'chat' | 'text'): number {
  const each = (body['n'] as number | undefined) ?? 1;
  const { prompt } = body;
  if (route === 'chat' || !Array.isArray(prompt) || typeof prompt[0] === 'number') return each;
  return each * prompt.length;
}

function isPlain(value: JsonValue): boolean {
  return typeof value === 'boolean' || typeof value === 'number' || (typeof value === 'string' && value.length <= 64);
}
