import type { Message, Tokenizer } from '../../tokenizer/index.ts';
import { badInput } from '../../core/index.ts';
import { isTrained } from './trained-turns.ts';
import type { Content } from '../row.ts';

/** The path of the problem that a tokenizer without chat template is. */
export const MISSING_TEMPLATE = 'chat_template';

/** A prompt and one answer as the model reads them. */
export interface RenderedSide {
  readonly text: string;
  /** Where the answer starts in `text`, in UTF-16 units. */
  readonly boundary: number;
  /** Whether the text came from the chat template, special tokens included. */
  readonly fromTemplate: boolean;
  /** The template opens the answer otherwise when the answer is there; the boundary is where the two texts part. */
  readonly templateDiffers: boolean;
  /** What the template opens the answer with when it asks the model, where the answer's own text has it not; only where it is more than white space. */
  readonly untrainedOpening?: string;
  /**
   * Where the assistant's turns stand in `text`, [start, end) each, in UTF-16 units; only for an answer of several turns.
   * Otherwise everything behind the boundary is the assistant's.
   */
  readonly assistantSpans?: readonly TextSpan[];
}

export type TextSpan = readonly [start: number, end: number];

/** What a row gives the chat template besides its turns. */
export interface TemplateInputs {
  readonly tools?: readonly unknown[];
  readonly templateVariables?: Readonly<Record<string, unknown>>;
}

/** Renders the sides of rows; keeps the last prompt's text, which the other side of a pair asks for again. */
export interface SideRenderer {
  /**
   * Prompt + answer as text. A plain text is joined as it stands. A conversation is rendered twice by the chat template: the
   * prompt with what opens an assistant turn, and the whole; the answer is what follows their common start. Templates that
   * write something else after the prompt when an answer follows (a reasoning block, say) part earlier; that is reported.
   *
   * In an answer of several turns (a tool's result or a user's question between two of the assistant's) each assistant turn
   * is found in the same way, by rendering the conversation up to it and with it.
   *
   * Throws bad-input when a conversation meets a tokenizer without chat template, and when the template fails.
   */
  render(prompt: Content, answer: Content, inputs: TemplateInputs): RenderedSide;
}

export function createSideRenderer(tokenizer: Tokenizer): SideRenderer {
  let last: { readonly prompt: Content; readonly inputs: TemplateInputs; readonly opened: string } | undefined;
  const openedPrompt = (prompt: readonly Message[], inputs: TemplateInputs): string => {
    if (last?.prompt !== prompt || last.inputs !== inputs)
      last = { prompt, inputs, opened: renderTurns(tokenizer, prompt, true, inputs) };
    return last.opened;
  };
  return {
    render(prompt, answer, inputs) {
      if (typeof prompt === 'string' || typeof answer === 'string') {
        if (typeof prompt === 'string' && typeof answer === 'string')
          return { text: prompt + answer, boundary: prompt.length, fromTemplate: false, templateDiffers: false };
        throw badInput('row: prompt and answer must both be texts or both be messages, got one of each');
      }
      const opened = openedPrompt(prompt, inputs);
      const text = renderTurns(tokenizer, [...prompt, ...answer], false, inputs);
      const boundary = commonTextLength(opened, text);
      const opening = openingBehind(opened, boundary);
      const plain = { text, boundary, fromTemplate: true, templateDiffers: boundary < opened.length };
      const side = opening.trim() === '' ? plain : { ...plain, untrainedOpening: opening };
      if (answer.length === 1) return side;
      return { ...side, assistantSpans: assistantSpans(tokenizer, side, { prompt, answer, inputs }) };
    },
  };
}

/** What of a prompt stands behind the boundary, from the start of the mark (<think>, say) that the boundary cuts. */
export function openingBehind(opened: string, boundary: number): string {
  if (boundary === opened.length) return '';
  const mark = opened.lastIndexOf('<', boundary - 1);
  const isCut = mark >= 0 && !/[\s>]/.test(opened.slice(mark, boundary));
  return opened.slice(isCut ? mark : boundary);
}

function assistantSpans(
  tokenizer: Tokenizer,
  { text, boundary }: RenderedSide,
  row: { readonly prompt: readonly Message[]; readonly answer: readonly Message[]; readonly inputs: TemplateInputs },
): TextSpan[] {
  const { prompt, answer, inputs } = row;
  let end = boundary;
  /** Where the first `turns` of the answer end in `text`, of which everything before `end` is known. */
  const placeBehind = (turns: number, opensTurn: boolean): number => {
    const rendered = renderTurns(tokenizer, [...prompt, ...answer.slice(0, turns)], opensTurn, inputs);
    return text.startsWith(rendered) ? rendered.length : placeOfTail(rendered, text, end);
  };
  return answer.flatMap((turn, index) => {
    if (!isTrained(turn)) return [];
    const start = index === 0 ? boundary : placeBehind(index, true);
    end = start;
    end = index === answer.length - 1 ? text.length : placeBehind(index + 1, false);
    return [[start, end] as const];
  });
}

/**
 * Where the end of `rendered` stands in `text` when the two part before `from`: templates write a reasoning block into the last turn
 * and leave it out of the same turn when others follow (Qwen3). Behind `from` the text goes on with the longest end of
 * `rendered` that it can.
 */
function placeOfTail(rendered: string, text: string, from: number): number {
  for (let start = 0; start < rendered.length; start++) {
    if (rendered.charCodeAt(start) !== text.charCodeAt(from)) continue;
    const tail = rendered.slice(start);
    if (tail.trim() === '') break;
    if (text.startsWith(tail, from)) return from + tail.length;
  }
  throw badInput(
    'chat template: a turn must be written alike whatever follows it, got other text for it in the middle of an answer ' +
      'of several turns; leave the turns behind the first out of the answer (sft: --loss last), or use another template',
  );
}

/** A conversation as the chat template writes it; `addGenerationPrompt` with what opens an assistant turn. Throws as SideRenderer.render. */
export function renderTurns(
  { chatTemplate }: Tokenizer,
  turns: readonly Message[],
  addGenerationPrompt: boolean,
  { tools, templateVariables }: TemplateInputs,
): string {
  if (chatTemplate === undefined)
    throw badInput({
      path: MISSING_TEMPLATE,
      message:
        'data: conversations need a tokenizer with a chat template, got one without; ' +
        "use a chat model's tokenizer, or rows of plain text",
    });
  return chatTemplate.render(turns, {
    addGenerationPrompt,
    ...(tools && { tools }),
    ...(templateVariables && { variables: templateVariables }),
  });
}

/** Length of the common start of two texts; never between the halves of a surrogate pair. */
export function commonTextLength(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  let length = 0;
  while (length < shorter && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  const last = length > 0 ? a.charCodeAt(length - 1) : 0;
  return last >= 0xd800 && last <= 0xdbff ? length - 1 : length;
}
