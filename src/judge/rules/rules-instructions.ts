import { badInput, type Problem, finiteNumber } from '../../core/index.ts';
import { INSTRUCTION_CHECKS, type InstructionContext, type InstructionName } from './instruction-checks.ts';
import type { Measurement } from './rules-text.ts';

/** An instruction that code can verify, as IFEval names it, with its arguments. */
export interface Instruction {
  readonly id: InstructionName;
  readonly kwargs: Readonly<Record<string, unknown>>;
}

/** What an answer followed, in the order of the instructions. */
export interface InstructionResult {
  /** As the answer stands. */
  readonly strict: readonly boolean[];
  /** As it stands or without its first line, its last line, both, or stars: what a greeting or emphasis broke counts. */
  readonly loose: readonly boolean[];
}

/** Shares over answers (all instructions of a prompt) and over instructions. Source: Zhou et al. (2023), section 2. */
export interface InstructionAccuracy {
  readonly promptStrict: number;
  readonly instructionStrict: number;
  readonly promptLoose: number;
  readonly instructionLoose: number;
}

export const INSTRUCTION_NAMES = Object.keys(INSTRUCTION_CHECKS) as readonly InstructionName[];

/** Whether any instruction needs to know languages. */
export function needsLanguage(instructions: readonly Instruction[]): boolean {
  return instructions.some(({ id }) => id === 'language:response_language' || id.startsWith('change_case:english'));
}

/**
 * The instructions of a row as google/IFEval has them: `instruction_id_list` and `kwargs`, one object for each (null stands for an argument that is not given). `where` begins every
 * message. Throws bad-input with every unknown name and wrong argument at once.
 */
export function parseInstructions(
  row: { readonly instruction_id_list?: unknown; readonly kwargs?: unknown },
  where: string,
): Instruction[] {
  const { instruction_id_list: names, kwargs: given } = row;
  if (!Array.isArray(names) || names.length === 0)
    throw badInput(`${where}: instruction_id_list must be a list of names, got ${JSON.stringify(names) ?? 'nothing'}`);
  const lists: unknown[] = given === undefined ? names.map(() => ({})) : Array.isArray(given) ? given : [];
  if (lists.length !== names.length)
    throw badInput(
      `${where}: kwargs must have an object for each of ${names.length} instructions, got ${lists.length}`,
    );
  const problems: Problem[] = [];
  const instructions = names.flatMap((name: unknown, i): Instruction[] => {
    const fail = (message: string): [] => {
      problems.push({ path: `instruction_id_list.${i}`, message: `${where}: ${message}` });
      return [];
    };
    if (typeof name !== 'string' || !Object.hasOwn(INSTRUCTION_CHECKS, name))
      return fail(`instructions must be among ${INSTRUCTION_NAMES.join(', ')}, got ${JSON.stringify(name)}`);
    const own = Object.entries((lists[i] ?? {}) as object)
      .filter(([, value]) => value !== null)
      .map(([key, value]: [string, unknown]) => [key, finiteNumber(value) ?? value]);
    const result = INSTRUCTION_CHECKS[name as InstructionName].kwargs.safeParse(Object.fromEntries(own));
    if (!result.success) {
      for (const { path, message } of result.error.issues) fail(`${name}.${path.join('.')}: ${message}`);
      return [];
    }
    return [{ id: name as InstructionName, kwargs: result.data }];
  });
  if (problems.length > 0) throw badInput(problems);
  return instructions;
}

/** Whether an answer follows one instruction, strictly. An answer without any text follows none. */
export function followsInstruction(
  answer: string,
  { id, kwargs }: Instruction,
  context: InstructionContext = {},
): boolean {
  return answer.trim() !== '' && INSTRUCTION_CHECKS[id].holds(answer, kwargs as never, context);
}

/** Which instructions an answer follows, strictly and loosely. Source: IFEval's evaluation, whose eight loose readings these are. */
export function checkInstructions(
  answer: string,
  instructions: readonly Instruction[],
  context: InstructionContext = {},
): InstructionResult {
  const lines = answer.split('\n');
  const plain = [answer, lines.slice(1), lines.slice(0, -1), lines.slice(1, -1)].map((part) =>
    typeof part === 'string' ? part : part.join('\n').trim(),
  );
  const readings = [...plain, ...plain.map((text) => text.replaceAll('*', ''))];
  return {
    strict: instructions.map((one) => followsInstruction(answer, one, context)),
    loose: instructions.map((one) => readings.some((text) => followsInstruction(text, one, context))),
  };
}

/** The four accuracies of answers; null for none. */
export function instructionAccuracy(results: readonly InstructionResult[]): InstructionAccuracy | null {
  const single = results.flatMap(({ strict }) => strict);
  if (single.length === 0) return null;
  return {
    promptStrict: shareOf(results.map(({ strict }) => strict.every(Boolean))),
    instructionStrict: shareOf(single),
    promptLoose: shareOf(results.map(({ loose }) => loose.every(Boolean))),
    instructionLoose: shareOf(results.flatMap(({ loose }) => loose)),
  };
}

function shareOf(values: readonly boolean[]): number {
  return values.filter(Boolean).length / values.length;
}

/** The share of instructions that an answer follows. */
export function createInstructionMeasure(
  instructions: readonly Instruction[],
  { loose = false, ...context }: InstructionContext & { readonly loose?: boolean } = {},
): (text: string) => Measurement {
  return (text) => {
    const result = checkInstructions(text, instructions, context);
    const followed = loose ? result.loose : result.strict;
    const broken = instructions.filter((_, i) => !followed[i]).map(({ id }) => id);
    return {
      score: followed.filter(Boolean).length / followed.length,
      passes: broken.length === 0,
      evidence: broken.length === 0 ? 'all followed' : `not followed: ${broken.join(', ')}`,
    };
  };
}
