import type { ChatTemplate, Tokenizer } from '../../tokenizer/index.ts';

/** What a test varies about the byte tokenizer. */
export interface TestingTokenizerOptions {
  /** Pairs that merge wherever they stand, longest first: multi-character tokens. */
  readonly merges?: readonly string[];
  /** Whether encode() puts BOS in front; default true. */
  readonly addsBos?: boolean;
  readonly template?: 'none' | 'chatml' | 'bos' | 'no-stop' | 'thinking' | 'drops-reasoning';
}

const SPECIALS = ['<s>', '</s>', '<|im_start|>', '<|im_end|>'];

/** A tokenizer for tests: one token a UTF-8 byte, four special tokens (256 <s>, 257 </s>, 258, 259), and given merges. */
export function createTestingTokenizer(options: TestingTokenizerOptions = {}): Tokenizer {
  const { merges = [], addsBos = true, template = 'none' } = options;
  const words = [...SPECIALS, ...merges];
  const byLength = words.toSorted((a, b) => b.length - a.length);
  const encoder = new TextEncoder();
  const encode: Tokenizer['encode'] = (text, { addSpecialTokens = true } = {}) => {
    const ids = addSpecialTokens && addsBos ? [256] : [];
    for (let at = 0; at < text.length;) {
      const word = byLength.find((candidate) => text.startsWith(candidate, at));
      if (word === undefined) {
        const character = String.fromCodePoint(text.codePointAt(at)!);
        ids.push(...encoder.encode(character));
        at += character.length;
      } else {
        ids.push(256 + words.indexOf(word));
        at += word.length;
      }
    }
    return ids;
  };
  const bytesOf = (id: number): Uint8Array => (id < 256 ? Uint8Array.of(id) : encoder.encode(words[id - 256]));
  const decode: Tokenizer['decode'] = (ids, { skipSpecialTokens = false } = {}) => {
    const kept = ids.filter((id) => !skipSpecialTokens || id < 256 || id >= 256 + SPECIALS.length);
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(
      Uint8Array.from(kept.flatMap((id) => [...bytesOf(id)])),
    );
  };
  return {
    vocabularySize: 256 + words.length,
    bosId: 256,
    eosId: 257,
    stopIds: [257, 259],
    padId: undefined,
    addedTokens: SPECIALS.map((content, index) => ({ id: 256 + index, content, special: true })),
    identity: 'testing',
    chatTemplate: template === 'none' ? undefined : templateOf(template),
    encode,
    decode,
    tokenText: (id) => (id < 256 ? `<0x${id.toString(16).toUpperCase()}>` : words[id - 256]!),
  };
}

/** Templates in the manner of ChatML, with what a test needs to go wrong. */
function templateOf(kind: Exclude<TestingTokenizerOptions['template'], 'none' | undefined>): ChatTemplate {
  return {
    source: kind,
    render(messages, { addGenerationPrompt, tools, variables }) {
      const end = kind === 'no-stop' ? '\n' : '<|im_end|>\n';
      // In the manner of distilled reasoning models: what stands before </think> is left out.
      const kept = (content: string): string =>
        kind === 'drops-reasoning' ? content.split('</think>').at(-1)! : content;
      const turns = messages.map(({ role, content }) => `<|im_start|>${role}\n${kept(content)}${end}`);
      if (tools) turns.unshift(`<|im_start|>system\ntools ${JSON.stringify(tools)}${end}`);
      if (variables) turns.unshift(`<|im_start|>system\nvariables ${JSON.stringify(variables)}${end}`);
      if (kind === 'bos') turns.unshift('<s>');
      if (addGenerationPrompt)
        turns.push(`<|im_start|>assistant\n${kind === 'thinking' || kind === 'drops-reasoning' ? '<think>' : ''}`);
      return turns.join('');
    },
  };
}
