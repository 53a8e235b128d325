import { badInput, badInputProblems, type Problem } from '../core/index.ts';
import { whereIs } from '../hub/index.ts';
import { parseModelAndAdapter } from '../policy/index.ts';
import type { CommandContext } from './frame/command.ts';

/**
 * That models can be what their names say, before anything is fetched or computed for them: nobody should wait for data of the hub to learn that a path was mistyped.
 * Throws bad-input with the problems of all.
 */
export function requireModels(
  named: readonly { readonly model?: string | undefined; readonly adapter?: string | undefined }[],
  context: Pick<CommandContext, 'environment'>,
): void {
  const problems: Problem[] = [];
  for (const { model, adapter } of named) {
    if (model === undefined) continue;
    try {
      whereIs(parseModelAndAdapter({ model, adapter }).model, 'model', context);
    } catch (thrown) {
      problems.push(...badInputProblems(thrown));
    }
  }
  if (problems.length > 0) throw badInput(problems);
}
