import { writeExactJson } from '../core/index.ts';
import type { ChatTemplate, Message } from '../tokenizer/index.ts';
import { formatOfText, formatOfWords, type ProbeCall } from './detect.ts';
import type { ToolFormat } from './format.ts';
import { reasoningFormatOf, type ReasoningFormat } from './reasoning.ts';
import type { ToolDefinition } from './tool.ts';

/** What a chat template does with tools, and what it wants of messages. Plain data. */
export interface TemplateTraits {
  /** How calls are written; undefined where the template lists no tools, or nothing says how its model calls them. */
  readonly format: ToolFormat | undefined;
  /** Where the template lists tools: by itself, only beside a system message, or out of a field `tools` of the system message; undefined where it never does. */
  readonly listsTools: 'always' | 'with-system' | 'in-system' | undefined;
  /** Whether it writes the calls of earlier assistant turns, several in one turn, and the results of tools. */
  readonly writesCalls: boolean;
  readonly writesManyCalls: boolean;
  readonly writesResults: boolean;
  /** How it wants the arguments of calls: as an object, or as its JSON text. */
  readonly argumentsAs: 'object' | 'text';
  /** What stands for the content of a turn that has calls alone. */
  readonly emptyContent: '' | null;
  /** It raises unless ids of calls are nine letters and digits. */
  readonly needsShortIds: boolean;
  readonly knowsDeveloper: boolean;
  /** It reads content as a list of parts alone. */
  readonly wantsParts: boolean;
  readonly reasoning: ReasoningFormat | undefined;
}

const CALLS: readonly (ProbeCall & { readonly arguments: { readonly probe_key: string } })[] = [
  { name: 'probe_lookup', arguments: { probe_key: 'seven words', probe_count: 12 }, id: 'probe0001' },
  { name: 'probe_second', arguments: { probe_key: 'other words', probe_count: 34 }, id: 'probe0002' },
];

const TOOLS: readonly ToolDefinition[] = CALLS.map(({ name }) => ({
  type: 'function',
  function: {
    name,
    description: 'Looks something up.',
    parameters: {
      type: 'object',
      properties: {
        probe_key: { type: 'string', description: 'What to look for.' },
        probe_count: { type: 'integer', description: 'How often.' },
      },
      required: ['probe_key'],
    },
  },
}));

const USER: Message = { role: 'user', content: 'probe question' };

/** How a turn with calls is given to the template. */
interface Variant {
  readonly count: number;
  readonly argumentsAs: 'object' | 'text';
  readonly emptyContent: '' | null;
}

const VARIANTS: readonly Variant[] = [2, 1].flatMap((count) =>
  (['', null] as const).flatMap((emptyContent) =>
    (['object', 'text'] as const).map((argumentsAs) => ({ count, argumentsAs, emptyContent })),
  ),
);

/**
 * Finds out what a template does by rendering a few conversations with it, and looking at what became of their words: which format of calls is told by what the template itself
 * writes for a turn with calls (unknown where nobody here reads that back); where it passes them over, by what it tells the model, and last by the model's own tokens (`addedTokens`, their spellings). Some ten renderings.
 *
 * Never throws: a template that raises on a conversation does not take it.
 */
