import { randomInt } from 'node:crypto';
import type { JsonObject } from '../../../core/index.ts';
import type { DecodingOptions } from '../../../generate/index.ts';
import { ServeError } from '../../serve-error.ts';

/** Fields of a request that say how tokens are drawn, as the engine takes them. OpenAI draws at temperature 1 where nothing is said. */
export function drawingOf(body: JsonObject): Omit<DecodingOptions, 'maxNewTokens'> {
  const number = (name: string, usual: number): number => (body[name] as number | undefined) ?? usual;
  const bias = body['logit_bias'] as Readonly<Record<string, number>> | undefined;
  const stop = body['stop'] as string | readonly string[] | undefined;
  return {
    temperature: number('temperature', 1),
    topP: number('top_p', 1),
    topK: Math.max(0, number('top_k', 0)),
    minP: number('min_p', 0),
    repetitionPenalty: number('repetition_penalty', 1),
    presencePenalty: number('presence_penalty', 0),
    frequencyPenalty: number('frequency_penalty', 0),
    ...(bias !== undefined && {
      logitBias: new Map(Object.entries(bias).map(([id, value]) => [Number(id), value])),
    }),
    // The engine's seeds are not negative.
    seed: Math.abs((body['seed'] as number | undefined) ?? randomInt(2 ** 47)),
    stopStrings: stop === undefined ? [] : [stop].flat(),
  };
}

/** Throws ServeError 400 that names every field which the own engine does not do. */
export function refuseFields(body: JsonObject, known: ReadonlySet<string>): void {
  const strangers = Object.keys(body).filter((name) => !known.has(name));
  if (strangers.length === 0) return;
  throw new ServeError(
    400,
    `The model does not take ${strangers.map((name) => JSON.stringify(name.slice(0, 100))).join(', ')}; leave ${strangers.length === 1 ? 'it' : 'them'} out`,
    { code: 'unsupported_parameter', param: strangers[0]!.slice(0, 100) },
  );
}

/** How many tokens may be drawn behind a prompt. Throws ServeError 400 where prompt and answer do not fit. */
export function roomFor(
  promptTokens: number,
  {
    asked,
    maxTokens,
    least = 1,
  }: { readonly asked: number | undefined; readonly maxTokens: number; readonly least?: number },
): number {
  const room = maxTokens - promptTokens;
  if (room < least || (asked !== undefined && asked > room))
    throw new ServeError(
      400,
      `This model reads and writes at most ${maxTokens} tokens; the prompt has ${promptTokens}${asked === undefined ? '' : ` and ${asked} were asked for`}; shorten one of them`,
      { code: 'context_length_exceeded', param: 'messages' },
    );
  return asked ?? room;
}
