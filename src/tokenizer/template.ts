import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
import { badInput, messageOf } from '../core/index.ts';
import { strftime } from './strftime.ts';
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
  /** What strftime_now tells. */
  readonly now: Date;
}

/** In UTF-16 code units. The longest templates in use are some 30,000. */
export const MAX_TEMPLATE_LENGTH = 2 ** 20;

/** Jinja's sandbox allows a range this many numbers. */
const MAX_RANGE = 100_000;

type Program = ReturnType<typeof parse>;

/** Marks what the template itself raised. */
class RaisedByTemplate extends Error {}

/**
 * A chat template in the dialect of Hugging Face Transformers: Jinja with trim_blocks and lstrip_blocks, the functions
 * raise_exception, strftime_now and range (at most 100,000 numbers), a tojson that escapes nothing, and the generation tag,
 * which is ignored. Two things differ from Jinja: a boolean that a template prints is true or false, not True or False, and
 * the {%+ tag does not parse. The variables are messages, tools, documents (none), add_generation_prompt, the special tokens, and the
 * caller's own, which win.
 *
 * `render` throws bad-input that names the template's origin: when the template raises, with its message; when it does not
 * parse; and when its evaluation fails. The source is parsed at the first use.
 *
 * Source: Transformers, utils/chat_template_utils.py; Jinja 3.1.
 */
export function createChatTemplate(options: TemplateOptions): ChatTemplate {
  const parsed = new Map<string, Program>();
  const programOf = (source: string): Program => {
    const known = parsed.get(source) ?? parseTemplate(source, options.origin);
    parsed.set(source, known);
    return known;
  };
  return {
    source: options.source,
    render(messages, renderOptions) {
      const hasTools = renderOptions.tools !== undefined && renderOptions.tools.length > 0;
      const program = programOf((hasTools ? options.toolSource : undefined) ?? options.source);
      return run(program, variablesOf(messages, renderOptions, options), options);
    },
  };
}

function parseTemplate(source: string, origin: string): Program {
  if (source.length > MAX_TEMPLATE_LENGTH) {
    throw badInput(
      `chat template (${origin}): the template must have at most ${MAX_TEMPLATE_LENGTH} characters, got ${source.length}; check that the file is a chat template`,
    );
  }
  try {
    return parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
  } catch (error) {
    throw badInput(
      `chat template (${origin}): the template must be valid Jinja, got "${messageOf(error)}"; it may be cut off or use a feature that is not supported`,
      { cause: error },
    );
  }
}

function variablesOf(messages: readonly Message[], options: RenderOptions, template: TemplateOptions): object {
  return {
    ...template.specialTokens,
    documents: null,
    ...options.variables,
    messages: messages.map(withoutUndefined),
    tools: options.tools === undefined ? null : options.tools.map(withoutUndefined),
    add_generation_prompt: options.addGenerationPrompt,
  };
}

/** The value with fields that are undefined left out: to a template they would be fields that are there. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(fields.map(([key, field]) => [key, withoutUndefined(field)]));
}

function run(program: Program, variables: object, { origin, now }: TemplateOptions): string {
  try {
    const environment = new Environment();
    for (const [name, value] of Object.entries({ ...globals(now), ...variables })) environment.set(name, value);
    return String(new Interpreter(environment).run(program).value);
  } catch (error) {
    if (error instanceof RaisedByTemplate) {
      throw badInput(
        `chat template (${origin}): the conversation must suit the template, got its error "${error.message}"; change the messages or the template`,
        { cause: error },
      );
    }
    throw badInput(
      `chat template (${origin}): the template must render the conversation, got "${messageOf(error)}"; check the messages' fields and the template`,
      { cause: error },
    );
  }
}

function globals(now: Date): object {
  return {
    true: true,
    True: true,
    false: false,
    False: false,
    none: null,
    None: null,
    raise_exception: (message: unknown): never => {
      throw new RaisedByTemplate(String(message));
    },
    strftime_now: (format: string): string => strftime(now, format),
    range,
  };
}

function range(...bounds: number[]): number[] {
  const [start, stop, step] = bounds.length === 1 ? [0, bounds[0]!, 1] : [bounds[0]!, bounds[1]!, bounds[2] ?? 1];
  const count = Math.max(0, Math.ceil((stop - start) / step));
  if (!(count <= MAX_RANGE)) throw new Error(`range must have at most ${MAX_RANGE} numbers, got ${count}`);
  return Array.from({ length: count }, (_, index) => start + index * step);
}
