import { isNumber, PreftuneError } from '../../core/index.ts';
import { readObjects, type DataSource } from '../../data/index.ts';
import {
  checkInstructions,
  parseInstructions,
  type Instruction,
  type InstructionContext,
  type InstructionResult,
} from '../../judge/index.ts';
import { isClear, meanEstimate, ratioEstimate, shareEstimate, type Estimate } from './estimates.ts';

/** A prompt whose instructions code can verify. */
export interface InstructedPrompt {
  readonly id: string;
  readonly prompt: string;
  readonly instructions: readonly Instruction[];
}

/** How a model follows instructions. Strictly: as the answer stands; loosely: without a first or last line, or stars. */
export interface InstructionScores {
  readonly prompts: number;
  readonly instructions: number;
  /** Answers that follow all of their instructions. */
  readonly promptStrict: Estimate;
  readonly promptLoose: Estimate;
  /** Instructions that are followed; clustered by prompt. */
  readonly instructionStrict: Estimate;
  readonly instructionLoose: Estimate;
}

/** A policy beside its reference on the same prompts. */
export interface InstructionComparison {
  readonly policy: InstructionScores;
  readonly reference?: InstructionScores;
  /** promptStrict of the policy - that of the reference, prompt by prompt. */
  readonly difference?: Estimate;
  /** The 95 % interval of the difference leaves 0 out. */
  readonly isClear: boolean;
}

/**
 * The rows of a source as google/IFEval has them: {prompt, instruction_id_list, kwargs, key?}. Throws bad-input with all problems.
 * Source: Zhou et al. 2023, arXiv 2311.07911.
 */
export function readInstructedPrompts(source: DataSource): Promise<InstructedPrompt[]> {
  return readObjects(source, {
    expected: 'an object with prompt and instruction_id_list',
    noun: 'prompt',
    read: ({ value, fields, line }) => {
      const prompt = fields.text('prompt');
      const { key } = value;
      const id = typeof key === 'string' || isNumber(key) ? String(key) : String(line);
      try {
        return { id, prompt, instructions: parseInstructions(value, 'evaluate') };
      } catch (thrown) {
        if (!(thrown instanceof PreftuneError)) throw thrown;
        for (const { path = '', message } of thrown.problems)
          fields.problems.push({ reason: 'wrong-type', path, message });
        return undefined;
      }
    },
  });
}

/** What each answer follows, in the order of the prompts. */
export function followedBy(
  prompts: readonly InstructedPrompt[],
  answers: readonly string[],
  context: InstructionContext = {},
): InstructionResult[] {
  return prompts.map(({ instructions }, i) => checkInstructions(answers[i]!, instructions, context));
}

/** IFEval's four accuracies, each with its interval. There must be a result. */
export function scoreInstructions(results: readonly InstructionResult[]): InstructionScores {
  const share = (name: keyof InstructionResult): Estimate =>
    shareEstimate(results.filter((one) => one[name].every(Boolean)).length, results.length)!;
  const counts = results.map(({ strict }) => strict.length);
  const single = (name: keyof InstructionResult): Estimate =>
    ratioEstimate(
      results.map((one) => one[name].filter(Boolean).length),
      counts,
    )!;
  return {
    prompts: results.length,
    instructions: counts.reduce((sum, count) => sum + count, 0),
    promptStrict: share('strict'),
    promptLoose: share('loose'),
    instructionStrict: single('strict'),
    instructionLoose: single('loose'),
  };
}

/** 1 where all instructions are followed strictly. */
function follows({ strict }: InstructionResult): number {
  return Number(strict.every(Boolean));
}

/** A policy's results beside those of its reference on the same prompts. */
export function compareInstructions(
  policy: readonly InstructionResult[],
  reference?: readonly InstructionResult[],
): InstructionComparison {
  if (reference === undefined) return { policy: scoreInstructions(policy), isClear: false };
  const difference = meanEstimate(policy.map((one, i) => follows(one) - follows(reference[i]!)))!;
  return {
    policy: scoreInstructions(policy),
    reference: scoreInstructions(reference),
    difference,
    isClear: isClear(difference),
  };
}
