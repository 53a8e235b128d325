import { PreftuneError } from '../../core/index.ts';
import type { ChatTemplate } from '../../tokenizer/index.ts';

/** What a chat template writes around turns, so that it is known again in a text. None of it is blank; ends are trimmed. */
export interface TemplateFrames {
  /** How the text of a conversation may begin, and what opens a system or user turn. */
  readonly openers: readonly string[];
  /** What opens an assistant turn. */
  readonly answerOpeners: readonly string[];
  /** What leads from the end of a user's text to the answer. */
  readonly handovers: readonly string[];
  /** What stands behind an answer; blank where the template writes nothing there. */
  readonly closing: string;
}

type Role = 'system' | 'user' | 'assistant';

/** Letters and digits only, so that no template changes or trims them. */
const PROBES: Readonly<Record<Role, string>> = { system: 'Probe7301', user: 'Probe7302', assistant: 'Probe7303' };

/** Shorter ones stand in ordinary texts. */
const MIN_LENGTH = 3;

/** A short conversation in turns of `roles`, as text; undefined where the template is none or refuses it. */
export function renderProbe(
  template: ChatTemplate | undefined,
  roles: readonly Role[],
  addGenerationPrompt = false,
): string | undefined {
  if (template === undefined) return undefined;
  try {
    return template.render(
      roles.map((role) => ({ role, content: PROBES[role] })),
      { addGenerationPrompt },
    );
  } catch (error) {
    // The template's problem is told where rows meet it; here it only leaves the question open.
    if (error instanceof PreftuneError) return undefined;
    throw error;
  }
}

/** The frames of a template, found by rendering short conversations; `bos` is left out of them. */
export function templateFrames(template: ChatTemplate | undefined, bos: string | undefined): TemplateFrames {
  const { system, user, assistant } = PROBES;
  const asked = renderProbe(template, ['user']);
  const opened = renderProbe(template, ['user'], true);
  const answered = renderProbe(template, ['user', 'assistant']);
  const again = renderProbe(template, ['user', 'assistant', 'user']);
  const instructed = renderProbe(template, ['system', 'user']);
  const userEnd = behind(asked, user);
  const answerEnd = behind(answered, assistant);
  const toAnswer = between(answered, user, assistant);
  const toUser = between(again, assistant, user);
  return {
    openers: known(
      firstLine(without(before(asked, user), bos)),
      firstLine(without(before(instructed, system), bos)),
      firstLine(without(toUser, answerEnd)),
    ),
    answerOpeners: known(firstLine(without(toAnswer, userEnd)), firstLine(without(behind(opened, user), userEnd))),
    handovers: known(toAnswer, behind(opened, user)),
    closing: answerEnd.trim(),
  };
}

/**
 * Whether the template wrote a text already: it begins as a conversation does (with `isAnswer` as an answer), or ends with what leads to the answer. BOS in
 * front is not looked at.
 */
export function isRenderedText(
  { openers, answerOpeners, handovers }: TemplateFrames,
  text: string,
  { bos, isAnswer }: { readonly bos: string | undefined; readonly isAnswer: boolean },
): boolean {
  const starts = isAnswer ? answerOpeners : openers;
  if (starts.length === 0 && handovers.length === 0) return false;
  const start = withoutBos(text.trimStart(), bos).trimStart();
  if (starts.some((opener) => start.startsWith(opener))) return true;
  if (isAnswer) return false;
  const end = text.trimEnd();
  return handovers.some((handover) => end.endsWith(handover));
}

export function withoutBos(text: string, bos: string | undefined): string {
  return bos !== undefined && text.startsWith(bos) ? text.slice(bos.length) : text;
}

/** A text without the tokens that close it, and white space around them; the text itself where none does. */
export function withoutEnds(text: string, ends: readonly string[]): string {
  for (let rest = text; ;) {
    const trimmed = rest.trimEnd();
    const end = ends.find((each) => trimmed.endsWith(each));
    if (end === undefined) return rest;
    rest = trimmed.slice(0, trimmed.length - end.length);
  }
}

function known(...texts: readonly string[]): readonly string[] {
  return [...new Set(texts.map((text) => text.trim()))].filter((text) => text.length >= MIN_LENGTH);
}

function before(text: string | undefined, probe: string): string {
  return text?.slice(0, Math.max(0, text.indexOf(probe))) ?? '';
}

function behind(text: string | undefined, probe: string): string {
  const at = text?.lastIndexOf(probe) ?? -1;
  return at < 0 ? '' : text!.slice(at + probe.length);
}

function between(text: string | undefined, first: string, second: string): string {
  const start = text?.indexOf(first) ?? -1;
  const end = start < 0 ? -1 : text!.indexOf(second, start + first.length);
  return end < 0 ? '' : text!.slice(start + first.length, end);
}

function without(text: string, start: string | undefined): string {
  return start !== undefined && text.startsWith(start) ? text.slice(start.length) : text;
}

/** What varies with the day or the system text stands further on. */
function firstLine(text: string): string {
  return text.trimStart().split('\n', 1)[0]!;
}
