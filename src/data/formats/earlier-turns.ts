import type { Message } from '../../tokenizer/index.ts';
import type { FieldReader } from '../fields.ts';
import type { Content } from '../row.ts';
import { assistantTurn, userTurn } from './record-parts.ts';

/** What the field of a system text is called. */
const SYSTEM_FIELDS = ['system', 'system_prompt', 'system_message'] as const;

/** The system turn that stands in a field of its own; none where the field is absent or empty. */
export function readSystem(fields: FieldReader): Message[] {
  for (const name of SYSTEM_FIELDS) {
    const text = fields.optionalText(name);
    if (text !== undefined && text.trim() !== '') return [{ role: 'system', content: text }];
  }
  return [];
}

/** The turns before a question that stand in fields of their own: a system text, and `history`, earlier exchanges as [user, assistant]. */
export function readEarlier(fields: FieldReader): Message[] {
  const system = readSystem(fields);
  const history = fields.value('history');
  if (history === undefined || history === '' || history === '[]') return system;
  if (!Array.isArray(history)) fields.wrong('history', 'a list of [user, assistant]', history);
  const exchanges = Array.isArray(history) ? (history as readonly unknown[]) : [];
  const earlier = exchanges.flatMap((exchange, index): Message[] => {
    const [asked, answered] = Array.isArray(exchange) ? (exchange as readonly unknown[]) : [];
    if (typeof asked === 'string' && typeof answered === 'string') return [userTurn(asked), assistantTurn(answered)];
    fields.wrong(`history.${index}`, 'two texts, [user, assistant]', exchange);
    return [];
  });
  return [...system, ...earlier];
}

/** A conversation behind the system text of a field of its own, where it has no system turn. */
export function behindSystem(fields: FieldReader, prompt: Content): Content {
  if (typeof prompt === 'string' || prompt[0]?.role === 'system') return prompt;
  return [...readSystem(fields), ...prompt];
}
