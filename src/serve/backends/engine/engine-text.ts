import type { JsonObject } from '../../../core/index.ts';
import type { AnswerLogp } from '../../../generate/index.ts';
import type { Tokenizer } from '../../../tokenizer/index.ts';
import { ServeError } from '../../serve-error.ts';
import type { Call, TextLogprobs, TextPiece } from '../backend.ts';
import { drawingOf, refuseFields, roomFor } from './drawing.ts';
import { merged } from './merge.ts';
import type { OwnEngine, Responder } from './own-engine.ts';

const KNOWN = new Set(
  (
    'model prompt n seed stop temperature top_p frequency_penalty presence_penalty logit_bias stream stream_options user top_k min_p ' +
    'repetition_penalty max_tokens echo logprobs best_of metadata store'
  ).split(' '),
);

/** OpenAI's longest answer where nothing is said. */
const USUAL_TOKENS = 16;

/** Continues texts with a model of the own engine. */
export async function* engineText(
  { engine, tokenizer, prompts, maxTokens }: OwnEngine,
  responder: Responder,
  {
    body,
    call,
    tokenLimit,
  }: { readonly body: JsonObject; readonly call: Call; readonly tokenLimit: number | undefined },
): AsyncGenerator<TextPiece> {
  const { count, top, asked, isEchoed } = wishesOf(body, tokenLimit);
  const read = await Promise.all(promptsOf(body).map((prompt) => readPrompt(prompt, { prompts, tokenizer })));
  call.signal.throwIfAborted();
  const drawing = drawingOf(body);
  const submissions = read.flatMap(({ ids }) =>
    Array.from({ length: count }, (_, stream) =>
      engine.submit({
        ...drawing,
        prompt: ids,
        maxNewTokens: roomFor(ids.length, { asked, maxTokens, least: 0 }),
        stream,
        adapter: responder.adapter,
        signal: call.signal,
        ...(top !== undefined && { topLogps: top }),
        // An answer of no tokens is one that only reads.
        ...(isEchoed && (top !== undefined || asked === 0) && { promptLogps: top ?? 0 }),
      }),
    ),
  );
  /** UTF-16 units that a choice has so far. */
  const lengths = submissions.map(() => 0);
  const echoed = new Set<number>();
  const echo = async (index: number): Promise<TextPiece | undefined> => {
    if (!isEchoed || echoed.has(index)) return undefined;
    echoed.add(index);
    const { ids, text } = read[Math.floor(index / count)]!;
    let logprobs: TextLogprobs | null = null;
    if (top !== undefined) {
      const own = await submissions[index]!.promptLogps;
      logprobs = logprobsOf(
        ids.map((id, place) => ({ id, logp: own[place] })),
        { tokenizer, top, from: 0 },
      );
    }
    lengths[index] = text.length;
    return { choices: [{ index, text, logprobs, finish_reason: null }] };
  };
  let completionTokens = 0;
  for await (const [index, token] of merged(submissions.map(({ tokens }) => tokens))) {
    const head = await echo(index);
    if (head !== undefined) yield head;
    if (token === undefined) {
      const answer = await submissions[index]!.answer;
      completionTokens += answer.ids.length;
      yield { choices: [{ index, text: '', logprobs: null, finish_reason: answer.finishReason }] };
      continue;
    }
    // What ends the answer has an entry too, though no text: lm-evaluation-harness takes the last entry off, whatever it is.
    const { logp } = token;
    const logprobs =
      top === undefined || logp === undefined
        ? null
        : logprobsOf([{ id: token.id, logp }], { tokenizer, top, from: lengths[index]! });
    lengths[index]! += token.text.length;
    if (token.text !== '' || logprobs !== null)
      yield { choices: [{ index, text: token.text, logprobs, finish_reason: null }] };
  }
  const promptTokens = read.reduce((sum, { ids }) => sum + ids.length, 0);
  yield {
    choices: [],
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
    },
  };
}

interface Wishes {
  readonly count: number;
  /** Alternatives of each token; undefined where no log-probabilities are asked for. */
  readonly top: number | undefined;
  readonly asked: number;
  readonly isEchoed: boolean;
}

/** What a body asks for. Throws ServeError 400 for what a model here does not do. */
function wishesOf(body: JsonObject, tokenLimit: number | undefined): Wishes {
  refuseFields(body, KNOWN);
  const count = (body['n'] as number | undefined) ?? 1;
  const best = body['best_of'] as number | undefined;
  if (best !== undefined && best !== count)
    throw new ServeError(400, `best_of: must be n (${count}), got ${best}; the model draws no more than it gives`, {
      param: 'best_of',
    });
  const isEchoed = body['echo'] === true;
  const asked = (body['max_tokens'] as number | undefined) ?? USUAL_TOKENS;
  // The log-probabilities of a prompt alone are asked for with no tokens behind it.
  if (asked === 0 && !isEchoed)
    throw new ServeError(400, 'max_tokens: must be at least 1 without echo, got 0', { param: 'max_tokens' });
  if (tokenLimit !== undefined && asked > tokenLimit)
    throw new ServeError(400, `max_tokens: must be at most ${tokenLimit}, got ${asked}`, { param: 'max_tokens' });
  return { count, top: body['logprobs'] as number | undefined, asked, isEchoed };
}

/** A prompt by its ids and its text, whichever of the two was given. */
async function readPrompt(
  prompt: string | readonly number[],
  { prompts, tokenizer }: Pick<OwnEngine, 'prompts' | 'tokenizer'>,
): Promise<{ ids: readonly number[]; text: string }> {
  if (typeof prompt === 'string') return prompts.read({ type: 'text', text: prompt, addSpecialTokens: true });
  const stranger = prompt.find((id) => id >= tokenizer.vocabularySize);
  if (stranger !== undefined)
    throw new ServeError(400, `prompt: must hold ids below ${tokenizer.vocabularySize}, got ${stranger}`, {
      param: 'prompt',
    });
  return { ids: prompt, text: (await prompts.read({ type: 'decode', ids: prompt })).text };
}

function promptsOf({ prompt }: JsonObject): (string | readonly number[])[] {
  if (typeof prompt === 'string') return [prompt];
  const list = prompt as readonly (string | number | readonly number[])[];
  return typeof list[0] === 'number' ? [list as readonly number[]] : (list as (string | readonly number[])[]);
}

/** OpenAI's numeric form. Of likeliest tokens that read alike the likelier one is kept, since they are names of an object. */
function logprobsOf(
  entries: readonly { readonly id: number; readonly logp: AnswerLogp | undefined }[],
  { tokenizer, top, from }: { readonly tokenizer: Tokenizer; readonly top: number; readonly from: number },
): TextLogprobs {
  const tokens = entries.map(({ id }) => tokenizer.decode([id]));
  let offset = from;
  const textOffset = tokens.map((token) => {
    const at = offset;
    offset += token.length;
    return at;
  });
  const likeliest = entries.map(({ id, logp }) => {
    if (logp === undefined) return null;
    const names: Record<string, number> = {};
    // The token itself is always among them, as OpenAI has it.
    for (const one of [...logp.top, { id, logp: logp.logp }]) {
      const name = tokenizer.decode([one.id]);
      names[name] ??= Math.max(one.logp, -9999);
    }
    return names;
  });
  return {
    tokens,
    token_logprobs: entries.map(({ logp }) => (logp === undefined ? null : Math.max(logp.logp, -9999))),
    top_logprobs: top === 0 ? null : likeliest,
    text_offset: textOffset,
  };
}
