import type { AddedToken } from './added-tokens.ts';
import type { ChatTemplate } from './tokenizer.ts';

/** Letters and digits only, so that no template changes or trims it. */
const PROBE = 'Probe7319';

/**
 * The added token with which the template closes an assistant turn: the first thing but white space behind the answer of a
 * short conversation. undefined when there is no template, when it cannot render that conversation, or when something else
 * than an added token stands there.
 *
 * Deriving it from the template rather than from a list of names finds <|im_end|>, <|eot_id|>, <|end|>, <end_of_turn>, </s>
 * and whatever comes next, and never takes a token that the template does not use.
 */
export function endOfTurnId(template: ChatTemplate | undefined, tokens: readonly AddedToken[]): number | undefined {
  if (template === undefined) return undefined;
  let text: string;
  try {
    text = template.render(
      [
        { role: 'user', content: 'Question' },
        { role: 'assistant', content: PROBE },
      ],
      { addGenerationPrompt: false },
    );
  } catch {
    // The template's problem is reported where it is used; here it only leaves the question open.
    return undefined;
  }
  const at = text.lastIndexOf(PROBE);
  if (at < 0) return undefined;
  const tail = text.slice(at + PROBE.length).trimStart();
  const closing = tokens.filter((token) => token.content.length > 0 && tail.startsWith(token.content));
  return closing.toSorted((a, b) => b.content.length - a.content.length)[0]?.id;
}

/** The distinct ids among EOS, the template's end of turn, and those that the files name, in ascending order. */
export function collectStopIds(...ids: readonly (number | undefined)[]): readonly number[] {
  return Array.from(new Set(ids.filter((id) => id !== undefined))).toSorted((a, b) => a - b);
}
