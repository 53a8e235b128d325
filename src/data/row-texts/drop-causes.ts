import type { DropReason } from '../tokens/tokenize-answer.ts';
import type { TruncationOptions } from '../tokens/truncate.ts';

/** Why rows were dropped, for people: what happened, and what can be done about it. */
export interface DropCause {
  readonly cause: string;
  readonly advice: string;
}

const RAISE = 'raise maxLength (--max-length)';
const KEEP = "use a template that keeps it (chat_template.jinja in the model's folder), or rows without it";

/** The cause of a drop under the limits that the rows met. Only what a limit did advises another limit. */
export function dropCause(reason: DropReason, limits: TruncationOptions): DropCause {
  const { maxLength, maxPromptLength } = limits;
  const cuts: Readonly<Record<DropReason, DropCause>> = {
    'prompt-too-long': {
      cause: `the prompt leaves no room for an answer at ${maxLength} tokens`,
      advice: maxPromptLength === undefined ? `${RAISE}, or cut prompts (--max-prompt-length)` : RAISE,
    },
    'identical-after-cut': {
      cause: `both answers are equal after the cut at ${[maxLength, maxPromptLength].filter((limit) => limit !== undefined).join(' and ')} tokens`,
      advice: maxLength === undefined ? 'raise maxPromptLength (--max-prompt-length)' : RAISE,
    },
    'no-answer-tokens': { cause: 'an answer has no token to train on', advice: 'drop the rows' },
    'empty-after-template': { cause: 'the template leaves out the whole text of an answer', advice: KEEP },
    'identical-after-template': {
      cause: 'the template leaves out the part of the answers in which they differ',
      advice: KEEP,
    },
    'identical-after-tokenizer': {
      cause: 'both answers are equal in tokens: the tokenizer writes what differs alike, or it is only what ends them',
      advice: 'take rows whose answers differ in more',
    },
    'identical-sides': { cause: 'both answers are equal in the data', advice: 'drop the rows, they teach nothing' },
  };
  return cuts[reason];
}
