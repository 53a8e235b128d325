import type { Message } from '../tokenizer/index.ts';
import { canonicalJson } from './extract-prompt.ts';
import { shown, type FieldProblem } from './problems.ts';
import type { CompletionRow, Content, PreferenceRow } from './row.ts';

/** What is wrong with a preference that was read: kinds that differ, empty parts, order of turns, identical sides. */
export function validatePreference(row: PreferenceRow): FieldProblem[] {
  const { prompt, chosen, rejected } = row;
  const kinds = new Set([prompt, chosen, rejected].map((part) => typeof part));
  if (kinds.size > 1) return [mixedKinds({ prompt, chosen, rejected })];
  const problems = [
    ...validatePrompt(prompt),
    ...validateAnswer('chosen', chosen),
    ...validateAnswer('rejected', rejected),
  ];
  if (canonicalJson(chosen) === canonicalJson(rejected)) {
    const text = shown(typeof chosen === 'string' ? chosen : chosen.at(-1)?.content);
    const message = `chosen and rejected must differ, got ${text} on both sides; drop the row, it teaches nothing`;
    problems.push({ reason: 'identical-sides', path: 'rejected', message });
  }
  return problems;
}

/** What is wrong with a completion that was read. A text may have an empty prompt; a conversation may not. */
export function validateCompletion(row: CompletionRow): FieldProblem[] {
  const { prompt, completion } = row;
  if (typeof prompt !== typeof completion) return [mixedKinds({ prompt, completion })];
  const promptProblems = prompt === '' ? [] : validatePrompt(prompt);
  return [...promptProblems, ...validateAnswer('completion', completion)];
}

function mixedKinds(parts: Readonly<Record<string, Content>>): FieldProblem {
  const found = Object.entries(parts).map(
    ([name, part]) => `${name} ${typeof part === 'string' ? 'text' : 'messages'}`,
  );
  const names = Object.keys(parts).join(', ');
  const hint =
    typeof parts['prompt'] === 'string'
      ? '; where the answers hold the whole conversation, leave the field prompt out'
      : '';
  return {
    reason: 'wrong-type',
    message: `${names} must all be texts or all be lists of messages, got ${found.join(', ')}${hint}`,
  };
}

function validatePrompt(prompt: Content): FieldProblem[] {
  const path = 'prompt';
  if (typeof prompt === 'string') {
    if (prompt.trim() !== '') return [];
    const message = `prompt must not be empty, got ${shown(prompt)}; drop the row, or give the text to sft`;
    return [{ reason: 'empty-prompt', path, message }];
  }
  const last = prompt.at(-1);
  if (last === undefined) return [{ reason: 'empty-prompt', path, message: 'prompt must have a turn, got none' }];
  if (last.role !== 'assistant') return [];
  const message = 'prompt must end with a user or tool turn, got assistant; move that turn into the answers';
  return [{ reason: 'turn-order', path: `prompt.${prompt.length - 1}.role`, message }];
}

function validateAnswer(path: string, answer: Content): FieldProblem[] {
  if (typeof answer === 'string')
    return answer.trim() === '' ? [empty(path, `${path} must not be empty, got ${shown(answer)}; drop the row`)] : [];
  if (answer.length === 0) return [empty(path, `${path} must have an assistant turn, got none; drop the row`)];
  const other = answer.findIndex((turn) => turn.role !== 'assistant');
  if (other >= 0) {
    const hint =
      other === 0 ? `if ${path} repeats the prompt, leave the field prompt out` : 'only the assistant is trained';
    const message = `${path} must hold assistant turns only, got a turn of ${answer[other]!.role}; ${hint}`;
    return [{ reason: 'turn-order', path: `${path}.${other}.role`, message }];
  }
  if (answer.every(isEmptyTurn)) return [empty(path, `${path} must not be empty, got only empty turns; drop the row`)];
  return [];
}

function isEmptyTurn(turn: Message): boolean {
  return turn.content.trim() === '' && (turn.tool_calls?.length ?? 0) === 0;
}

function empty(path: string, message: string): FieldProblem {
  return { reason: 'empty-answer', path, message };
}
