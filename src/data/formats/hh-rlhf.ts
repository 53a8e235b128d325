import type { Message } from '../../tokenizer/index.ts';
import { createFieldReader } from '../fields.ts';
import { has } from '../../core/index.ts';
import { refused, rowOfKind, rowUnless, type DataFormat } from '../format.ts';
import { recordOf, rowExtras, turnList } from './record-parts.ts';
import { shown } from '../problems.ts';
import type { Content } from '../row.ts';

/** What opens a turn of a transcript. */
const TURN = /\n\n(Human|Assistant):/g;
const OPENS_TRANSCRIPT = /^\n\n(?:Human|Assistant):/;
const ANSWER = '\n\nAssistant:';

/**
 * Anthropic's HH-RLHF: two transcripts whose turns open with a blank line and `Human:` or `Assistant:`. The prompt is
 * everything before the last `Assistant:` of the start that both share, so that a first word shared by the answers stays in
 * the answers; neither side may have another turn after it (17 rows of the published test set do, and are refused).
 *
 * As a conversation, turns are trimmed, and neighbouring turns of one role become one, joined by a blank line; as text (a
 * tokenizer without chat template), prompt and answers are the transcript's own characters.
 * Source: github.com/anthropics/hh-rlhf, README, and the data.
 */
export const HH_RLHF: DataFormat = {
  name: 'hh-rlhf',
  kind: 'pair',
  content: 'turns',
  description: 'chosen, rejected: transcripts that open with a blank line and Human:',
  detect(record) {
    const { chosen, rejected } = record;
    if (has(record, 'prompt') || typeof chosen !== 'string' || typeof rejected !== 'string') return 0;
    return OPENS_TRANSCRIPT.test(chosen) && OPENS_TRANSCRIPT.test(rejected) ? 1 : 0.1;
  },
  parse(record, { id, origin, conversational }) {
    const fields = createFieldReader(record);
    const { problems } = fields;
    const chosen = fields.text('chosen');
    const rejected = fields.text('rejected');
    for (const [path, text] of Object.entries({ chosen, rejected })) {
      if (problems.length === 0 && !OPENS_TRANSCRIPT.test(text)) {
        const message = `${path} must open with a blank line and "Human:", got ${shown(text.slice(0, 30))}`;
        problems.push({ reason: 'wrong-type', path, message });
      }
    }
    const cut = lastAnswerStart(chosen, rejected);
    const answers = [chosen, rejected].map((text) => text.slice(cut + ANSWER.length));
    if (problems.length === 0 && (cut < 0 || answers.some((answer) => hasTurn(answer)))) {
      const turns = [chosen, rejected].map((text) => Array.from(text.matchAll(TURN)).length);
      const message =
        'chosen and rejected must share every turn but the last answer, ' +
        `got transcripts of ${turns.join(' and ')} turns that part earlier; drop the row`;
      problems.push({ reason: 'no-shared-prompt', path: 'rejected', message });
    }
    if (problems.length > 0) return { kind: 'problems', problems };
    const parts = conversational
      ? {
          prompt: turnsOf(chosen.slice(0, cut)),
          chosen: [{ role: 'assistant', content: answers[0]!.trim() }],
          rejected: [{ role: 'assistant', content: answers[1]!.trim() }],
        }
      : { prompt: chosen.slice(0, cut + ANSWER.length), chosen: answers[0]!, rejected: answers[1]! };
    return rowUnless(problems, { kind: 'pair', row: { id, origin, ...parts, ...rowExtras(fields) } });
  },
  write(row) {
    const pair = rowOfKind(row, 'pair');
    const [prompt, chosen, rejected] = [pair.prompt, pair.chosen, pair.rejected].map(transcriptOf);
    if (prompt === undefined || chosen === undefined || rejected === undefined)
      return refused('has user and assistant turns of text only');
    return recordOf(pair, { chosen: prompt + chosen, rejected: prompt + rejected });
  },
};

function commonLength(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  let length = 0;
  while (length < shorter && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}

/** Where the last `Assistant:` of the shared start begins, or -1. */
function lastAnswerStart(chosen: string, rejected: string): number {
  return chosen.slice(0, commonLength(chosen, rejected)).lastIndexOf(ANSWER);
}

function hasTurn(text: string): boolean {
  return text.search(TURN) >= 0;
}

/** Turns as a transcript; undefined where a turn has no place in one. */
function transcriptOf(content: Content): string | undefined {
  const turns = turnList(content).map(({ role, content: text, tool_calls: calls }) =>
    calls !== undefined || (role !== 'user' && role !== 'assistant')
      ? undefined
      : `\n\n${role === 'user' ? 'Human' : 'Assistant'}: ${text}`,
  );
  return turns.includes(undefined) ? undefined : turns.join('');
}

/** The turns of a prompt that is such a transcript, an answer that is only begun left out; undefined for any other text. */
export function transcriptTurns(text: string): Message[] | undefined {
  if (!OPENS_TRANSCRIPT.test(text)) return undefined;
  const turns = turnsOf(text);
  return turns.at(-1)?.role === 'assistant' && turns.at(-1)!.content === '' ? turns.slice(0, -1) : turns;
}

function turnsOf(transcript: string): Message[] {
  const turns: Message[] = [];
  const marks = Array.from(transcript.matchAll(TURN));
  marks.forEach((mark, index) => {
    const role = mark[1] === 'Human' ? 'user' : 'assistant';
    const content = transcript.slice(mark.index + mark[0].length, marks[index + 1]?.index).trim();
    const last = turns.at(-1);
    if (last?.role === role) turns[turns.length - 1] = { role, content: `${last.content}\n\n${content}` };
    else turns.push({ role, content });
  });
  return turns;
}
