import type { JsonObject } from '../../../core/index.ts';
import { constrain, type Vocabulary } from '../../../grammar/index.ts';
import type { AnswerLogp, StreamedToken } from '../../../generate/index.ts';
import { createToolParser, isReasoningOpen, markerTokens, type ToolParserOptions } from '../../../tools/index.ts';
import { ServeError } from '../../serve-error.ts';
import type { Call, ChatPiece, ChoiceDelta, ContentLogprob, TokenLogprob } from '../backend.ts';
import { conversationOf, toolUseOf, variablesOf, type ToolUse } from './conversation.ts';
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

/** Fields that clients send with the one value that changes nothing. prompt_cache_key is a hint, which any server may leave unused. */
function refuseValues(body: JsonObject): void {
  const { service_tier: tier, modalities, stream_options: streaming } = body;
  const wrong = [
    {
      param: 'service_tier',
      must: 'auto or default',
      isWrong: ![undefined, 'auto', 'default'].includes(tier as string),
    },
    {
      param: 'modalities',
      must: '["text"]',
      isWrong: modalities !== undefined && JSON.stringify(modalities) !== '["text"]',
    },
    {
      param: 'stream_options.include_obfuscation',
      must: 'false',
      isWrong: (streaming as JsonObject | undefined)?.['include_obfuscation'] === true,
    },
  ].filter(({ isWrong }) => isWrong);
  if (wrong.length === 0) return;
  const told = wrong.map(({ param, must }) => `${param}: must be ${must} for this model, or be left out`);
  throw new ServeError(400, told.join('; '), { param: wrong[0]!.param, code: 'unsupported_value' });
}

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
  refuseValues(body);
  const { traits } = own;
  const use = toolUseOf(body);
  const conversation = conversationOf(body, { tokenizer, traits, tools: use.tools });
  const { ids, text } = await prompts.read({
    type: 'chat',
    ...conversation,
    variables: variablesOf(body),
    addGenerationPrompt: true,
  });
  call.signal.throwIfAborted();
  const isOpen = traits?.reasoning !== undefined && isReasoningOpen(traits.reasoning, text);
  const grammar = own.formats.grammarOf(body, use, isOpen);
  const asked = (body['max_completion_tokens'] ?? body['max_tokens'] ?? undefined) as number | undefined;
  const maxNewTokens = roomFor(ids.length, {
    asked,
    maxTokens: Math.min(maxTokens, tokenLimit === undefined ? maxTokens : ids.length + tokenLimit),
  });
  const wantsLogprobs = body['logprobs'] === true;
  const drawing = drawingOf(body);
  const count = (body['n'] as number | undefined) ?? 1;
  const reading = readingOf(own, use, isOpen);
  const { kept } = markerTokens(own.tokenizer, reading.format, reading.reasoning);
  const submissions = Array.from({ length: count }, (_, stream) =>
    engine.submit({
      ...drawing,
      prompt: ids,
      maxNewTokens,
      stream,
      adapter: responder.adapter,
      signal: call.signal,
      // Marks of calls and thoughts are special tokens in many models, and in answers no text otherwise.
      keptTokens: kept,
      ...(grammar !== undefined && { constraint: constrain(grammar, vocabularyOf(own)) }),
      ...(wantsLogprobs && { topLogps: (body['top_logprobs'] as number | undefined) ?? 0 }),
    }),
  );
  const readers = submissions.map(() => createToolParser(reading));
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
      const { deltas, finishReason } = readers[index]!.end(answer.finishReason);
      for (const delta of deltas) yield pieceOf(index, delta);
      yield { choices: [{ index, delta: {}, finish_reason: finishReason }] };
      continue;
    }
    const logprobs = wantsLogprobs ? contentLogprobs(token, own) : undefined;
    const deltas = readers[index]!.push(token.text);
    // Log-probabilities come with the token, also where its text is held back.
    if (deltas.length === 0 && logprobs !== undefined) yield pieceOf(index, { content: '' }, logprobs);
    for (const [place, delta] of deltas.entries()) yield pieceOf(index, delta, place === 0 ? logprobs : undefined);
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
  const own = logprobs === undefined ? {} : { logprobs: { content: [logprobs], refusal: null } };
  return { choices: [{ index, delta, ...own, finish_reason: null }] };
}

/** How an answer is read: thoughts where the template knows some, calls where the request has tools. */
function readingOf({ traits }: OwnEngine, use: ToolUse, isOpen: boolean): ToolParserOptions {
  return {
    format: use.tools === undefined ? undefined : traits?.format,
    tools: use.tools,
    reasoning: traits?.reasoning,
    isReasoningOpen: isOpen,
  };
}

function vocabularyOf({ vocabulary }: OwnEngine): Vocabulary {
  if (vocabulary !== undefined) return vocabulary;
  throw new ServeError(400, 'The model names no token that ends an answer, so its answers cannot be held to a format', {
    code: 'unsupported_parameter',
  });
}

/** The log-probabilities of a token; none for what ends the answer. */
function contentLogprobs({ id, logp }: StreamedToken, own: OwnEngine): ContentLogprob | undefined {
  if (logp === undefined || own.tokenizer.stopIds.includes(id)) return undefined;
  return { ...tokenLogprob(logp, own), top_logprobs: logp.top.map((one) => tokenLogprob(one, own)) };
}

function tokenLogprob({ id, logp }: Pick<AnswerLogp, 'id' | 'logp'>, own: OwnEngine): TokenLogprob {
  const token = own.tokenizer.decode([id]);
  const bytes = own.vocabulary?.bytes[id] ?? Buffer.from(token);
  // JSON has no infinity; OpenAI writes -9999 for what is as good as impossible.
  return { token, logprob: Math.max(logp, -9999), bytes: [...bytes] };
}
