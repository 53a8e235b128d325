import { badInputProblems, type JsonObject, type JsonRecord } from '../../../core/index.ts';
import {
  chosenTools,
  templateMessages,
  type TemplateConversation,
  type TemplateTraits,
  type ToolChoice,
  type ToolDefinition,
} from '../../../tools/index.ts';
import type { Tokenizer } from '../../../tokenizer/index.ts';
import { ServeError } from '../../serve-error.ts';

/** Which tools an answer may call, and whether it must. */
export interface ToolUse {
  /** Undefined where none may be called. */
  readonly tools: readonly ToolDefinition[] | undefined;
  readonly choice: ToolChoice | undefined;
  readonly isParallel: boolean;
}

/** The tools of a request, as `tool_choice` leaves them. Throws ServeError 400 for a choice of what is not there. */
export function toolUseOf(body: JsonObject): ToolUse {
  const given = (body['tools'] as unknown as readonly ToolDefinition[] | undefined) ?? [];
  const choice = body['tool_choice'] as ToolChoice | undefined;
  const isParallel = body['parallel_tool_calls'] !== false;
  if (choice !== undefined && given.length === 0 && choice !== 'none' && choice !== 'auto')
    throw new ServeError(400, 'tool_choice: has no effect without tools; leave it out', { param: 'tool_choice' });
  const { tools } = asked('tool_choice', () => chosenTools(given, choice));
  return { tools: tools.length === 0 ? undefined : tools, choice, isParallel };
}

/** What `work` gives; its bad input is the client's. */
export function asked<T>(param: string, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    const problems = badInputProblems(thrown);
    const message = problems.map((problem) => problem.message).join('; ');
    throw new ServeError(400, message.slice(0, 4000), { param: problems[0]!.path ?? param, cause: thrown });
  }
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
  return asked('messages', () => templateMessages(body['messages'] as unknown as readonly JsonRecord[], tools, traits));
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
