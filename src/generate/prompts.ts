import { badInput, has, isNumber } from '../core/index.ts';
import { readObjects, type Content, type DataSource, type FieldProblem } from '../data/index.ts';
import type { Message, Tokenizer } from '../tokenizer/index.ts';

/** A prompt to answer, as data hold it. */
export interface Prompt {
  /** The record's own id, or its line. */
  readonly id: string;
  /** A text, or the turns of a conversation up to the answer. */
  readonly content: Content;
  readonly tools?: readonly unknown[];
  readonly templateVariables?: Readonly<Record<string, unknown>>;
  /** The record's field `adapter`, where it is a text. */
  readonly adapter?: string;
}

/**
 * The prompts of a source: field `prompt` (a text or messages) or `messages`, with `tools` and `chat_template_kwargs` where
 * a record has them; other fields are left alone, so rows of preference data serve too. Of plain text (.txt) each line that is not
 * blank is a prompt, without the space at its end; where lines `<|endoftext|>` divide it, what stands between them. `onNote` hears how such a file was
 * read. Throws bad-input with all problems.
 */
export async function readPrompts(
  source: DataSource,
  { onNote }: { readonly onNote?: (note: string) => void } = {},
): Promise<Prompt[]> {
  let container = '';
  let lastLine = 0;
  const prompts = await readObjects<Prompt>(source, {
    expected: 'an object with the field prompt or messages',
    noun: 'prompt',
    takesLines: true,
    onContainer: (found) => (container = found),
    read: ({ value, fields, line }) => {
      lastLine = line;
      if (container.startsWith('plain text')) return { id: String(line), content: value['text'] as string };
      const field = !has(value, 'prompt') && has(value, 'messages') ? 'messages' : 'prompt';
      const content = fields.content(field);
      const [tools, templateVariables] = [fields.tools(), fields.templateVariables()];
      if (fields.problems.length === 0) fields.problems.push(...contentProblems(content, field));
      const id = typeof value['id'] === 'string' || isNumber(value['id']) ? value['id'] : line;
      return {
        id: String(id),
        content,
        ...(tools && { tools }),
        ...(templateVariables && { templateVariables }),
        ...(typeof value['adapter'] === 'string' && { adapter: value['adapter'] }),
      };
    },
  });
  if (container.startsWith('plain text')) onNote?.(plainTextNote(source.name, { prompts, container, lastLine }));
  return prompts;
}

/** How plain text was read: `prompts.txt: 12 prompts, one a line; 2 blank lines are passed over`. */
function plainTextNote(
  name: string,
  {
    prompts,
    container,
    lastLine,
  }: { readonly prompts: readonly Prompt[]; readonly container: string; readonly lastLine: number },
): string {
  const count = `${prompts.length} ${prompts.length === 1 ? 'prompt' : 'prompts'}`;
  if (!container.endsWith(' by lines')) return `${name}: ${count}, divided by lines <|endoftext|>`;
  const blank = lastLine - prompts.length;
  const passed = blank === 0 ? '' : `; ${blank} blank ${blank === 1 ? 'line is' : 'lines are'} passed over`;
  return `${name}: ${count}, one a line${passed}`;
}

function contentProblems(content: Content, field: string): FieldProblem[] {
  if (typeof content === 'string' || content.length === 0)
    return content.length > 0 ? [] : [{ reason: 'empty-prompt', path: field, message: `${field} must not be empty` }];
  if (content.at(-1)!.role !== 'assistant') return [];
  const message = `${field} must end before the answer, got a last turn of the assistant; leave that turn out`;
  return [{ reason: 'turn-order', path: field, message }];
}

export interface PromptOptions {
  /** A system message for prompts that have none. */
  readonly system?: string | undefined;
  /**
   * Give a text to the model as it stands, instead of as a user's turn in its chat template. Conversations, which need one, are refused; with `texts` they are
   * given in the template.
   */
  readonly isRaw?: boolean | 'texts';
}

/** The conversation that a prompt becomes: a text is a user's turn. */
export function conversationOf({ content }: Prompt, { system }: PromptOptions): readonly Message[] {
  const turns: readonly Message[] = typeof content === 'string' ? [{ role: 'user', content }] : content;
  const hasOwn = turns[0]?.role === 'system' || turns[0]?.role === 'developer';
  return system === undefined || hasOwn ? turns : [{ role: 'system', content: system }, ...turns];
}

/** Whether a prompt is given as it stands. */
export function isRawPrompt({ content }: Prompt, { isRaw = false }: PromptOptions): boolean {
  return isRaw === 'texts' ? typeof content === 'string' : isRaw;
}

/**
 * The ids that the model reads: the conversation in its chat template, opened for an answer; or, raw, the text with what the
 * tokenizer itself adds. Throws bad-input when there is no template, when it fails, and for a conversation that should be raw.
 */
export function encodePrompt(tokenizer: Tokenizer, prompt: Prompt, options: PromptOptions): number[] {
  const { content, id, tools, templateVariables } = prompt;
  if (isRawPrompt(prompt, options)) {
    if (typeof content === 'string') return tokenizer.encode(content);
    throw badInput(`generate: a raw prompt must be a text, prompt ${id} is a conversation; leave out --raw`);
  }
  if (tokenizer.chatTemplate === undefined)
    throw badInput(
      'generate: chats need a tokenizer with a chat template, the model has none; use --raw for plain text',
    );
  const text = tokenizer.chatTemplate.render(conversationOf(prompt, options), {
    addGenerationPrompt: true,
    ...(tools && { tools }),
    ...(templateVariables && { variables: templateVariables }),
  });
  return tokenizer.encode(text, { addSpecialTokens: false });
}
