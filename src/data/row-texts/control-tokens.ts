import type { Tokenizer } from '../../tokenizer/index.ts';
import { renderProbe } from './template-frames.ts';

/** Finds the tokens in a text that are the model's own marks. */
export interface ControlTokens {
  /** The control tokens that `text` becomes, each once, in the order of the text; mostly none. */
  find(text: string): readonly string[];
}

type Added = Tokenizer['addedTokens'][number];

/** `<name>` or `</name>`: what encloses a part of an answer where both are tokens. */
const TAG = /^<(\/?)([^<>/|]+)>$/;

const NONE: readonly string[] = [];

/**
 * A tokenizer's control tokens: its special tokens, BOS, EOS and stop tokens, and those added tokens that its chat template writes around turns
 * though the files do not call them special. Tags that enclose a part of an answer (<think> and </think>, <tool_call> and </tool_call>) are none
 * unless the files call them special: answers write them out.
 *
 * A spelling counts only where the tokenizer makes the token of it.
 */
export function createControlTokens(tokenizer: Tokenizer): ControlTokens {
  const byContent = new Map(controlTokensOf(tokenizer).map((token) => [token.content, token]));
  if (byContent.size === 0) return { find: () => NONE };
  const contents = [...byContent.keys()].toSorted((a, b) => b.length - a.length);
  const pattern = new RegExp(contents.map(escaped).join('|'), 'g');
  // Nearly no text has a token in it, and the search for one character is many times faster than that for all tokens.
  const starts = [...new Set(contents.map((content) => content.slice(0, content.startsWith('<|') ? 2 : 1)))];
  return {
    find(text) {
      if (!starts.some((start) => text.includes(start))) return NONE;
      const found = new Set(text.match(pattern));
      if (found.size === 0) return NONE;
      const ids = new Set(tokenizer.encode(text, { addSpecialTokens: false }));
      return [...found].filter((content) => ids.has(byContent.get(content)!.id));
    },
  };
}

function controlTokensOf(tokenizer: Tokenizer): readonly Added[] {
  const { addedTokens, bosId, eosId, stopIds } = tokenizer;
  const own = new Set([bosId, eosId, ...stopIds]);
  const contents = new Set(addedTokens.map(({ content }) => content));
  const turns = renderProbe(tokenizer.chatTemplate, ['user', 'assistant', 'user']) ?? '';
  const isMark = ({ content }: Added): boolean => turns.includes(content) && !isTag(content, contents);
  return addedTokens.filter(
    (token) => token.content.trim() !== '' && (token.special || own.has(token.id) || isMark(token)),
  );
}

function isTag(content: string, contents: ReadonlySet<string>): boolean {
  const [, slash, name] = TAG.exec(content) ?? [];
  return name !== undefined && contents.has(slash === '' ? `</${name}>` : `<${name}>`);
}

function escaped(content: string): string {
  return content.replace(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);
}
