import { finiteNumber } from '../../core/index.ts';
import type { Message } from '../../tokenizer/index.ts';
import { shown, type FieldProblem } from '../problems.ts';
import type { CompletionRow, Content } from '../row.ts';

/** Fields with which a turn says whether it is learned: OpenAI's weight (0 or 1), axolotl's train, ms-swift's loss. */
const FLAGS = ['weight', 'train', 'loss'] as const;

/** Fields with which axolotl says it of parts of a turn. */
const PARTS = ['train_detail', 'training_detail'] as const;

/** Whether a turn of the assistant is learned: it is, unless the file says otherwise. Any other turn is not. */
export function isTrained(turn: Message): boolean {
  return turn.role === 'assistant' && !FLAGS.some((name) => isNo(flagOf(turn, name)));
}

/** Whether an answer has a turn that is learned; a text is. */
export function hasTrained(answer: Content): boolean {
  return typeof answer === 'string' || answer.some(isTrained);
}

/** What is wrong with the flags of a conversation's turns; `path` is the field that holds it. */
export function flagProblems(path: string, content: Content): readonly FieldProblem[] {
  // Nearly no turn has one, and there are millions of turns.
  if (typeof content === 'string' || !content.some(hasFlag)) return NONE;
  return content.flatMap((turn, index): FieldProblem[] => {
    const problem = (name: string, rest: string): FieldProblem => ({
      reason: 'wrong-type',
      path: `${path}.${index}.${name}`,
      message: `${path}.${index}.${name} ${rest}`,
    });
    const parts = PARTS.filter((name) => isGiven(flagOf(turn, name))).map((name) =>
      problem(name, 'is not read: a turn is learned as a whole or not at all; split the turn, or leave the field out'),
    );
    const flags = FLAGS.filter((name) => isGiven(flagOf(turn, name))).flatMap((name) => {
      const value = flagOf(turn, name);
      if (!isNo(value) && !isYes(value)) return [problem(name, `must be 0 or 1, true or false, got ${shown(value)}`)];
      return turn.role === 'assistant' || isNo(value)
        ? []
        : [problem(name, `asks to learn a turn of ${turn.role}: only the assistant's turns are learned; leave it out`)];
    });
    return [...parts, ...flags];
  });
}

/**
 * A conversation that was given whole, cut so that every turn of the assistant is in the completion that is to be learned: from the first such turn
 * behind a question to the last one. Where only the last one is, the row comes back as it is. Undefined where none is.
 */
export function fromFirstTrained(row: CompletionRow): CompletionRow | undefined {
  if (typeof row.prompt === 'string' || typeof row.completion === 'string') return row;
  const turns = [...row.prompt, ...row.completion];
  const asked = turns.findIndex(({ role }) => role === 'user' || role === 'tool');
  const first = turns.findIndex((turn, index) => index > asked && isTrained(turn));
  const last = turns.findLastIndex(isTrained);
  if (first === -1) return undefined;
  if (first === row.prompt.length && last === turns.length - 1) return row;
  return { ...row, prompt: turns.slice(0, first), completion: turns.slice(first, last + 1) };
}

const NONE: readonly FieldProblem[] = [];

function hasFlag(turn: Message): boolean {
  return 'weight' in turn || 'train' in turn || 'loss' in turn || 'train_detail' in turn || 'training_detail' in turn;
}

function flagOf(turn: Message, name: string): unknown {
  return (turn as unknown as Readonly<Record<string, unknown>>)[name];
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function isNo(value: unknown): boolean {
  return value === false || finiteNumber(value) === 0;
}

function isYes(value: unknown): boolean {
  return value === true || finiteNumber(value) === 1;
}
