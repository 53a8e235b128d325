import type { JsonObject } from '../../../core/index.ts';
import { constrain } from '../../../grammar/index.ts';
import type { AnswerLogp, StreamedToken } from '../../../generate/index.ts';
import type { Tokenizer } from '../../../tokenizer/index.ts';
import { ServeError } from '../../serve-error.ts';
import type { Call, ChatPiece, ChoiceDelta, ContentLogprob, TokenLogprob } from '../backend.ts';
import { drawingOf, refuseFields, roomFor } from './drawing.ts';
import { merged } from './merge.ts';
import type { OwnEngine, Responder } from './own-engine.ts';

const KNOWN = new Set(
  (
    'model messages n seed stop temperature top_p frequency_penalty presence_penalty logit_bias stream stream_options user top_k min_p ' +
    'repetition_penalty max_completion_tokens max_tokens logprobs top_logprobs response_format tools tool_choice parallel_tool_calls ' +
    'safety_identifier metadata store chat_template_kwargs prompt_cache_key service_tier modalities'
  ).split(' '),
);

/** Answers a conversation with a model of the own engine. */
export async function* engineChat(
  own: OwnEngine,
  responder: Responder,
  {
    body,
    call,
    tokenLimit,
  }: { readonly body: JsonObject; readonly call: Call; readonly tokenLimit: number | undefined },
): AsyncGenerator<ChatPiece> {
  const { engine, tokenizer, prompts, maxTokens } = own;
  refuseFields(body, KNOWN);
  requireTemplate(tokenizer);
  const grammar = own.formats.grammarOf(body);
  const { ids } = await prompts.read({
    type: 'chat',
    messages: messagesOf(body),
    variables: variablesOf(body),
    addGenerationPrompt: true,
  });
  call.signal.throwIfAborted();
  const asked = (body['max_completion_tokens'] ?? body['max_tokens'] ?? undefined) as number | undefined;
  const maxNewTokens = roomFor(ids.length, {
    asked,
    maxTokens: Math.min(maxTokens, tokenLimit === undefined ? maxTokens : ids.length + tokenLimit),
  });
  const wantsLogprobs = body['logprobs'] === true;
  const drawing = drawingOf(body);
  const count = (body['n'] as number | undefined) ?? 1;
  const submissions = Array.from({ length: count }, (_, stream) =>
    engine.submit({
      ...drawing,
      prompt: ids,
      maxNewTokens,
      stream,
      adapter: responder.adapter,
      signal: call.signal,
      ...(grammar !== undefined && { constraint: constrain(grammar, own.vocabulary()) }),
      ...(wantsLogprobs && { topLogps: (body['top_logprobs'] as number | undefined) ?? 0 }),
    }),
  );
  const begun = new Set<number>();
  let [completionTokens, cachedTokens] = [0, 0];
  for await (const [index, token] of merged(submissions.map(({ tokens }) => tokens))) {
    if (!begun.has(index)) {
      begun.add(index);
      yield pieceOf(index, { role: 'assistant', content: '' });
    }
    if (token === undefined) {
      const answer = await submissions[index]!.answer;
      completionTokens += answer.ids.length;
      cachedTokens = Math.max(cachedTokens, answer.cachedTokens ?? 0);
      yield { choices: [{ index, delta: {}, finish_reason: answer.finishReason }] };
      continue;
    }
    const logprobs = wantsLogprobs ? contentLogprobs(token, own) : undefined;
    if (token.text !== '' || logprobs !== undefined) yield pieceOf(index, { content: token.text }, logprobs);
  }
  yield {
    choices: [],
    usage: {
      prompt_tokens: ids.length,
      completion_tokens: completionTokens,
      total_tokens: ids.length + completionTokens,
      prompt_tokens_details: { cached_tokens: cachedTokens },
    },
  };
}

function pieceOf(index: number, delta: ChoiceDelta, logprobs?: ContentLogprob): ChatPiece {
  const own = logprobs === undefined ? {} : { logprobs: { content: [logprobs] } };
  return { choices: [{ index, delta, ...own, finish_reason: null }] };
}

export function requireTemplate({ chatTemplate }: Tokenizer): void {
  if (chatTemplate !== undefined) return;
  throw new ServeError(400, 'The model has no chat template; ask it by POST /v1/completions', {
    code: 'no_chat_template',
    param: 'messages',
  });
}

/** Messages as templates take them: a list of text parts is one text. */
export function messagesOf(body: JsonObject): { role: string; content: string }[] {
  const messages = body['messages'] as readonly JsonObject[];
  return messages.map((message, place) => {
    const { content } = message;
    if (!Array.isArray(content)) return { ...message, content: content ?? '' } as { role: string; content: string };
    const texts = content.map((part, at) => {
      const { type, text } = part as JsonObject;
      if (type === 'text') return text as string;
      throw new ServeError(400, `messages[${place}].content[${at}]: the model reads text alone, got ${String(type)}`, {
        param: 'messages',
        code: 'unsupported_content',
      });
    });
    return { ...message, content: texts.join('') } as { role: string; content: string };
  });
}

const MAX_VARIABLES = 16;

/** Variables of the template that a request may set: switches and short words, no structures and no code. */
function variablesOf(body: JsonObject): Readonly<Record<string, unknown>> | undefined {
  const given = body['chat_template_kwargs'] as JsonObject | undefined;
  if (given === undefined) return undefined;
  const names = Object.keys(given);
  const isWrong = (name: string): boolean => {
    const value = given[name];
    const isPlain =
      typeof value === 'boolean' || typeof value === 'number' || (typeof value === 'string' && value.length <= 64);
    return !isPlain || !/^[a-z][a-z0-9_]{0,63}$/.test(name) || RESERVED.has(name);
  };
  const wrong = names.filter(isWrong);
  if (wrong.length === 0 && names.length <= MAX_VARIABLES) return given;
  throw new ServeError(
    400,
    `chat_template_kwargs: must be at most ${MAX_VARIABLES} switches, numbers or words of at most 64 characters that a template may be told, got ${wrong.map((name) => name.slice(0, 64)).join(', ') || `${names.length} of them`}`,
    { param: 'chat_template_kwargs' },
  );
}

const RESERVED = new Set(['messages', 'tools', 'documents', 'add_generation_prompt', 'chat_template']);

/** The log-probabilities of a token; none for what ends the answer. */
function contentLogprobs({ id, logp }: StreamedToken, own: OwnEngine): ContentLogprob | undefined {
  if (logp === undefined || own.tokenizer.stopIds.includes(id)) return undefined;
  return { ...tokenLogprob(logp, own), top_logprobs: logp.top.map((one) => tokenLogprob(one, own)) };
}

function tokenLogprob({ id, logp }: Pick<AnswerLogp, 'id' | 'logp'>, own: OwnEngine): TokenLogprob {
  const token = own.tokenizer.decode([id]);
  const bytes = own.vocabulary().bytes[id] ?? Buffer.from(token);
  // JSON has no infinity; OpenAI writes -9999 for what is as good as impossible.
  return { token, logprob: Math.max(logp, -9999), bytes: [...bytes] };
}