export function probeTemplate(
  template: Pick<ChatTemplate, 'render' | 'source'>,
  addedTokens: readonly string[] = [],
): TemplateTraits {
  const reasoning = reasoningFormatOf(template.source);
  const render = (
    messages: readonly Message[],
    tools?: readonly ToolDefinition[],
    addGenerationPrompt = false,
  ): string | undefined => {
    try {
      return template.render(messages, { addGenerationPrompt, ...(tools !== undefined && { tools }) });
    } catch {
      return undefined;
    }
  };
  const listsTools = listingOf(render);
  const system: Message[] =
    listsTools === undefined || listsTools === 'always' ? [] : [systemMessage(listsTools, TOOLS)];
  const start = [...system, USER];

  const plain = render([...start, { role: 'assistant', content: 'probe answer' }], TOOLS);
  const base = render(start, TOOLS) ?? '';
  const prompt = render(start, TOOLS, true) ?? '';
  const written = VARIANTS.flatMap((variant) => {
    const whole = render([...start, callTurn(variant)], TOOLS);
    if (whole === undefined || !CALLS.slice(0, variant.count).every((call) => isRead(whole, call.arguments.probe_key)))
      return [];
    const text = turnText({ whole, prompt, base, plain: plain ?? '', reasoning });
    return [{ variant, text, found: formatOfText(text, CALLS.slice(0, variant.count), TOOLS) }];
  });
  const best =
    written.find(({ found }) => found?.isKnown) ?? written.find(({ found }) => found !== undefined) ?? written[0];
  const { variant, found } = best ?? { variant: VARIANTS[0]!, found: undefined };
  const calls = best === undefined ? [] : [callTurn(variant)];
  const results = CALLS.slice(0, variant.count).map(({ name, id }) => ({
    role: 'tool',
    tool_call_id: id,
    name,
    content: 'probe result',
  }));
  const longIds = [callTurn(variant, (id) => `call_${id.repeat(3).slice(0, 24)}`)];
  const words = (render(start, TOOLS) ?? '') + template.source;
  return {
    format:
      listsTools === undefined ? undefined : best === undefined ? formatOfWords(words, addedTokens) : found?.format,
    listsTools,
    writesCalls: best !== undefined,
    writesManyCalls: variant.count > 1 && best !== undefined,
    writesResults: isRead(render([...start, ...calls, ...results], TOOLS), 'probe result'),
    argumentsAs: variant.argumentsAs,
    emptyContent: variant.emptyContent,
    needsShortIds: best !== undefined && render([...start, ...longIds], TOOLS) === undefined,
    knowsDeveloper: template.source.includes('developer'),
    wantsParts:
      !isRead(render([USER]), 'probe question') &&
      isRead(
        render([{ role: 'user', content: [{ type: 'text', text: 'probe question' }] as unknown as string }]),
        'probe question',
      ),
    reasoning,
  };
}

/** How a chat template's model writes calls of tools; undefined where the template does not tell it of tools. */
export function toolFormatOf(
  template: Pick<ChatTemplate, 'render' | 'source'>,
  addedTokens: readonly string[] = [],
): ToolFormat | undefined {
  return probeTemplate(template, addedTokens).format;
}

function isRead(found: string | undefined, words: string): boolean {
  return found?.includes(words) === true;
}

/** The system message beside which a template lists tools. */
export function systemMessage(
  listing: 'with-system' | 'in-system',
  tools: readonly { readonly function: object }[],
  own?: Message,
): Message {
  const message: Message = own ?? { role: 'system', content: '' };
  if (listing === 'with-system') return message;
  const listed: object = { tools: writeExactJson(tools.map((tool) => tool.function)) };
  return { ...message, ...listed };
}

function listingOf(
  render: (messages: readonly Message[], tools?: readonly ToolDefinition[]) => string | undefined,
): TemplateTraits['listsTools'] {
  const lists = (messages: readonly Message[]): boolean =>
    TOOLS.every((tool) => render(messages, TOOLS)?.includes(tool.function.name) === true);
  if (lists([USER])) return 'always';
  if (lists([systemMessage('with-system', TOOLS), USER])) return 'with-system';
  return lists([systemMessage('in-system', TOOLS), USER]) ? 'in-system' : undefined;
}

function callTurn({ count, argumentsAs, emptyContent }: Variant, idOf = (id: string): string => id): Message {
  return {
    role: 'assistant',
    content: emptyContent as string,
    tool_calls: CALLS.slice(0, count).map((call) => ({
      id: idOf(call.id),
      type: 'function',
      function: {
        name: call.name,
        arguments: argumentsAs === 'object' ? call.arguments : writeExactJson(call.arguments),
      },
    })),
  };
}

/** What stands in an assistant's turn: the text behind `base`, without what opens and ends a turn (as the plain one shows) and without an empty thought. */
function turnText({
  whole,
  prompt,
  base,
  plain,
  reasoning,
}: {
  readonly whole: string;
  readonly prompt: string;
  readonly base: string;
  readonly plain: string;
  readonly reasoning: ReasoningFormat | undefined;
}): string {
  let text = whole.slice(sharedLength(whole, base));
  const turn = plain.slice(sharedLength(plain, base));
  const place = turn.indexOf('probe answer');
  if (place !== -1) {
    const end = turn.slice(place + 'probe answer'.length);
    if (end !== '' && text.endsWith(end)) text = text.slice(0, text.length - end.length);
    const open = turn.slice(0, place).trimEnd();
    if (prompt.length > base.length && whole.startsWith(prompt))
      text = text.slice(prompt.length - sharedLength(whole, base));
    else if (text.startsWith(open)) text = text.slice(open.length);
  }
  if (reasoning === undefined) return text.trim();
  const end = text.indexOf(reasoning.close);
  const first = text.indexOf(CALLS[0]!.name);
  return (end !== -1 && end < first ? text.slice(end + reasoning.close.length) : text).trim();
}

/** The length of what two texts begin with alike. */
function sharedLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}
