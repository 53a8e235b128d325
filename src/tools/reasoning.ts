import { heldBack, splitSpace } from './hold.ts';
import { skipSpace } from './read/space.ts';

/** The marks around what a model thinks before it answers. */
export interface ReasoningFormat {
  readonly open: string;
  readonly close: string;
}

/** The marks in use. */
export const REASONING_FORMATS: readonly ReasoningFormat[] = [
  { open: '<think>', close: '</think>' },
  { open: '[THINK]', close: '[/THINK]' },
];

/** The marks that a chat template writes or looks for; undefined where it knows none. */
export function reasoningFormatOf(templateSource: string): ReasoningFormat | undefined {
  return REASONING_FORMATS.find(({ close }) => templateSource.includes(close));
}

/** Whether a prompt ends in the middle of a thought, as the prompts of DeepSeek-R1 do. */
export function isReasoningOpen({ open }: ReasoningFormat, prompt: string): boolean {
  return splitSpace(prompt)[0].endsWith(open);
}

/** Takes the thought off the front of an answer. */
export interface ReasoningSplitter {
  /** What is new of the thought, and of the answer behind it. */
  push(text: string, isEnd?: boolean): { readonly reasoning: string; readonly rest: string };
}

/**
 * Splits thoughts from answers as they come. White space around the thought and between it and the answer belongs to neither. A thought stands in front alone: marks that come
 * later in an answer are text.
 */
export function createReasoningSplitter(format: ReasoningFormat, isOpen: boolean): ReasoningSplitter {
  const { open, close } = format;
  let place: 'before' | 'inside' | 'behind' | 'answer' = isOpen ? 'inside' : 'before';
  let isBegun = false;
  let buffer = '';
  let gap = '';

  const stepBefore = (isEnd: boolean): boolean => {
    const start = skipSpace(buffer, 0);
    if (buffer.startsWith(open, start)) {
      buffer = buffer.slice(start + open.length);
      place = 'inside';
      return true;
    }
    if (!isEnd && open.startsWith(buffer.slice(start))) return false;
    place = 'answer';
    return true;
  };
  const stepInside = (isEnd: boolean): string | undefined => {
    if (!isBegun) {
      buffer = buffer.slice(skipSpace(buffer, 0));
      // Models repeat the mark that their prompt ends with.
      if (isOpen && !isEnd && buffer !== '' && buffer.length < open.length && open.startsWith(buffer)) return undefined;
      if (isOpen && buffer.startsWith(open))
        buffer = buffer.slice(open.length + skipSpace(buffer.slice(open.length), 0));
    }
    const end = buffer.indexOf(close);
    const length = end === -1 ? buffer.length - (isEnd ? 0 : heldBack(buffer, [close])) : end;
    const [body, space] = splitSpace(buffer.slice(0, length));
    let reasoning = '';
    if (body === '') gap += isBegun ? space : '';
    else {
      reasoning = gap + body;
      gap = space;
      isBegun = true;
    }
    buffer = buffer.slice(end === -1 ? length : end + close.length);
    if (end !== -1) place = 'behind';
    return reasoning;
  };

  return {
    push(text, isEnd = false) {
      buffer += text;
      let reasoning = '';
      if (place === 'before' && !stepBefore(isEnd)) return { reasoning, rest: '' };
      if (place === 'inside') reasoning = stepInside(isEnd) ?? '';
      if (place === 'behind') {
        buffer = buffer.slice(skipSpace(buffer, 0));
        if (buffer !== '') place = 'answer';
      }
      if (place !== 'answer') return { reasoning, rest: '' };
      const rest = buffer;
      buffer = '';
      return { reasoning, rest };
    },
  };
}
