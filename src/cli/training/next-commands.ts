import { objectiveOf, type DpoSpecification, type SftSpecification } from '../../specification/index.ts';
import type { RecipeResult } from '../../train/index.ts';

/** A longer prompt makes no line to type. */
const LONGEST_PROMPT = 60;

/** What asks a model that has just been trained, when the run's own prompts are none to type. */
const SOME_PROMPT = 'What can you do?';

export interface NextOptions {
  readonly specification: DpoSpecification | SftSpecification;
  /** Whether conversations have a template; undefined where nobody looked. */
  readonly hasTemplate: boolean | undefined;
}

/** The words of the commands that a finished run leads to: ask it, and of pairs, measure it on those that it was not trained on, else on its own. */
export function nextCommands(
  { run, samples, heldOutFile }: Pick<RecipeResult, 'run' | 'samples' | 'heldOutFile'>,
  { specification, hasTemplate }: NextOptions,
): string[][] {
  const asked = samples.find(({ prompt, earlier }) => earlier === undefined && isTypable(prompt))?.prompt;
  const raw = hasTemplate === false ? ['--raw'] : [];
  const generate = ['generate', '--model', run, ...raw, '--prompt', asked ?? SOME_PROMPT];
  if (specification.recipe !== 'dpo' || objectiveOf(specification.objective).kind !== 'pair') return [generate];
  const rows = [heldOutFile ?? specification.heldOut ?? specification.data].flat();
  const columns = Object.entries(specification.columns ?? {}).map(([field, column]) => `${field}=${column}`);
  // The run's own held-out rows have the names that formats know.
  const read = columns.length === 0 || heldOutFile !== undefined ? [] : ['--columns', columns.join(',')];
  const score = ['score', '--model', run, ...rows.flatMap((name) => ['--data', name]), ...read];
  return hasTemplate === undefined ? [score] : [generate, score];
}

function isTypable(prompt: string): boolean {
  return (
    prompt.length <= LONGEST_PROMPT && !/[\p{Cc}\p{Cf}]/u.test(prompt) && prompt.trim() === prompt && prompt !== ''
  );
}
