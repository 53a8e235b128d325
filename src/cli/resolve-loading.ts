import { locateModel } from '../hub/index.ts';
import type { CommandContext } from './frame/command.ts';

/** Finds a model by its name, and shows from then on that it is loaded, until a bar or `terminal.close` ends that. */
export function resolveLoading(context: CommandContext): (named: string) => Promise<string> {
  return async (named) => {
    const { path } = await locateModel(named, context);
    context.terminal.activity(`loading ${named}`);
    return path;
  };
}
