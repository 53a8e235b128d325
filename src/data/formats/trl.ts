import type { Message } from '../../tokenizer/index.ts';
import { extractTextPrompt, extractTurnsPrompt, type ExtractedPrompt } from '../tokens/extract-prompt.ts';
import { createFieldReader, type FieldReader } from '../fields.ts';
import { has, type JsonRecord } from '../../core/index.ts';
import { refused, rowOfKind, rowUnless, type DataFormat, type ParseContext, type ParsedRecord } from '../format.ts';
import { shown, type FieldProblem } from '../problems.ts';
import type { Content, PairRow } from '../row.ts';
import { behindSystem } from './earlier-turns.ts';
import { recordOf, rowExtras, turnList } from './record-parts.ts';

/**
 * The shapes of TRL's data sets: preferences with explicit and implicit prompt, prompt and completion, messages, text, prompt and completion with a label; each as
 * texts and as conversations; and unpaired answers, which KTO trains on. Source: TRL, docs/source/dataset_formats.md.
 */
export const TRL_FORMATS: readonly DataFormat[] = [
  explicitPreference('trl-preference', false),
  explicitPreference('trl-preference-conversational', true),
  implicitPreference('trl-preference-implicit', false),
  implicitPreference('trl-preference-implicit-conversational', true),
  promptCompletion('trl-prompt-completion', false),
  promptCompletion('trl-prompt-completion-conversational', true),
  unpaired('trl-unpaired', false),
  unpaired('trl-unpaired-conversational', true),
  {
    name: 'trl-messages',
    kind: 'completion',
    content: 'turns',
    description: "messages: a conversation; the assistant's turns are learned",
    detect: (record) => (has(record, 'messages') && !hasAny(record, 'chosen', 'rejected', 'completion') ? 0.5 : 0),
    parse(record, context) {
      const fields = createFieldReader(record);
      const messages = fields.messages('messages');
      const last = messages.at(-1);
      if (fields.problems.length === 0 && last?.role !== 'assistant') fields.problems.push(notAnswered(last?.role));
      return completion(fields, context, {
        prompt: behindSystem(fields, messages.slice(0, -1)),
        completion: messages.slice(-1),
        isWhole: true,
      });
    },
    write(row) {
      const { prompt, completion: answer, ...rest } = rowOfKind(row, 'completion');
      return recordOf(rest, { messages: [...turnList(prompt), ...turnList(answer)] });
    },
  },
  {
    name: 'trl-text',
    kind: 'completion',
    content: 'texts',
    description: 'text: a plain text, all of it trained',
    detect: (record) =>
      has(record, 'text') && !hasAny(record, 'chosen', 'rejected', 'completion', 'messages', 'prompt') ? 0.5 : 0,
    parse(record, context) {
      const fields = createFieldReader(record);
      return completion(fields, context, { prompt: '', completion: fields.text('text') });
    },
    write(row) {
      const { prompt, completion: text, ...rest } = rowOfKind(row, 'completion');
      return prompt === '' ? recordOf(rest, { text }) : refused('has no place for a prompt');
    },
  },
];

function explicitPreference(name: string, turns: boolean): DataFormat {
  return {
    name,
    kind: 'pair',
    content: turns ? 'turns' : 'texts',
    description: `prompt, chosen, rejected: ${turns ? 'lists of messages' : 'texts'}`,
    detect: (record) =>
      has(record, 'prompt') && hasAny(record, 'chosen', 'rejected')
        ? agreement(record, ['prompt', 'chosen', 'rejected'], turns)
        : 0,
    parse(record, context) {
      const fields = createFieldReader(record);
      const [prompt, chosen, rejected] = contents(fields, ['prompt', 'chosen', 'rejected']);
      const parts = { prompt: behindSystem(fields, prompt!), chosen: chosen!, rejected: rejected! };
      return preference(fields, context, parts);
    },
    write(row) {
      const { prompt, chosen, rejected, ...rest } = rowOfKind(row, 'pair');
      return recordOf(rest, { prompt, chosen, rejected });
    },
  };
}

function implicitPreference(name: string, turns: boolean): DataFormat {
  return {
    name,
    kind: 'pair',
    content: turns ? 'turns' : 'texts',
    description: `chosen, rejected: ${turns ? 'lists of messages' : 'texts'} whose shared start is the prompt`,
    detect: (record) =>
      !has(record, 'prompt') && hasAny(record, 'chosen', 'rejected')
        ? agreement(record, ['chosen', 'rejected'], turns)
        : 0,
    parse(record, context) {
      const fields = createFieldReader(record);
      const [chosen, rejected] = contents(fields, ['chosen', 'rejected']);
      if (fields.problems.length > 0) return { kind: 'problems', problems: fields.problems };
      if (typeof chosen === 'string' && typeof rejected === 'string')
        return preference(fields, context, { ...extractTextPrompt(chosen, rejected), isTextStart: true });
      if (typeof chosen !== 'string' && typeof rejected !== 'string') {
        const parts = extractTurnsPrompt(chosen!, rejected!);
        const parted = partingProblem(parts);
        if (parted !== undefined) return { kind: 'problems', problems: [parted] };
        return preference(fields, context, { ...parts, prompt: behindSystem(fields, parts.prompt) });
      }
      return preference(fields, context, { prompt: '', chosen: chosen!, rejected: rejected! });
    },
    write(row) {
      const { prompt, chosen, rejected, ...rest } = rowOfKind(row, 'pair');
      return recordOf(rest, { chosen: joined(prompt, chosen), rejected: joined(prompt, rejected) });
    },
  };
}

