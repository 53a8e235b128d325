import { isObject } from '../../core/index.ts';
import type { Message, Tokenizer } from '../../tokenizer/index.ts';
import type { Content } from '../row.ts';
import { createControlTokens } from './control-tokens.ts';
import { isRenderedText, templateFrames, withoutBos, withoutEnds } from './template-frames.ts';

/** Something in a part of a row. */
export interface FieldText {
  /** prompt, chosen, rejected, completion, tools, ... */
  readonly field: string;
  readonly text: string;
}

/** What of the model's own marks is written out in a row's texts. */
export interface RowScan {
  /** Control tokens that come out of the row's texts rather than of the template: the field, and its tokens. */
  readonly controlTokens: readonly FieldText[];
  /** Turns whose text the template has written already, so that it writes it twice: the field, and how the text begins. */
  readonly renderedAlready: readonly FieldText[];
  /** A plain text that was made with the template: it becomes the same ids as the conversation. */
  readonly renderedAsText: boolean;
  /** An answer spells the token that ends it; it stands once. */
  readonly endWritten: boolean;
}

/** A row as it is looked through: its prompt, and its answers by the names of their fields. */
export interface ScannedRow {
  readonly prompt: Content;
  readonly answers: readonly (readonly [field: string, content: Content])[];
  readonly tools?: readonly unknown[] | undefined;
  readonly templateVariables?: Readonly<Record<string, unknown>> | undefined;
}

/** Of a text that begins like the template, so much is shown. */
const SHOWN_LENGTH = 60;

const NOTHING: RowScan = { controlTokens: [], renderedAlready: [], renderedAsText: false, endWritten: false };

/**
 * Looks through every text of a row that reaches the model: contents, reasoning, names and arguments of tool calls, tools, variables of the template.
 *
 * Not counted: the token that ends an answer at the answer's own end, BOS in front of a plain text (both stand once in the ids), and the tokens of a
 * plain text that was made with the template.
 */
export function createRowScanner(tokenizer: Tokenizer): (row: ScannedRow) => RowScan {
  const tokens = createControlTokens(tokenizer);
  const spelled = (id: number | undefined): string | undefined =>
    tokenizer.addedTokens.find((token) => token.id === id)?.content;
  const bos = spelled(tokenizer.bosId);
  const frames = templateFrames(tokenizer.chatTemplate, bos);
  const stops = tokenizer.stopIds.flatMap((id) => spelled(id) ?? []);
  const turnEnds = stops.filter((stop) => frames.closing.startsWith(stop));

  const isRendered = (text: string, isAnswer: boolean): boolean => isRenderedText(frames, text, { bos, isAnswer });
  /** The tokens of the last text of an answer, and whether it ends with what ends it anyway. */
  const inEnd = (text: string, ends: readonly string[]): { found: readonly string[]; isEnded: boolean } => {
    const found = tokens.find(text);
    if (found.length === 0) return { found, isEnded: false };
    const rest = withoutEnds(text, ends);
    return rest === text ? { found, isEnded: false } : { found: tokens.find(rest), isEnded: true };
  };

  return ({ prompt, answers, tools, templateVariables }) => {
    const found: FieldText[] = [];
    const rendered: FieldText[] = [];
    let endWritten = false;
    let renderedAsText = false;
    const add = (field: string, list: readonly string[]): void => {
      if (list.length > 0) found.push({ field, text: list.join(', ') });
    };
    const turns = (field: string, list: readonly Message[], isAnswer: boolean): void => {
      const all: string[] = [];
      list.forEach((turn, index) => {
        const { content, role } = turn;
        if (isRendered(content, role === 'assistant')) {
          rendered.push({ field, text: content.slice(0, SHOWN_LENGTH) });
          return;
        }
        if (isAnswer && index === list.length - 1) {
          const own = inEnd(content, turnEnds);
          endWritten ||= own.isEnded;
          all.push(...own.found);
        } else all.push(...tokens.find(content));
        const extras = extrasOf(turn);
        if (extras !== undefined) forEachText(extras, (text) => all.push(...tokens.find(text)));
      });
      add(field, all.length > 1 ? [...new Set(all)] : all);
    };

    if (typeof prompt === 'string') {
      const whole = prompt === '' && typeof answers[0]?.[1] === 'string' ? answers[0][1] : prompt;
      renderedAsText = isRendered(whole, false);
      if (!renderedAsText) add('prompt', tokens.find(withoutBos(prompt, bos)));
    } else turns('prompt', prompt, false);
    for (const [field, answer] of answers) {
      if (typeof answer !== 'string') {
        turns(field, answer, true);
        continue;
      }
      if (renderedAsText && prompt === '') continue;
      const own = inEnd(prompt === '' ? withoutBos(answer, bos) : answer, stops);
      endWritten ||= own.isEnded;
      add(field, own.found);
    }
    if (tools !== undefined) forEachText(tools, (text) => add('tools', tokens.find(text)));
    if (templateVariables !== undefined)
      forEachText(templateVariables, (text) => add('chat_template_kwargs', tokens.find(text)));

    const isClean = found.length === 0 && rendered.length === 0 && !endWritten && !renderedAsText;
    return isClean ? NOTHING : { controlTokens: found, renderedAlready: rendered, renderedAsText, endWritten };
  };
}

/** What a turn holds besides role and content; undefined for the turn that nearly all are. */
function extrasOf(turn: Message): object | undefined {
  for (const name in turn)
    if (name !== 'role' && name !== 'content') {
      const { role: _role, content: _content, ...extras } = turn;
      return extras;
    }
  return undefined;
}

/** Every text in a JSON value, keys included. */
export function forEachText(value: unknown, visit: (text: string) => void): void {
  if (typeof value === 'string') visit(value);
  else if (Array.isArray(value)) for (const item of value) forEachText(item, visit);
  else if (isObject(value))
    for (const [name, item] of Object.entries(value)) {
      visit(name);
      forEachText(item, visit);
    }
}
