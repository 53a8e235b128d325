import { unreachable } from '../core/index.ts';
import type { Message } from '../tokenizer/index.ts';
import { sameJson } from './tokens/extract-prompt.ts';
import { flagProblems, hasTrained } from './tokens/trained-turns.ts';
import { shown, type FieldProblem } from './problems.ts';
import type { CompletionRow, Content, DataRow, UnpairedRow, PairRow, RankingRow } from './row.ts';

/** What is wrong with a row that was read. */
export function validateRow(row: DataRow): FieldProblem[] {
  switch (row.kind) {
    case 'pair':
      return validatePreference(row.row);
    case 'completion':
      return validateCompletion(row.row);
    case 'unpaired':
      return validateUnpaired(row.row);
    case 'ranking':
      return validateRanking(row.row);
    default:
      return unreachable(row);
  }
}

/** What is wrong with a preference that was read: kinds that differ, empty parts, order of turns, identical sides. */
export function validatePreference(row: PairRow): FieldProblem[] {
  const { prompt, chosen, rejected } = row;
  const kinds = new Set([prompt, chosen, rejected].map((part) => typeof part));
  if (kinds.size > 1) return [mixedKinds({ prompt, chosen, rejected })];
  const problems = [
    ...validatePrompt(prompt),
    ...validateAnswer('chosen', chosen),
    ...validateAnswer('rejected', rejected),
  ];
  if (sameJson(chosen, rejected)) {
    const text = shown(typeof chosen === 'string' ? chosen : chosen.at(-1)?.content);
    const message = `chosen and rejected must differ, got ${text} on both sides; drop the row, it teaches nothing`;
    problems.push({ reason: 'identical-sides', path: 'rejected', message });
  }
  return problems;
}

/** What is wrong with a completion that was read. A text may have an empty prompt; a conversation may not. */
export function validateCompletion(row: CompletionRow): FieldProblem[] {
  const { prompt, completion, isWhole = false } = row;
  if (typeof prompt !== typeof completion) return [mixedKinds({ prompt, completion })];
  const asked = prompt === '' ? [] : validatePrompt(prompt);
  const isLearned = hasTrained(completion) || (isWhole && hasTrained(prompt));
  return [...asked, ...validateAnswer('completion', completion, { isLearned })];
}

function validateUnpaired({ prompt, completion }: UnpairedRow): FieldProblem[] {
  if (typeof prompt !== typeof completion) return [mixedKinds({ prompt, completion })];
  return [...validatePrompt(prompt), ...validateAnswer('completion', completion)];
}

function validateRanking({ prompt, answers }: RankingRow): FieldProblem[] {
  if (answers.length < 2) {
    const message = `a row must have at least two answers to compare, got ${answers.length}; drop it`;
    return [{ reason: 'too-few-answers', path: 'answers', message }];
  }
  if (answers.some(({ content }) => typeof content !== typeof prompt))
    return [
      mixedKinds(
        Object.fromEntries([
          ['prompt', prompt],
          ...answers.map(({ content }, index) => [`answers.${index}`, content] as const),
        ]),
      ),
    ];
  return [
    ...validatePrompt(prompt),
    ...answers.flatMap(({ content }, index) => validateAnswer(`answers.${index}`, content)),
  ];
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
  const problems = promptProblems(prompt);
  const flags = flagProblems('prompt', prompt);
  return flags.length === 0 ? problems : [...problems, ...flags];
}

function promptProblems(prompt: Content): FieldProblem[] {
  const path = 'prompt';
  if (typeof prompt === 'string') {
    if (prompt.trim() !== '') return [];
    const message = `prompt must not be empty, got ${shown(prompt)}; drop the row, or give the text to sft`;
    return [{ reason: 'empty-prompt', path, message }];
  }
  const last = prompt.at(-1);
  if (last === undefined) return [{ reason: 'empty-prompt', path, message: 'prompt must have a turn, got none' }];
  if (last.role !== 'assistant') return [];
  const message =
    'prompt must end with a user or tool turn, got assistant; put its text in front of the text of each answer: it is trained then';
  return [{ reason: 'turn-order', path: `prompt.${prompt.length - 1}.role`, message }];
}

function validateAnswer(path: string, answer: Content, { isLearned = hasTrained(answer) } = {}): FieldProblem[] {
  const problems = answerProblems(path, answer);
  const flags = flagProblems(path, answer);
  if (flags.length > 0) return [...problems, ...flags];
  if (problems.length > 0 || isLearned) return problems;
  const message = `${path} must have a turn that is learned, got only turns that are not (weight 0, train or loss false); drop the row`;
  return [empty(path, message)];
}

function answerProblems(path: string, answer: Content): FieldProblem[] {
  if (typeof answer === 'string')
    return answer.trim() === '' ? [empty(path, `${path} must not be empty, got ${shown(answer)}; drop the row`)] : [];
  if (answer.length === 0) return [empty(path, `${path} must have an assistant turn, got none; drop the row`)];
  const [first, last] = [answer[0]!.role, answer.at(-1)!.role];
  if (first !== 'assistant') {
    const hint = `if ${path} repeats the prompt, leave the field prompt out`;
    const message = `${path} must open with an assistant turn, got a turn of ${first}; ${hint}`;
    return [{ reason: 'turn-order', path: `${path}.0.role`, message }];
  }
  if (last !== 'assistant') {
    const message = `${path} must end with an assistant turn, got a turn of ${last}; leave what follows the last answer out`;
    return [{ reason: 'turn-order', path: `${path}.${answer.length - 1}.role`, message }];
  }
  if (answer.some((turn) => turn.role === 'system' || turn.role === 'developer')) {
    const at = answer.findIndex((turn) => turn.role === 'system' || turn.role === 'developer');
    const message = `${path} must have assistant, tool and user turns, got a turn of ${answer[at]!.role}; move it to the prompt`;
    return [{ reason: 'turn-order', path: `${path}.${at}.role`, message }];
  }
  const doubled = answer.findIndex((turn, index) => isPlainAssistant(turn) && answer[index + 1]?.role === 'assistant');
  if (doubled !== -1) {
    const message = `${path} must have something between two assistant turns, turns ${doubled + 1} and ${doubled + 2} follow each other; join their texts`;
    return [{ reason: 'turn-order', path: `${path}.${doubled + 1}.role`, message }];
  }
  if (answer.filter((turn) => turn.role === 'assistant').every(isEmptyTurn))
    return [empty(path, `${path} must not be empty, got only empty turns; drop the row`)];
  return [];
}

/** A turn that ends the assistant's part: after tool calls another may follow. */
function isPlainAssistant(turn: Message): boolean {
  return turn.role === 'assistant' && (turn.tool_calls?.length ?? 0) === 0;
}

function isEmptyTurn(turn: Message): boolean {
  return turn.content.trim() === '' && (turn.tool_calls?.length ?? 0) === 0;
}

function empty(path: string, message: string): FieldProblem {
  return { reason: 'empty-answer', path, message };
}
