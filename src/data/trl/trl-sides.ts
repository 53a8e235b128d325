import { badInput } from '../../core/index.ts';
import type { Message, Tokenizer } from '../../tokenizer/index.ts';
import type { Content } from '../row.ts';
import { commonTextLength, renderTurns, type TemplateInputs } from '../tokens/render-row.ts';
import type { TrlRules } from './trl-rules.ts';

/** A prompt and one answer in the ids that TRL has of them, before anything is cut. Every id of the answer is scored. */
export interface TrlSide {
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
  /** The prompt's ids by themselves are not how prompt and answer begin. */
  readonly promptDiffers: boolean;
  /** EOS was added behind the answer. */
  readonly stopAppended: boolean;
}

/** A row's parts. `prompt` is undefined where all of a text or of a conversation is trained. */
export interface TrlParts {
  readonly prompt: Content | undefined;
  /** The answers to the prompt: two of a pair, else one. */
  readonly answers: readonly Content[];
  readonly inputs: TemplateInputs;
}

/** The sides of a row, one for each answer. Throws bad-input as the chat template does, and for texts without EOS. */
export type TrlSides = (parts: TrlParts) => TrlSide[];

/**
 * The ids that a trainer of TRL makes of a row.
 *
 * Source: TRL 1.16, DPOTrainer, KTOTrainer and SFTTrainer._prepare_dataset, CPOTrainer.tokenize_row; TRL 0.28, DPOTrainer.tokenize_row,
 * SFTTrainer._prepare_dataset, KTOTrainer's _tokenize and _process_tokens.
 */
export function createTrlSides(tokenizer: Tokenizer, { version, trainer }: TrlRules): TrlSides {
  if (trainer === 'sft') return jointSides(tokenizer, version === 'trl-1' ? 'common ids' : 'length');
  if (trainer === 'cpo') return mergedSides(tokenizer);
  if (version === 'trl-1') return jointSides(tokenizer, 'common ids');
  return trainer === 'dpo' ? separateSides(tokenizer) : mergedSides(tokenizer);
}

/** The EOS of a tokenizer. Throws bad-input where it has none, since TRL puts it behind every text. */
export function requireEos(tokenizer: Tokenizer): number {
  if (tokenizer.eosId !== undefined) return tokenizer.eosId;
  throw badInput({
    path: 'compat',
    message:
      'compat: a tokenizer must have an EOS token, which TRL puts behind texts, got one without; leave --compat out',
  });
}

/**
 * Prompt and answer are tokenised together and the prompt once more by itself, each with what the tokenizer adds to a text. The answer
 * begins where the two part (for a pair: where the first of its sides does), or behind as many ids as the prompt has by itself.
 * A text that does not end in EOS gets it.
 */
function jointSides(tokenizer: Tokenizer, boundary: 'common ids' | 'length'): TrlSides {
  const withEos = (text: string): string => {
    const eos = tokenizer.tokenText(requireEos(tokenizer));
    return text.endsWith(eos) ? text : text + eos;
  };
  const idsOf = (content: Content, opens: boolean, inputs: TemplateInputs): readonly number[] =>
    typeof content === 'string'
      ? tokenizer.encode(content)
      : tokenizer.encode(renderTurns(tokenizer, content, opens, inputs), { addSpecialTokens: false });
  return ({ prompt, answers, inputs }) => {
    const whole = answers.map((answer) => {
      const content = joined(prompt ?? (typeof answer === 'string' ? '' : []), answer);
      return idsOf(typeof content === 'string' ? withEos(content) : content, false, inputs);
    });
    const own = prompt === undefined ? [] : idsOf(prompt, true, inputs);
    const common = Math.min(...whole.map((ids) => commonLength(own, ids)));
    const cut = boundary === 'length' ? own.length : common;
    return whole.map((ids, side) => ({
      prompt: ids.slice(0, cut),
      answer: ids.slice(cut),
      promptDiffers: common < own.length,
      stopAppended: isOpenText(answers[side]!, (text) => withEos(text) !== text),
    }));
  };
}

/** Prompt and answers are tokenised one by one, without anything added to them but EOS behind texts. */
function separateSides(tokenizer: Tokenizer): TrlSides {
  const encode = (text: string): number[] => tokenizer.encode(text, { addSpecialTokens: false });
  return (parts) => {
    const { prompt, answers, promptDiffers } = textsOf(tokenizer, parts);
    const own = encode(prompt);
    return answers.map((answer, side) => {
      const isText = typeof parts.answers[side] === 'string';
      const ids = encode(answer);
      if (isText) ids.push(requireEos(tokenizer));
      return { prompt: own, answer: ids, promptDiffers, stopAppended: isText };
    });
  };
}

/**
 * Prompt and answer are tokenised together without anything added; the answer begins behind as many ids as the prompt has by itself, or
 * one before that where the two begin otherwise. BOS and EOS are put around it later, where they are not there.
 */
function mergedSides(tokenizer: Tokenizer): TrlSides {
  const encode = (text: string): number[] => tokenizer.encode(text, { addSpecialTokens: false });
  return (parts) => {
    const { prompt, answers, promptDiffers } = textsOf(tokenizer, parts);
    const own = encode(prompt);
    return answers.map((answer) => {
      const ids = encode(prompt + answer);
      const isMerged = commonLength(own, ids) < own.length;
      const cut = isMerged ? own.length - 1 : own.length;
      return {
        prompt: ids.slice(0, cut),
        answer: ids.slice(cut),
        promptDiffers: promptDiffers || isMerged,
        stopAppended: ids.at(-1) !== tokenizer.eosId,
      };
    });
  };
}

/**
 * A row as texts: the prompt is what its rendering has in common with that of every whole conversation. The tools of a row are not read.
 *
 * Source: TRL, data_utils.apply_chat_template.
 */
function textsOf(
  tokenizer: Tokenizer,
  { prompt = '', answers, inputs: { templateVariables } }: TrlParts,
): { readonly prompt: string; readonly answers: readonly string[]; readonly promptDiffers: boolean } {
  if (typeof prompt === 'string') return { prompt, answers: answers as readonly string[], promptDiffers: false };
  const inputs: TemplateInputs = templateVariables === undefined ? {} : { templateVariables };
  const opened = renderTurns(tokenizer, prompt, true, inputs);
  const whole = answers.map((answer) => renderTurns(tokenizer, joined(prompt, answer) as Message[], false, inputs));
  const length = Math.min(...whole.map((text) => commonTextLength(opened, text)));
  return {
    prompt: opened.slice(0, length),
    answers: whole.map((text) => text.slice(length)),
    promptDiffers: length < opened.length,
  };
}

function joined(prompt: Content, answer: Content): Content {
  if (typeof prompt === 'string' && typeof answer === 'string') return prompt + answer;
  if (typeof prompt !== 'string' && typeof answer !== 'string') return [...prompt, ...answer];
  throw badInput('row: prompt and answer must both be texts or both be messages, got one of each');
}

function isOpenText(content: Content, test: (text: string) => boolean): boolean {
  return typeof content === 'string' && test(content);
}

function commonLength(a: readonly number[], b: readonly number[]): number {
  const shorter = Math.min(a.length, b.length);
  let length = 0;
  while (length < shorter && a[length] === b[length]) length++;
  return length;
}
