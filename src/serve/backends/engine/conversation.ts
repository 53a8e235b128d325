import { badInputProblems, type JsonObject, type JsonRecord } from '../../../core/index.ts';
import {
  templateMessages,
  type TemplateConversation,
  type TemplateTraits,
  type ToolDefinition,
} from '../../../tools/index.ts';
import type { Tokenizer } from '../../../tokenizer/index.ts';
import { ServeError } from '../../serve-error.ts';

/** Which tools an answer may call, and whether it must. */
export interface ToolUse {
  /** Undefined where none may be called. */
  readonly tools: readonly ToolDefinition[] | undefined;
  readonly choice: 'auto' | 'required' | { readonly name: string };
  readonly isParallel: boolean;
}

/** The tools of a request, as `tool_choice` leaves them. Throws ServeError 400 for a choice of what is not there. */
export function toolUseOf(body: JsonObject): ToolUse {
  const tools = (body['tools'] as unknown as readonly ToolDefinition[] | undefined) ?? [];
  const given = body['tool_choice'] as string | JsonObject | undefined;
  const isParallel = body['parallel_tool_calls'] !== false;
  if (given !== undefined && tools.length === 0 && given !== 'none' && given !== 'auto')
    throw new ServeError(400, 'tool_choice: has no effect without tools; leave it out', { param: 'tool_choice' });
  if (tools.length === 0 || given === 'none') return { tools: undefined, choice: 'auto', isParallel };
  if (given === undefined || given === 'auto' || given === 'required')
    return { tools, choice: given ?? 'auto', isParallel };
  const { type } = given as JsonObject;
  if (type === 'allowed_tools') return allowedTools(given as JsonObject, { tools, isParallel });
  const { name } = (given as unknown as { readonly function: { readonly name: string } }).function;
  if (!tools.some((tool) => tool.function.name === name)) throw noTool(name);
  return { tools, choice: { name }, isParallel };
}

/** `{"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [...]}}`: some of the tools. */
function allowedTools(
  given: JsonObject,
  { tools, isParallel }: { readonly tools: readonly ToolDefinition[]; readonly isParallel: boolean },
): ToolUse {
  const { mode, tools: allowed } = given['allowed_tools'] as unknown as {
    readonly mode?: unknown;
    readonly tools?: readonly { readonly function?: { readonly name?: unknown } }[];
  };
  const names = Array.isArray(allowed) ? allowed.map((tool) => String(tool?.function?.name)) : [];
  if ((mode !== 'auto' && mode !== 'required') || names.length === 0)
    throw new ServeError(400, 'tool_choice: allowed_tools must have a mode, auto or required, and tools', {
      param: 'tool_choice',
    });
  const stranger = names.find((name) => !tools.some((tool) => tool.function.name === name));
  if (stranger !== undefined) throw noTool(stranger);
  return { tools: tools.filter((tool) => names.includes(tool.function.name)), choice: mode, isParallel };
}

function noTool(name: string): ServeError {
  return new ServeError(400, `tool_choice: must name one of tools, got ${name.slice(0, 100)}`, {
    param: 'tool_choice',
  });
}

/** Messages and tools as the model's template takes them. Throws ServeError 400 with all that is wrong, and where there is no template. */
export function conversationOf(
  body: JsonObject,
  {
    tokenizer,
    traits,
    tools,
  }: {
    readonly tokenizer: Tokenizer;
    readonly traits: TemplateTraits | undefined;
    readonly tools: readonly ToolDefinition[] | undefined;
  },
): TemplateConversation {
  if (tokenizer.chatTemplate === undefined || traits === undefined)
    throw new ServeError(400, 'The model has no chat template; ask it by POST /v1/completions', {
      code: 'no_chat_template',
      param: 'messages',
    });
  try {
    return templateMessages(body['messages'] as unknown as readonly JsonRecord[], tools, traits);
  } catch (thrown) {
    const problems = badInputProblems(thrown);
    throw new ServeError(
      400,
      problems
        .map(({ message }) => message)
        .join('; ')
        .slice(0, 4000),
      {
        param: problems[0]!.path ?? 'messages',
        code: 'invalid_messages',
        cause: thrown,
      },
    );
  }
}

const MAX_VARIABLES = 16;
const RESERVED = new Set(['messages', 'tools', 'documents', 'add_generation_prompt', 'chat_template']);

/** Variables of the template that a request may set: switches and short words, no structures and no code. Throws ServeError 400. */
export function variablesOf(body: JsonObject): Readonly<Record<string, unknown>> | undefined {
  const given = body['chat_template_kwargs'] as JsonObject | undefined;
  if (given === undefined) return undefined;
  const names = Object.keys(given);
  const wrong = names.filter((name) => {
    const value = given[name];
    const isPlain =
      typeof value === 'boolean' || typeof value === 'number' || (typeof value === 'string' && value.length <= 64);
    return !isPlain || !/^[a-z][a-z0-9_]{0,63}$/.test(name) || RESERVED.has(name);
  });
  if (wrong.length === 0 && names.length <= MAX_VARIABLES) return given;
  throw new ServeError(
    400,
    `chat_template_kwargs: must be at most ${MAX_VARIABLES} switches, numbers or words of at most 64 characters that a template may be told, got ${wrong.map((name) => name.slice(0, 64)).join(', ') || `${names.length} of them`}`,
    { param: 'chat_template_kwargs' },
  );
}
