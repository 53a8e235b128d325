import { isObject } from '../../core/index.ts';
import type { Message, Tokenizer } from '../../tokenizer/index.ts';
import type { Content } from '../row.ts';
import type { RenderedSide, TextSpan } from '../tokens/render-row.ts';
import { isTrained } from '../tokens/trained-turns.ts';
import { missingPiece } from './missing-text.ts';
import { reasoningOf } from './reasoning.ts';

/** A piece of an answer that is not trained, and who left it out or wrote it otherwise. */
export interface LostText {
  readonly by: 'template' | 'tokenizer';
  readonly text: string;
}

/** The first piece of an answer that the template left out: of a turn's text, its reasoning, or its tool calls. */
export function lostInTemplate(answer: Content, side: RenderedSide): string | undefined {
  if (typeof answer === 'string') return undefined;
  const { text, boundary, assistantSpans } = side;
  let next = 0;
  for (const turn of answer) {
    if (!isTrained(turn)) continue;
    const span = assistantSpans?.[next++] ?? [boundary, text.length];
    const lost = lostOfTurn(turn, text, span);
    if (lost !== undefined) return lost;
  }
  return undefined;
}

function lostOfTurn(turn: Message, text: string, span: TextSpan): string | undefined {
  const lost = lostOf(turn.content, text, span);
  if (lost !== undefined) return lost;
  const reasoning = reasoningOf(turn);
  const lostReasoning = reasoning === undefined ? undefined : lostOf(reasoning, text, span);
  if (lostReasoning !== undefined) return lostReasoning;
  for (const { function: called } of turn.tool_calls ?? []) {
    const part = text.slice(...span);
    const missing = [called.name, ...leavesOf(called.arguments)].find((leaf) => !isWritten(leaf, part));
    if (missing !== undefined) return missing;
  }
  return undefined;
}

/** A text must end in the span. It may begin before it, where the template opens the answer with what the text begins with. */
function lostOf(own: string, text: string, [start, end]: TextSpan): string | undefined {
  const isThere = (part: string): boolean => {
    if (text.startsWith(part, start) && start + part.length <= end) return true;
    const at = text.indexOf(part, Math.max(0, start - part.length + 1));
    return at >= 0 && at + part.length <= end;
  };
  if (isThere(own)) return undefined;
  // Most templates trim; only what is rewritten otherwise is compared character by character.
  const trimmed = own.trim();
  if (trimmed === '' || isThere(trimmed)) return undefined;
  return missingPiece(own, text.slice(Math.max(0, start - own.length), end));
}

/** The names and values of a call's arguments, as texts. */
function leavesOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(leavesOf);
  if (isObject(value)) return Object.entries(value).flatMap(([name, item]) => [name, ...leavesOf(item)]);
  return typeof value === 'string' && value.trim() !== '' ? [value] : [];
}

/** Whether a text is there as it is or as JSON and Python write it. */
function isWritten(leaf: string, text: string): boolean {
  return text.includes(leaf) || plain(text).includes(plain(leaf));
}

/** Without what quoting adds: backslashes, the letters of line ends and tabs, quotes, white space; entities and escapes as characters. */
function plain(text: string): string {
  return text
    .replace(/\\u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/\\[nrtbf]|[\s\\"']/g, '');
}

/** Whether tokens spell the text that they were made of. */
export interface SpellingCheck {
  /** The first piece of an answer that its ids do not spell. */
  lost(
    answer: Content,
    ids: { readonly prompt: readonly number[]; readonly answer: readonly number[] },
  ): string | undefined;
}

const ASCII = /^\p{ASCII}*$/u;

/** Every printable character of ASCII, in words. */
const ASCII_PROBE =
  'ABCDEFGHIJKLM NOPQRSTUVWXYZ abcdefghijklm nopqrstuvwxyz 0123456789 !"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';

/** Characters that normalisers fold and small vocabularies lack: composed, compatible, full-width, of many scripts, in private use. */
const FOREIGN_PROBE =
  '\u00c9e\u0301 \u00df\u0130 \u0416 \u6f22 \ud55c \ufb01\u2460\u2122 \u2019\u20ac \u{1f600}\u{1f469}\u200d\u{1f469} \u05d0\u062a\u0e44 \u{1d518} \uff46\uff21 \ue123\u{e0041}\u{10fffe}';

/**
 * Learnt once of a tokenizer: one that spells the probes again spells every text again, and no row is looked at. Else texts with the kinds of characters that
 * it does not spell are compared with their decoded ids.
 */
export function createSpellingCheck(tokenizer: Tokenizer): SpellingCheck {
  const spells = (text: string): boolean => {
    const ids = tokenizer.encode(text, { addSpecialTokens: false });
    return missingPiece(text, tokenizer.decode(ids)) === undefined;
  };
  const spellsAscii = spells(ASCII_PROBE);
  const spellsAll = spellsAscii && spells(FOREIGN_PROBE);
  return {
    lost(answer, { prompt, answer: ids }) {
      if (spellsAll) return undefined;
      const texts = typeof answer === 'string' ? [answer] : answer.flatMap(textsOfTurn);
      let spelled: string | undefined;
      for (const text of texts) {
        if (text.trim() === '' || (spellsAscii && ASCII.test(text))) continue;
        spelled ??= tokenizer.decode([...prompt, ...ids]);
        const lost = missingPiece(text, spelled);
        if (lost !== undefined) return lost;
      }
      return undefined;
    },
  };
}

function textsOfTurn(turn: Message): readonly string[] {
  return isTrained(turn) ? [turn.content, reasoningOf(turn) ?? ''] : [];
}
