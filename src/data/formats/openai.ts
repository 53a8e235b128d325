import type { Message } from '../../tokenizer/index.ts';
import { createFieldReader, readMessage, type FieldReader } from '../fields.ts';
import { has, isObject, writeExactJson, type JsonRecord } from '../../core/index.ts';
import { refused, rowOfKind, rowUnless, written, type DataFormat, type ParsedRecord } from '../format.ts';
import { assistantTurn, turnList } from './record-parts.ts';

const DESCRIPTION = 'input.messages, preferred_output, non_preferred_output';

/**
 * OpenAI's pairs. Read in every spelling that is in use: `input` nested, or its fields at the top; an output as a
 * list, one message or a text; tools and tool calls with their function nested (chat completions) or flat (responses).
 * Written as OpenAI's guide has it: outputs of exactly one assistant message, tool arguments as JSON text.
 * Source: developers.openai.com, guide "Direct preference optimization".
 */
export const OPENAI_DPO: DataFormat = {
  name: 'openai-dpo',
  kind: 'pair',
  content: 'turns',
  description: DESCRIPTION,
  detect: (record) => {
    const outputs = ['preferred_output', 'non_preferred_output'].filter((name) => has(record, name)).length;
    return outputs === 2 ? 1 : outputs === 1 && has(record, 'input') ? 0.1 : 0;
  },
  parse: parseRow,
  write: (row) =>
    writeRow(row, (answer) => (answer.length === 1 ? undefined : 'has answers of exactly one assistant message')),
};

/**
 * Azure OpenAI's pairs: OpenAI's, in a file that opens with a byte order mark; answers may have several turns of the
 * assistant and of tools. Read by name, because nothing in a record tells it from OpenAI's.
 * Source: learn.microsoft.com, Azure OpenAI, "Direct preference optimization".
 */
export const AZURE_DPO: DataFormat = {
  ...OPENAI_DPO,
  name: 'azure-dpo',
  description: `${DESCRIPTION}; UTF-8 with a byte order mark`,
  byteOrderMark: true,
  detect: () => 0,
  write: (row) =>
    writeRow(row, (answer) =>
      answer.every(({ role }) => role === 'assistant' || role === 'tool')
        ? undefined
        : 'has answers of assistant and tool turns only',
    ),
};

/**
 * Together's pairs: OpenAI's without tools, roles of the prompt alternating, answers of exactly one assistant
 * message of text. Read by name.
 * Source: docs.together.ai, "Preference fine-tuning", and the checks of Together's client.
 */
export const TOGETHER_DPO: DataFormat = {
  ...OPENAI_DPO,
  name: 'together-dpo',
  description: `${DESCRIPTION}; text only, one message an answer`,
  detect: () => 0,
  write(row) {
    const { prompt, tools } = rowOfKind(row, 'pair');
    const roles = turnList(prompt).map(({ role }) => role);
    const spoken = roles[0] === 'system' ? roles.slice(1) : roles;
    if (tools !== undefined) return refused('has no place for tools');
    if (spoken.some((role, index) => role !== (index % 2 === 0 ? 'user' : 'assistant')))
      return refused('has user and assistant turns that alternate');
    return writeRow(row, (answer) => {
      if (answer.length !== 1) return 'has answers of exactly one assistant message';
      return answer[0]!.tool_calls === undefined ? undefined : 'has no place for tool calls';
    });
  },
};

function parseRow(record: JsonRecord, { id, origin }: Parameters<DataFormat['parse']>[1]): ParsedRecord {
  const nested = record['input'];
  const input = isObject(nested) ? nested : record;
  const fields = createFieldReader(record);
  const inputs = input === record ? fields : createFieldReader(input, 'input.');
  if (input !== record) fields.value('input');
  const prompt = input === record && Array.isArray(nested) ? fields.messages('input') : inputs.messages('messages');
  const chosen = readOutput(fields, 'preferred_output');
  const rejected = readOutput(fields, 'non_preferred_output');
  const tools = inputs.tools()?.map(nestTool);
  // What stands beside the messages, such as parallel_tool_calls, and whatever stands beside the input.
  const beside = { ...fields.meta()?.fields, ...(input === record ? {} : rawRest(input)) };
  const row = {
    id,
    origin,
    prompt,
    chosen,
    rejected,
    ...(tools && { tools }),
    ...(Object.keys(beside).length > 0 && { meta: { fields: beside } }),
  };
  const problems = input === record ? fields.problems : [...inputs.problems, ...fields.problems];
  return rowUnless(problems, { kind: 'pair', row });
}

function rawRest(input: JsonRecord): JsonRecord {
  const rest = Object.entries(input).filter(([name, value]) => value !== null && !['messages', 'tools'].includes(name));
  return Object.fromEntries(rest);
}

/** An output: a list of messages, one message, or its text. */
function readOutput(fields: FieldReader, name: string): readonly Message[] {
  const value = fields.value(name);
  if (typeof value === 'string') return [assistantTurn(value)];
  const turns = isObject(value) ? [value] : value;
  if (!Array.isArray(turns)) {
    fields.wrong(name, 'a list of messages', value);
    return [];
  }
  return turns.map((turn, index) => readMessage(turn, `${name}.${index}`, fields.problems));
}

function nestTool(tool: unknown): unknown {
  if (!isObject(tool) || has(tool, 'function') || !has(tool, 'name')) return tool;
  const { type = 'function', ...rest } = tool;
  return { type, function: rest };
}

function writeRow(
  row: Parameters<DataFormat['write']>[0],
  objection: (answer: readonly Message[]) => string | undefined,
): ReturnType<DataFormat['write']> {
  const { prompt, chosen, rejected, tools, meta } = rowOfKind(row, 'pair');
  const why = objection(turnList(chosen)) ?? objection(turnList(rejected));
  if (why !== undefined) return refused(why);
  const parallel = meta?.fields?.['parallel_tool_calls'];
  const input = {
    messages: turnList(prompt).map(wireMessage),
    ...(tools !== undefined && { tools }),
    ...(typeof parallel === 'boolean' && { parallel_tool_calls: parallel }),
  };
  return written({
    input,
    preferred_output: turnList(chosen).map(wireMessage),
    non_preferred_output: turnList(rejected).map(wireMessage),
  });
}

/** A message as OpenAI's wire format has it: the arguments of tool calls are JSON text. */
export function wireMessage(message: Message): JsonRecord {
  const calls = message.tool_calls?.map((call) => ({
    ...call,
    function: {
      ...call.function,
      arguments: isObject(call.function.arguments) ? writeExactJson(call.function.arguments) : call.function.arguments,
    },
  }));
  return { ...message, ...(calls && { tool_calls: calls }) };
}
