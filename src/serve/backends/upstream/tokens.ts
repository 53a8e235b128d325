import { isObject, type JsonObject } from '../../../core/index.ts';
import { readJson } from './read-json.ts';
import type { Upstream } from './upstream.ts';
import { malformed, UpstreamFailure } from './upstream-failure.ts';

const TOKENS_TIMEOUT_MS = 30_000;

/** Whether servers of its kind give the ids of a text. */
export function canTokenize({ dialect }: Upstream): boolean {
  return dialect === 'vllm' || dialect === 'llama.cpp';
}

/** Ids of a text or a conversation. Throws ServeError. */
export async function tokenizeAt(
  upstream: Upstream,
  body: JsonObject,
  signal: AbortSignal,
): Promise<{ readonly ids: readonly number[]; readonly tokens: readonly string[] }> {
  const { settings, dialect, paths } = upstream;
  const { model: _, ...rest } = body;
  if (dialect === 'vllm') {
    const found = await ask(upstream, paths.tokenize, {
      signal,
      body: { ...rest, model: settings.model ?? settings.name, return_token_strs: true },
    });
    const ids = idsOf(upstream, found['tokens']);
    const tokens = found['token_strs'];
    return { ids, tokens: Array.isArray(tokens) ? tokens.map(String) : [] };
  }
  const { messages, add_generation_prompt: generation } = body;
  const prompt =
    messages === undefined
      ? body['prompt']
      : (await ask(upstream, paths.template, { signal, body: { messages, add_generation_prompt: generation } }))[
          'prompt'
        ];
  const found = await ask(upstream, paths.tokenize, {
    signal,
    body: {
      content: prompt,
      add_special: body['add_special_tokens'] !== false,
      parse_special: true,
      with_pieces: true,
    },
  });
  const list = Array.isArray(found['tokens']) ? found['tokens'].filter(isObject) : [];
  return {
    ids: idsOf(
      upstream,
      list.map(({ id }) => id),
    ),
    // A piece that is no whole letter comes as bytes.
    tokens: list.map(({ piece }) =>
      typeof piece === 'string' ? piece : Buffer.from(piece as readonly number[]).toString(),
    ),
  };
}

export async function detokenizeAt(upstream: Upstream, ids: readonly number[]): Promise<string> {
  const { settings, dialect, paths } = upstream;
  const isVllm = dialect === 'vllm';
  const found = await ask(upstream, paths.detokenize, {
    body: isVllm ? { model: settings.model ?? settings.name, tokens: ids } : { tokens: ids },
  });
  const text = found[isVllm ? 'prompt' : 'content'];
  if (typeof text !== 'string') throw malformed(settings.name, 'no text for token ids').error;
  return text;
}

async function ask(
  upstream: Upstream,
  url: string,
  { body, signal }: { readonly body: unknown; readonly signal?: AbortSignal },
): Promise<Readonly<Record<string, unknown>>> {
  try {
    const found = await readJson(upstream, { method: 'POST', url, body, signal, timeoutMs: TOKENS_TIMEOUT_MS });
    if (isObject(found)) return found;
    throw malformed(upstream.settings.name, 'JSON that is no object');
  } catch (thrown) {
    if (!(thrown instanceof UpstreamFailure)) throw thrown;
    if (thrown.note !== undefined) upstream.note(thrown.note);
    throw thrown.error;
  }
}

function idsOf({ settings }: Upstream, value: unknown): number[] {
  if (Array.isArray(value) && value.every((id) => Number.isInteger(id))) return value as number[];
  throw malformed(settings.name, 'no list of token ids').error;
}
