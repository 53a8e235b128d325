import { writeExactJson } from '../core/index.ts';
import type { Content } from '../data/index.ts';
import type { Message } from '../tokenizer/index.ts';

/** What an answer says: a text as it is; of turns their contents, tool calls as JSON, one after the other. */
export function answerText(content: Content): string {
  return typeof content === 'string' ? content : content.map(turnText).join('\n\n');
}

/** A prompt for a reader: a text, or a single user's turn, as it is; several turns with their roles. */
export function promptText(content: Content): string {
  if (typeof content === 'string') return content;
  if (content.length === 1 && content[0]!.role === 'user') return turnText(content[0]!);
  return content.map((turn) => `[${turn.role}]\n${turnText(turn)}`).join('\n\n');
}

/** `answer` in the kind of `prompt`: a text beside a text, an assistant's turn beside turns. */
export function answerLike(prompt: Content, answer: Content): Content {
  if (typeof prompt === 'string' || typeof answer !== 'string') return answer;
  return [{ role: 'assistant', content: answer }];
}

/** A key that equal contents share. */
export function contentKey(content: Content): string {
  return typeof content === 'string' ? `text ${content}` : `turns ${writeExactJson(content.map(orderedTurn))}`;
}

function turnText({ content, tool_calls: calls }: Message): string {
  if (calls === undefined || calls.length === 0) return content;
  const texts = calls.map(({ function: called }) => `${called.name}(${writeExactJson(called.arguments)})`);
  return [...(content === '' ? [] : [content]), ...texts].join('\n');
}

function orderedTurn(turn: Message): unknown {
  return Object.entries(turn).toSorted(([a], [b]) => (a < b ? -1 : 1));
}
