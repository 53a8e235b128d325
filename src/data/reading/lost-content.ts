import { isObject, type JsonRecord } from '../../core/index.ts';
import { shown, type FieldProblem } from '../problems.ts';
import type { DataFormat } from '../format.ts';
import type { Content, DataRow } from '../row.ts';

/** What is to be done with a field that belongs to the conversation and that the format does not read. */
const ADVICE = {
  system: 'make it the first turn of the prompt, with the role system',
  text: 'put its text into the prompt',
  turns: 'put its turns into the prompt',
  tools: 'rename it to tools',
  media: 'pictures, videos and sound are not read: leave it out to train on the text alone',
  rejected: 'rows with a worse answer are pairs: name the fields prompt, chosen and rejected',
} as const;

/** Fields that may carry a part of the conversation, in any format. */
const FIELDS: Readonly<Record<string, keyof typeof ADVICE>> = {
  system: 'system',
  system_prompt: 'system',
  systemPrompt: 'system',
  system_message: 'system',
  system_instruction: 'system',
  systemInstruction: 'system',
  history: 'turns',
  messages: 'turns',
  conversation: 'turns',
  conversations: 'turns',
  question: 'text',
  query: 'text',
  input: 'text',
  instruction: 'text',
  context: 'text',
  contexts: 'text',
  document: 'text',
  documents: 'text',
  passage: 'text',
  passages: 'text',
  article: 'text',
  functions: 'tools',
  image: 'media',
  images: 'media',
  video: 'media',
  videos: 'media',
  audio: 'media',
  audios: 'media',
};

/** Fields that make a pair of a row that is read as one answer. */
const REJECTED = new Set([
  'rejected',
  'rejected_response',
  'rejected_responses',
  'rejected_message',
  'rejected_messages',
]);

/**
 * Fields of a record that carry a part of the conversation which stands nowhere in its rows: a problem each, with the field's name. A text that stands in
 * prompt or answers already is not lost (white space apart), what is empty carries nothing, and the fields that the format is about are read by it.
 */
export function lostContent(record: JsonRecord, rows: readonly DataRow[], format: DataFormat): FieldProblem[] {
  const isCompletion = format.kind === 'completion';
  let known: string | undefined;
  const problems: FieldProblem[] = [];
  for (const name of Object.keys(record)) {
    const kind =
      isCompletion && REJECTED.has(name) ? 'rejected' : Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    if (kind === undefined || isEmpty(record[name]) || isMainField(name, format)) continue;
    // They are the row's tools where it has none of its own.
    if (kind === 'tools' && rows.some(({ row }) => row.tools !== undefined) && isEmpty(record['tools'])) continue;
    if (kind !== 'media' && kind !== 'tools') {
      known ??= squeezed(rows.flatMap(textsOfRow).join('\n'));
      const texts = textsOf(record[name]);
      if (texts.every((text) => known!.includes(squeezed(text)))) continue;
    }
    problems.push({
      reason: 'unread-field',
      path: name,
      message: `${name} belongs to the conversation and is not read in this format, got ${shown(record[name])}; ${ADVICE[kind]}`,
    });
  }
  return problems;
}

/** Whether the format's description names the field: `conversations: turns of from and value; ...`. */
function isMainField(name: string, { description }: DataFormat): boolean {
  return new RegExp(`\\b${name}\\b`).test(description);
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined) return true;
  if (typeof value === 'string') return value.trim() === '' || value === '[]' || value === '{}';
  if (Array.isArray(value)) return value.every(isEmpty);
  return isObject(value) && Object.values(value).every(isEmpty);
}

/** The texts of a field that may hold a text, texts, turns, or objects around them. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(textsOf);
  if (!isObject(value)) return [];
  return ['content', 'value', 'text', 'messages', 'parts'].flatMap((name) => textsOf(value[name]));
}

function textsOfRow({ kind, row }: DataRow): string[] {
  const answers =
    kind === 'pair'
      ? [row.chosen, row.rejected]
      : kind === 'ranking'
        ? row.answers.map(({ content }) => content)
        : [row.completion];
  return [row.prompt, ...answers].flatMap(textsOfContent);
}

function textsOfContent(content: Content): string[] {
  return typeof content === 'string' ? [content] : content.map((turn) => turn.content);
}

function squeezed(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
