import { badInput } from '../../core/index.ts';
import type { Message, Tokenizer } from '../../tokenizer/index.ts';
import { createControlTokens } from './control-tokens.ts';
import { isRenderedText, templateFrames, withoutEnds } from './template-frames.ts';

/**
 * How rows whose prompt and answers are texts become tokens: `chat` as a turn of the user and one of the assistant in the model's chat template, `raw` as they
 * stand; `auto` is chat where the model has a template.
 */
export const TEXT_MODES = ['auto', 'chat', 'raw'] as const;
export type TextMode = (typeof TEXT_MODES)[number];

/** What became of the texts of a row. */
export type TextUse =
  /** A turn of the user and one of the assistant, in the chat template. */
  | 'turns'
  /** As they stand: the model's own template wrote them already. */
  | 'rendered'
  /** As they stand: they hold marks of a template, or what asks for the answer, already. */
  | 'marked'
  /** As they stand: the prompt is empty, or the start that two whole texts share. */
  | 'no-question'
  /** As they stand, since that was asked for. */
  | 'raw'
  /** As they stand, since a trainer of TRL has it so. */
  | 'trl'
  /** As they stand, since the model has no chat template. */
  | 'no-template'
  /** A text without prompt, which is no question and answer. */
  | 'plain';

/** The texts of a row. */
export interface TextParts {
  readonly prompt: string;
  readonly answers: readonly string[];
  /** The prompt is no question of its own. */
  readonly isStart?: boolean | undefined;
}

/** What a row of texts becomes. */
export type TurnedTexts =
  | {
      readonly use: 'turns';
      readonly prompt: readonly Message[];
      readonly answers: readonly (readonly Message[])[];
      /** White space at the ends of an answer is left out. */
      readonly isTrimmed: boolean;
      /** An answer spelled the token that ends it, which the template writes. */
      readonly endWritten: boolean;
    }
  | { readonly use: Exclude<TextUse, 'turns' | 'trl' | 'plain'> };

/**
 * The rule for rows of texts. In turns the prompt is the user's as it stands, as a prompt is when the model is asked. Answers that were written to be joined
 * to a prompt lose what the template sets itself: blank lines and one space in front, white space behind (deeper indentation in front is code, and
 * stays), and the token that ends a turn. Where nothing else is left, or two answers differ in nothing else, they stay as they are.
 *
 * Throws bad-input for `chat` with a tokenizer that has no chat template.
 */
export function createTextTurns(tokenizer: Tokenizer, mode: TextMode): (parts: TextParts) => TurnedTexts {
  const { chatTemplate, addedTokens, bosId, stopIds } = tokenizer;
  if (mode === 'raw') return () => ({ use: 'raw' });
  if (chatTemplate === undefined) {
    if (mode === 'auto') return () => ({ use: 'no-template' });
    throw badInput({
      path: 'textRows',
      message:
        'data: --text-rows chat needs a model with a chat template, got one without; leave it out, or name a chat model',
    });
  }
  const spelled = (id: number | undefined): string | undefined => addedTokens.find((token) => token.id === id)?.content;
  const bos = spelled(bosId);
  const frames = templateFrames(chatTemplate, bos);
  const tokens = createControlTokens(tokenizer);
  const stops = stopIds.flatMap((id) => spelled(id) ?? []);
  // Where the template ends no turn with a token, the one that is spelled is all there is.
  const ends = stops.some((stop) => frames.closing.includes(stop)) ? stops : [];

  const marksOf = ({ prompt, answers }: TextParts): 'rendered' | 'marked' | undefined => {
    if (isRenderedText(frames, prompt, { bos, isAnswer: false })) return 'rendered';
    const isMarked =
      FOREIGN_MARK.test(prompt) ||
      HANDOVER.test(prompt.slice(-HANDOVER_LENGTH)) ||
      tokens.find(prompt).length > 0 ||
      answers.some((answer) => FOREIGN_OPENER.test(answer) || isRenderedText(frames, answer, { bos, isAnswer: true }));
    return isMarked ? 'marked' : undefined;
  };
  return (parts) => {
    const { prompt, answers, isStart = false } = parts;
    const marks = marksOf(parts);
    if (marks !== undefined) return { use: marks };
    if (isStart || prompt.trim() === '') return { use: 'no-question' };
    const unended = answers.map((answer) => withoutEnds(answer, ends));
    const trimmed = unended.map(trimAnswer);
    const isKept = new Set(trimmed).size === new Set(answers).size && !trimmed.includes('');
    const contents = isKept ? trimmed : answers;
    return {
      use: 'turns',
      prompt: [{ role: 'user', content: prompt }],
      answers: contents.map((content) => [{ role: 'assistant', content }]),
      isTrimmed: isKept && trimmed.some((text, index) => text !== unended[index]),
      endWritten: isKept && unended.some((text, index) => text !== answers[index]),
    };
  };
}

/** Marks that chat templates of several families write, whatever the model's own writes. */
const FOREIGN_MARK =
  /<\|(?:im_start|im_end|im_sep|start_header_id|end_header_id|eot_id|eom_id|begin_of_text|endoftext|user|assistant|system|end|start|message|start_of_role|end_of_role|USER_TOKEN|CHATBOT_TOKEN|START_OF_TURN_TOKEN|END_OF_TURN_TOKEN)\|>|\[\/?(?:INST|AVAILABLE_TOOLS|SYSTEM_PROMPT)\]|<<\/?SYS>>|<(?:start|end)_of_turn>|<\uff5c[\w\u2581 ]+\uff5c>/u;

/** How an answer begins that was rendered with its opening. */
const FOREIGN_OPENER =
  /^\s*(?:<\|(?:im_start|start_header_id|assistant|CHATBOT_TOKEN)\|>|<start_of_turn>|<\uff5cAssistant\uff5c>)/u;

/** What asks for the answer at the end of a prompt that was written out: Alpaca's, Vicuna's, Anthropic's and their kin. */
const HANDOVER =
  /(?:^|\s)(?:#{2,}\s*(?:response|answer|assistant|output|solution)\s*:?|(?:(?:GPT4 Correct )?assistant|AI|bot)\s*:)\s*$/i;

/** No longer than that, with the white space behind it. */
const HANDOVER_LENGTH = 80;

const BLANK = ' \t\r\n';

/** An answer without blank lines and one space in front, and without white space behind. */
function trimAnswer(text: string): string {
  let end = text.length;
  while (end > 0 && BLANK.includes(text[end - 1]!)) end--;
  let start = 0;
  for (let at = 0; at < end && BLANK.includes(text[at]!); at++) if (text[at] === '\n') start = at + 1;
  if (text[start] === ' ' && start + 1 < end && !BLANK.includes(text[start + 1]!)) start++;
  return text.slice(start, end);
}