function promptCompletion(name: string, turns: boolean): DataFormat {
  return {
    name,
    kind: 'completion',
    content: turns ? 'turns' : 'texts',
    description: `prompt, completion: ${turns ? 'lists of messages' : 'texts'}`,
    detect: (record) =>
      hasAny(record, 'completion') && !hasAny(record, 'chosen', 'rejected', 'label')
        ? agreement(record, ['prompt', 'completion'], turns)
        : 0,
    parse(record, context) {
      const fields = createFieldReader(record);
      const [prompt, answer] = contents(fields, ['prompt', 'completion']);
      return completion(fields, context, { prompt: behindSystem(fields, prompt!), completion: answer! });
    },
    write(row) {
      const { prompt, completion: answer, ...rest } = rowOfKind(row, 'completion');
      return recordOf(rest, { prompt, completion: answer });
    },
  };
}

function unpaired(name: string, turns: boolean): DataFormat {
  return {
    name,
    kind: 'unpaired',
    content: turns ? 'turns' : 'texts',
    description: `prompt, completion: ${turns ? 'lists of messages' : 'texts'}; label: true when the completion is good`,
    detect: (record) =>
      has(record, 'completion') && has(record, 'label') && !hasAny(record, 'chosen', 'rejected')
        ? agreement(record, ['prompt', 'completion'], turns)
        : 0,
    parse(record, { id, origin }) {
      const fields = createFieldReader(record);
      const [prompt, answer] = contents(fields, ['prompt', 'completion']);
      const label = fields.label('label');
      const row = { id, origin, prompt: behindSystem(fields, prompt!), completion: answer!, label };
      return rowUnless(fields.problems, { kind: 'unpaired', row: { ...row, ...rowExtras(fields) } });
    },
    write(row) {
      const { prompt, completion: answer, label, ...rest } = rowOfKind(row, 'unpaired');
      return recordOf(rest, { prompt, completion: answer, label });
    },
  };
}

function joined(prompt: Content, answer: Content): Content {
  return typeof prompt === 'string' && typeof answer === 'string'
    ? prompt + answer
    : [...turnList(prompt), ...turnList(answer)];
}

function hasAny(record: JsonRecord, ...names: readonly string[]): boolean {
  return names.some((name) => has(record, name));
}

/** 0.5 when every field that is there is of this kind, 0.1 when some are: a mistyped row stays with its format. */
function agreement(record: JsonRecord, names: readonly string[], turns: boolean): number {
  const present = names.filter((name) => has(record, name));
  const agreeing = present.filter((name) => (turns ? Array.isArray(record[name]) : typeof record[name] === 'string'));
  return agreeing.length === present.length ? 0.5 : agreeing.length > 0 ? 0.1 : 0.01;
}

function contents(fields: FieldReader, names: readonly string[]): Content[] {
  return names.map((name) => fields.content(name));
}

/** Why two whole conversations are no pair: they must share turns, and part where the assistant speaks. */
function partingProblem({ prompt, chosen, rejected }: ExtractedPrompt<readonly Message[]>): FieldProblem | undefined {
  if (prompt.length === 0) {
    const message =
      'chosen and rejected must open with the same turns, the sides share nothing; give the prompt in both';
    return { reason: 'no-shared-prompt', path: 'chosen', message };
  }
  const other = [chosen[0], rejected[0]].find((turn) => turn !== undefined && turn.role !== 'assistant');
  if (other === undefined) return undefined;
  const message = `chosen and rejected must part in an assistant turn, the sides part in a ${other.role} turn (turn ${prompt.length + 1}); cut them there, or give them the same turns up to the answer`;
  return { reason: 'turn-order', path: 'chosen', message };
}

function notAnswered(role: string | undefined): FieldProblem {
  const message = `messages must end with an assistant turn, got ${shown(role)}; there is nothing to train`;
  return { reason: 'turn-order', path: 'messages', message };
}

function preference(
  fields: FieldReader,
  { id, origin }: ParseContext,
  parts: Pick<PairRow, 'prompt' | 'chosen' | 'rejected'> & { readonly isTextStart?: true },
): ParsedRecord {
  const row = { id, origin, ...parts, ...rowExtras(fields) };
  return rowUnless(fields.problems, { kind: 'pair', row });
}

function completion(
  fields: FieldReader,
  { id, origin }: ParseContext,
  parts: { readonly prompt: Content; readonly completion: Content; readonly isWhole?: true },
): ParsedRecord {
  const row = { id, origin, ...parts, ...rowExtras(fields) };
  return rowUnless(fields.problems, { kind: 'completion', row });
}
