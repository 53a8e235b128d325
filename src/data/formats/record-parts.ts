import type { Message } from '../../tokenizer/index.ts';
import { has, type JsonRecord } from '../../core/index.ts';
import type { FieldReader } from '../fields.ts';
import { written, type WrittenRecord } from '../format.ts';
import { writeMeta } from '../row-meta.ts';
import type { Content, RowMeta, RowOrigin } from '../row.ts';

/** What every row has besides its conversation. */
export interface RowExtras {
  readonly tools?: readonly unknown[];
  readonly templateVariables?: Readonly<Record<string, unknown>>;
  readonly meta?: RowMeta;
}

/** Tools, template variables and meta of a record; to be asked for after every other field. */
export function rowExtras(fields: FieldReader): RowExtras {
  const tools = fields.tools();
  const templateVariables = fields.templateVariables();
  const meta = fields.meta();
  return { ...(tools && { tools }), ...(templateVariables && { templateVariables }), ...(meta && { meta }) };
}

/**
 * A record of a format that takes further columns: the row's own id, the conversation as `fields`, tools, template variables
 * and meta. A meta field never replaces one of `fields`, nor takes a name that the format would read as something else: those
 * are `reserved`.
 */
export function recordOf(
  row: RowExtras & { readonly id: string; readonly origin: RowOrigin },
  fields: JsonRecord,
  { idField = 'id', reserved = [] }: { readonly idField?: string; readonly reserved?: readonly string[] } = {},
): WrittenRecord {
  const id = ownId(row);
  const named: Record<string, unknown> = id === undefined ? { ...fields } : { [idField]: id, ...fields };
  if (row.tools !== undefined && !Object.hasOwn(fields, 'tools')) named['tools'] = row.tools;
  if (row.templateVariables !== undefined) named['chat_template_kwargs'] = row.templateVariables;
  if (row.meta === undefined) return written(named);
  const taken = new Set(['tools', 'chat_template_kwargs', idField, ...reserved]);
  const meta = Object.entries(writeMeta(row.meta)).filter(([name]) => !has(named, name) && !taken.has(name));
  return written({ ...named, ...Object.fromEntries(meta) });
}

/** The id that a record gave its row; undefined when it is only the row's line. */
export function ownId({ id, origin }: { readonly id: string; readonly origin: RowOrigin }): string | undefined {
  return id === String(origin.line) ? undefined : id;
}

export function userTurn(content: string): Message {
  return { role: 'user', content };
}

export function assistantTurn(content: string): Message {
  return { role: 'assistant', content };
}

/** The turns of a conversation; a text is none. */
export function turnList(content: Content): readonly Message[] {
  return typeof content === 'string' ? [] : content;
}

/** The text of a conversation that is one plain turn of `role`; undefined for any other. */
export function onlyText(content: Content, role: string): string | undefined {
  if (typeof content === 'string' || content.length !== 1) return undefined;
  const turn = content[0]!;
  return turn.role === role && turn.tool_calls === undefined ? turn.content : undefined;
}

/** The value where it is a list with something in it. */
export function filledList(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) && value.length > 0 ? value : undefined;
}

/** The field that says whether an answer is good: kto_tag or label, the one that is there, if only as null. */
export function labelField(record: JsonRecord): 'kto_tag' | 'label' {
  if (has(record, 'kto_tag')) return 'kto_tag';
  return !has(record, 'label') && Object.hasOwn(record, 'kto_tag') ? 'kto_tag' : 'label';
}
