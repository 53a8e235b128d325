import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { RecipeContext, RecipeListener } from '../../train/index.ts';
import type { CommandContext } from '../frame/command.ts';
import { locateData, locateModel } from '../../hub/index.ts';

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
    sources: (named) => locateData([named], context),
    referenceCache: options.referenceCache ?? referenceCache(environment),
    versions: versions(),
    isResuming: options.isResuming ?? false,
    signal,
    listener: options.listener,
  };
}

/** `preftune/reference` where the system keeps caches. Source: XDG Base Directory Specification. */
function referenceCache(environment: CommandContext['environment']): string {
  return join(environment['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'preftune', 'reference');
}

/** What run.json says of the programs that made a run. */
export function versions(): Readonly<Record<string, string>> {
  const { version, dependencies } = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  ) as { version: string; dependencies: Record<string, string> };
  return { preftune: version, node: process.versions.node, onnxruntime: dependencies['onnxruntime-node'] ?? 'unknown' };
}
