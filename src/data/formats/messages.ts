import { labelField, recordOf, rowExtras, turnList } from './record-parts.ts';
import { createFieldReader } from '../fields.ts';
import { has, isObject, type JsonRecord } from '../../core/index.ts';
import { refused, rowOfKind, rowUnless, type DataFormat } from '../format.ts';

/**
 * UltraChat: messages, with the first question again in `prompt`, which is not asked twice.
 * Source: huggingface.co/datasets/HuggingFaceH4/ultrachat_200k, the card.
 */
export const ULTRACHAT: DataFormat = {
  name: 'ultrachat',
  kind: 'completion',
  content: 'turns',
  description: 'prompt, messages: a conversation that opens with the prompt',
  detect(record) {
    const { prompt, messages } = record;
    if (typeof prompt !== 'string' || !Array.isArray(messages) || has(record, 'chosen') || has(record, 'label'))
      return 0;
    return has(record, 'prompt_id') || firstAsked(messages) === prompt ? 1 : 0.5;
  },
  parse(record, { id, origin }) {
    const fields = createFieldReader(record);
    const ownId = fields.id('prompt_id') ?? id;
    const prompt = fields.text('prompt');
    const messages = fields.messages('messages');
    const asked = messages.find((turn) => turn.role === 'user')?.content;
    if (fields.problems.length === 0 && asked?.trim() !== prompt.trim()) {
      fields.problems.push({
        reason: 'prompt-differs',
        path: 'prompt',
        message: 'prompt must be the first user turn of messages, got another text; leave the field prompt out',
      });
    }
    const last = messages.at(-1)?.role;
    if (fields.problems.length === 0 && last !== 'assistant') {
      const message = `messages must end with an assistant turn, got ${last ?? 'no turn'}; leave what follows the last answer out`;
      fields.problems.push({ reason: 'turn-order', path: 'messages', message });
    }
    const parts = { prompt: messages.slice(0, -1), completion: messages.slice(-1), isWhole: true as const };
    return rowUnless(fields.problems, {
      kind: 'completion',
      row: { id: ownId, origin, ...parts, ...rowExtras(fields) },
    });
  },
  write(row) {
    const { prompt, completion, ...rest } = rowOfKind(row, 'completion');
    const messages = [...turnList(prompt), ...turnList(completion)];
    const asked = messages.find((turn) => turn.role === 'user')?.content;
    if (asked === undefined) return refused('needs a user turn');
    return recordOf(rest, { prompt: asked, messages }, { idField: 'prompt_id', reserved: ['chosen', 'label'] });
  },
};

/**
 * Messages with a label that says whether the last turn, the assistant's, is good: LLaMA-Factory's unpaired answers in
 * OpenAI's form. Source: LLaMA-Factory, data/README.md, "KTO dataset" and "OpenAI format".
 */
export const MESSAGES_KTO: DataFormat = {
  name: 'messages-kto',
  kind: 'unpaired',
  content: 'turns',
  description: 'messages: a conversation; label or kto_tag: true when its last turn is good',
  detect(record) {
    if (!Array.isArray(record['messages']) || has(record, 'chosen') || has(record, 'completion')) return 0;
    return has(record, 'label') || has(record, 'kto_tag') ? 1 : 0;
  },
  parse(record, { id, origin }) {
    const fields = createFieldReader(record);
    const messages = fields.messages('messages');
    const label = fields.label(labelField(record));
    const parts = { prompt: messages.slice(0, -1), completion: messages.slice(-1), label };
    return rowUnless(fields.problems, { kind: 'unpaired', row: { id, origin, ...parts, ...rowExtras(fields) } });
  },
  write(row) {
    const { prompt, completion, label, ...rest } = rowOfKind(row, 'unpaired');
    return recordOf(
      rest,
      { messages: [...turnList(prompt), ...turnList(completion)], label },
      { reserved: ['kto_tag'] },
    );
  },
};

function firstAsked(messages: readonly unknown[]): unknown {
  return messages.find((turn): turn is JsonRecord => isObject(turn) && turn['role'] === 'user')?.['content'];
}
