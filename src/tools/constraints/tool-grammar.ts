import { badInput } from '../../core/index.ts';
import { choice, literal, repeated, sequence, type Grammar } from '../../grammar/index.ts';
import type { ToolFormat } from '../format.ts';
import type { ReasoningFormat } from '../reasoning.ts';
import type { ToolDefinition } from '../tool.ts';
import { callsGrammar, type CallsGrammar } from './call-grammar.ts';
import { createMarks, type Marks } from './marks.ts';

/** OpenAI's `tool_choice`. */
export type ToolChoice =
  | 'none'
  | 'auto'
  | 'required'
  | { readonly type: 'function'; readonly function: { readonly name: string } }
  | {
      readonly type: 'allowed_tools';
      readonly allowed_tools: {
        readonly mode?: 'auto' | 'required';
        readonly tools: readonly { readonly function?: { readonly name: string } }[];
      };
    };

export interface ToolGrammarOptions {
  readonly format: ToolFormat;
  readonly tools: readonly ToolDefinition[];
  /** Default: auto. */
  readonly choice?: ToolChoice | null | undefined;
  /** OpenAI's `parallel_tool_calls`, default true. */
  readonly isParallel?: boolean | undefined;
  /** Ids of the model's special tokens by their spellings. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /** The marks around thoughts, which may come before required calls. */
  readonly reasoning?: ReasoningFormat | undefined;
  readonly isReasoningOpen?: boolean | undefined;
}

/** Which tools a choice leaves, and whether one of them must be called. */
export interface ChosenTools {
  readonly tools: readonly ToolDefinition[];
  readonly isRequired: boolean;
}

/** The tools that a choice leaves. Throws bad-input for a choice that names none of the tools. */
export function chosenTools(tools: readonly ToolDefinition[], chosen: ToolChoice | null | undefined): ChosenTools {
  const named = (names: readonly string[]): readonly ToolDefinition[] => {
    const unknown = names.find((name) => tools.every((tool) => tool.function.name !== name));
    if (unknown === undefined && names.length > 0) return tools.filter((tool) => names.includes(tool.function.name));
    throw badInput({
      path: 'tool_choice',
      message: `tool_choice: must name one of the tools (${tools.map((tool) => tool.function.name).join(', ') || 'there are none'}), got ${unknown === undefined ? 'none' : JSON.stringify(unknown)}`,
    });
  };
  if (chosen === 'none') return { tools: [], isRequired: false };
  if (chosen === undefined || chosen === null || chosen === 'auto') return { tools, isRequired: false };
  if (chosen === 'required') return { tools: tools.length === 0 ? named([]) : tools, isRequired: true };
  if (chosen.type === 'function') return { tools: named([chosen.function.name]), isRequired: true };
  const names = chosen.allowed_tools.tools.map((tool) => tool.function?.name ?? '');
  return { tools: named(names), isRequired: chosen.allowed_tools.mode === 'required' };
}

/**
 * What an answer must be so that the choice of tools holds: calls and nothing else where one is required (behind a thought, where the model thinks); where it is not, any text in
 * which every call is one of the tools, and fits the schema of a strict one. Undefined where any answer will do: no strict tool, none required, several calls allowed.
 *
 * Throws bad-input for a choice without its tool, strict schemas that cannot be enforced, and strict tools that need not be called where calls have no marker to begin with (Llama's
 * JSON, lists of Python): there a text is no call before it is whole.
 *
 * Keep the grammar for the next request with the same tools: what decoding found out stays with it.
 */
export function toolGrammar(options: ToolGrammarOptions): Grammar | undefined {
  const { format, reasoning, isReasoningOpen = false, isParallel = true } = options;
  const { tools, isRequired } = chosenTools(options.tools, options.choice);
  if (tools.length === 0) return undefined;
  const marks = createMarks(options.specialTokens);
  if (isRequired) {
    const calls = requiredCalls(callsGrammar(format, tools, { marks, isParallel }), marks);
    return reasoning === undefined ? calls : sequence(thought(reasoning, isReasoningOpen, marks), calls);
  }
  const isStrict = tools.some((tool) => tool.function.strict === true);
  if (!isStrict && isParallel) return undefined;
  const calls = callsGrammar(format, tools, { marks, isParallel });
  if (calls.opener === '') {
    if (!isStrict) return undefined;
    throw badInput({
      path: 'tools',
      message:
        'tools: strict cannot be enforced while the model may also answer in text, since its calls begin with no marker; say tool_choice "required" or do without strict',
    });
  }
  const section = sequence(marks.through(calls.opener), calls.rest);
  const text = sequence(repeated(section, 0, calls.mayRepeat ? Infinity : 1), calls.end, marks.without(calls.opener));
  if (reasoning === undefined) return text;
  return choice(sequence(thought(reasoning, isReasoningOpen, marks), text), text);
}

function requiredCalls({ opener, rest, mayRepeat, between, end }: CallsGrammar, marks: Marks): Grammar {
  const one = sequence(marks.of(opener), rest);
  return sequence(one, repeated(sequence(between, one), 0, mayRepeat ? Infinity : 0), end);
}

/** A thought with the white space behind it; it may be left out, unless the prompt has begun it. */
function thought({ open, close }: ReasoningFormat, isOpen: boolean, marks: Marks): Grammar {
  const space = choice('', '\n', '\n\n');
  const inner = sequence(marks.through(close), space);
  return isOpen ? inner : choice(literal(''), sequence(marks.of(open), inner));
}
