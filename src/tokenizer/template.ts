import { badInput, requireWallClock } from '../core/index.ts';
import { TemplateProblem, compileTemplate, type ProblemKind, type Template } from '../jinja/index.ts';
import { clockOf } from './template-clock.ts';
import type { ChatTemplate, Message, RenderOptions } from './tokenizer.ts';

export interface TemplateOptions {
  /** The Jinja source. */
  readonly source: string;
  /** Used instead when a conversation comes with tools, as Transformers does with a template named tool_use. */
  readonly toolSource?: string | undefined;
  /** Where the source was found, for error messages. */
  readonly origin: string;
  /** bos_token, eos_token and the like, by name. */
  readonly specialTokens: Readonly<Record<string, string>>;
  /** What strftime_now tells: a local time in ISO 8601. */
  readonly templateTime: string;
}

/** In UTF-16 code units. The longest templates in use are some 30,000. */
export const MAX_TEMPLATE_LENGTH = 2 ** 20;

/**
 * A chat template, rendered as Python's Jinja2 renders it in the environment of Transformers. The variables are messages, tools,
 * documents (none), add_generation_prompt, the special tokens, and the caller's own, which win. A message's reasoning stands under
 * reasoning_content and thinking, under whichever name it came.
 *
 * `render` throws bad-input that names the template's origin: when the template raises, with its message; when it does not
 * parse; and when its evaluation fails, asks for what is not supported, or passes a limit, with the template's line. The source
 * is parsed at the first use. Throws bad-input at once for a `templateTime` that is none.
 *
 * Source: Transformers, utils/chat_template_utils.py; Jinja 3.1.
 */
export function createChatTemplate(options: TemplateOptions): ChatTemplate {
  const compiled = new Map<string, Template>();
  const templateOf = (source: string): Template => {
    const known = compiled.get(source) ?? compile(source, options.origin);
    compiled.set(source, known);
    return known;
  };
  requireWallClock(options.templateTime, `chat template (${options.origin})`);
  return {
    source: options.source,
    clock: clockOf([options.source, options.toolSource], options.templateTime),
    render(messages, renderOptions) {
      const hasTools = renderOptions.tools !== undefined && renderOptions.tools.length > 0;
      const template = templateOf((hasTools ? options.toolSource : undefined) ?? options.source);
      return withOrigin(options.origin, () =>
        template.render(variablesOf(messages, renderOptions, options), options.templateTime),
      );
    },
  };
}

function compile(source: string, origin: string): Template {
  if (source.length > MAX_TEMPLATE_LENGTH) {
    throw badInput(
      `chat template (${origin}): the template must have at most ${MAX_TEMPLATE_LENGTH} characters, got ${source.length}; check that the file is a chat template`,
    );
  }
  return withOrigin(origin, () => compileTemplate(source));
}

function variablesOf(
  messages: readonly Message[],
  options: RenderOptions,
  template: TemplateOptions,
): Readonly<Record<string, unknown>> {
  return {
    ...template.specialTokens,
    documents: null,
    ...options.variables,
    messages: messages.map(withReasoning),
    tools: options.tools ?? null,
    add_generation_prompt: options.addGenerationPrompt,
  };
}

/** The names under which a message may carry its reasoning. */
const REASONING = ['reasoning_content', 'thinking', 'reasoning'] as const;

/** The message with its reasoning under the names that templates read, as Transformers gives it to them. */
function withReasoning(message: Message): object {
  const fields = message as unknown as Readonly<Record<string, unknown>>;
  const name = REASONING.find((key) => fields[key] !== undefined && fields[key] !== null);
  if (name === undefined) return message;
  return { thinking: fields[name], ...message, reasoning_content: fields[name] };
}

/** What must hold, and what to do where it does not. */
const ADVICE: Readonly<Record<ProblemKind, readonly [must: string, advice: string]>> = {
  raised: ['the conversation must suit the template, got its error', 'change the messages or the template'],
  syntax: ['must be valid Jinja, got', 'it may be cut off or written for another engine'],
  failed: ['must render the conversation, got', "check the messages' fields and the template"],
  unsupported: ['must be one that is rendered as Python does it, got', 'write it another way'],
  limit: ['must stay within its limits, got', 'shorten the messages, or write it with less'],
};

function withOrigin<T>(origin: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof TemplateProblem)) throw error;
    const { kind, message, line } = error;
    const [must, advice] = ADVICE[kind];
    const subject = kind === 'raised' ? '' : `${line === undefined ? 'the template' : `line ${line} of the template`} `;
    throw badInput(`chat template (${origin}): ${subject}${must} "${message}"; ${advice}`, { cause: error });
  }
}
