import type { Tokenizer } from '../../tokenizer/index.ts';
import type { Content } from '../row.ts';
import { createSpellingCheck, lostInTemplate, type LostText } from '../row-texts/lost-text.ts';
import { commonTextLength, openingBehind, renderTurns } from '../tokens/render-row.ts';
import type { TrlParts, TrlSide } from './trl-sides.ts';

/** What of an answer is in no token, and what the template opens it with that no token has; as SideNotes. */
export interface TrlLoss {
  readonly lost?: LostText;
  readonly untrainedOpening?: string;
}

/** Compares answers with what the template makes of them, and with their ids. A turn of the assistant may stand anywhere behind the prompt. */
export function createTrlLosses(tokenizer: Tokenizer): (parts: TrlParts, answer: Content, side: TrlSide) => TrlLoss {
  const spelling = createSpellingCheck(tokenizer);
  return ({ prompt = [], inputs }, answer, side) => {
    const folded = spelling.lost(answer, side);
    const byTokenizer: TrlLoss = folded === undefined ? {} : { lost: { by: 'tokenizer', text: folded } };
    if (typeof prompt === 'string' || typeof answer === 'string') return byTokenizer;
    const opened = prompt.length === 0 ? '' : renderTurns(tokenizer, prompt, true, inputs);
    const text = renderTurns(tokenizer, [...prompt, ...answer], false, inputs);
    const boundary = commonTextLength(opened, text);
    const opening = openingBehind(opened, boundary);
    const missing = lostInTemplate(answer, { text, boundary, fromTemplate: true, templateDiffers: false });
    return {
      ...(missing === undefined ? byTokenizer : { lost: { by: 'template', text: missing } }),
      ...(opening.trim() !== '' && { untrainedOpening: opening }),
    };
  };
}
