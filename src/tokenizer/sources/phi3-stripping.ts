/** Tokens behind which it keeps white space even so. */
const KEEPING = new Set(['<unk>', '<s>', '<|endoftext|>']);

/**
 * Whether llama.cpp takes the white space behind each of a model's control and user-defined tokens for a part of it: GGUF has no word for that, and it
 * goes by general.name. Source: llama.cpp, src/llama-vocab.cpp, attributes of tokens by the model's name.
 */
export function stripsByName(name: unknown): boolean {
  return typeof name === 'string' && /phi-?3/i.test(name);
}

/** Whether white space behind a control or user-defined token belongs to it in a model of such a name. */
export function stripsBehind(token: string): boolean {
  return !KEEPING.has(token);
}

/** The name under which llama.cpp strips as the added tokens of a tokenizer.json do; the given one where it does anyway, or where no name would. */
export function nameForStripping(
  name: string,
  added: readonly { readonly content: string; readonly rstrip?: boolean }[],
): string {
  const fits =
    added.some(({ rstrip }) => rstrip === true) &&
    added.every(({ content, rstrip = false }) => rstrip === stripsBehind(content));
  return fits && !stripsByName(name) ? `Phi-3 ${name}` : name;
}
