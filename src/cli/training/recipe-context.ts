import { cacheFolder } from '../../files/index.ts';
import { readFileSync } from 'node:fs';
import type { RecipeContext, RecipeListener } from '../../train/index.ts';
import type { CommandContext } from '../frame/command.ts';
import { locateData, locateModel, whereIs } from '../../hub/index.ts';

/** What a recipe needs of the command line: where things are, who listens, when to stop. */
export function recipeContext(
  context: CommandContext,
  options: {
    readonly listener: RecipeListener;
    readonly isResuming?: boolean;
    /** Where stored references lie, instead of in the system's cache. */
    readonly referenceCache?: string | undefined;
  },
): RecipeContext {
  const { environment, signal } = context;
  return {
    resolve: async (named) => (await locateModel(named, context)).path,
    whereIs: (named, kind) => whereIs(named, kind, context),
    sources: (named) => locateData([named], context),
    referenceCache: options.referenceCache ?? cacheFolder(environment, 'reference'),
    versions: versions(),
    isResuming: options.isResuming ?? false,
    signal,
    listener: options.listener,
  };
}

/** What run.json says of the programs that made a run. */
export function versions(): Readonly<Record<string, string>> {
  const { version, dependencies } = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  ) as { version: string; dependencies: Record<string, string> };
  return {
    preftune: version,
    node: process.versions.node,
    onnxruntime: dependencies['onnxruntime-common'] ?? 'unknown',
  };
}
