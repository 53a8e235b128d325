import { extractTurnsPrompt, sameJson } from '../tokens/extract-prompt.ts';
import { createFieldReader } from '../fields.ts';
import { has, isObject } from '../../core/index.ts';
import { refused, rowOfKind, rowUnless, type DataFormat } from '../format.ts';
import { shown } from '../problems.ts';
import { behindSystem } from './earlier-turns.ts';
import { filledList, recordOf, rowExtras, turnList } from './record-parts.ts';

/**
 * UltraFeedback as pairs: the prompt stands on its own and again as the first turn of both conversations, so a reader that takes
 * prompt, chosen and rejected as they are would ask everything twice. The repeated turns become the prompt once.
 * distilabel writes the same shape.
 * Source: huggingface.co/datasets/HuggingFaceH4/ultrafeedback_binarized, the card and the data.
 */
export const ULTRAFEEDBACK_BINARIZED: DataFormat = {
  name: 'ultrafeedback-binarized',
  kind: 'pair',
  content: 'turns',
  description: 'prompt; chosen, rejected: lists of messages that repeat the prompt',
  detect: (record) =>
    has(record, 'prompt') && [record['chosen'], record['rejected']].every((side) => opensWithUser(side)) ? 1 : 0,
  parse(record, { id, origin }) {
    const fields = createFieldReader(record);
    const ownId = fields.id('prompt_id') ?? id;
    const prompt = fields.content('prompt');
    const chosen = fields.messages('chosen');
    const rejected = fields.messages('rejected');
    // `messages` is the chosen conversation once more, for supervised training.
    if (sameJson(record['messages'], record['chosen'])) fields.value('messages');
    const parts = extractTurnsPrompt(chosen, rejected);
    const asked = parts.prompt.findLast((turn) => turn.role === 'user')?.content;
    const named = typeof prompt === 'string' ? prompt : prompt.findLast((turn) => turn.role === 'user')?.content;
    const first = parts.prompt.find((turn) => turn.role === 'user')?.content;
    if (fields.problems.length === 0 && named?.trim() !== asked?.trim() && named?.trim() !== first?.trim()) {
      const message = `prompt must repeat a user turn that chosen and rejected share, got ${shown(named)} beside ${shown(asked)}; leave the field prompt out where it says something else`;
      fields.problems.push({ reason: 'prompt-differs', path: 'prompt', message });
    }
    return rowUnless(fields.problems, {
      kind: 'pair',
      row: { id: ownId, origin, ...parts, prompt: behindSystem(fields, parts.prompt), ...rowExtras(fields) },
    });
  },
  write(row) {
    const { prompt, chosen, rejected, ...rest } = rowOfKind(row, 'pair');
    const asked = turnList(prompt).findLast((turn) => turn.role === 'user')?.content;
    if (asked === undefined) return refused('needs a user turn in the prompt');
    const [whole, other] = [chosen, rejected].map((side) => [...turnList(prompt), ...turnList(side)]);
    return recordOf(rest, { prompt: asked, chosen: whole, rejected: other, messages: whole }, { idField: 'prompt_id' });
  },
};

function opensWithUser(value: unknown): boolean {
  const first = filledList(value)?.find((turn) => isObject(turn) && turn['role'] !== 'system');
  return isObject(first) && first['role'] === 'user';
}
