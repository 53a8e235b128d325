import { existsSync } from 'node:fs';
import { resolve, sep } from 'node:path';
import type { ModelFiles } from '../../formats/index.ts';
import { parseHubId, takeApart } from '../../hub/index.ts';

/** The name by which others find the model below an adapter. */
export interface BaseName {
  /** owner/name of the hub, else a path from the root. */
  readonly name: string;
  /** Of the hub's repository, where one was named. */
  readonly revision?: string;
  readonly isHub: boolean;
}

/**
 * The base's name for adapter_config.json and cards: the repository that a GGUF file says it was made from, that of a snapshot in the hub's cache, the hub id that was named; else the
 * path from the root, since a relative one means something from one folder alone. `isPath`: what was named is a path.
 */
export function baseNameOf(
  named: string,
  { location, origin }: Pick<ModelFiles, 'location' | 'origin'>,
  isPath = existsSync(named),
): BaseName {
  if (origin?.source !== undefined) return { name: origin.source, isHub: true };
  const { id, revision } = takeApart(named);
  const known = isPath ? undefined : parseHubId(id)?.repo;
  const cached = /^models--(.+?)--(.+)$/.exec(
    resolve(location)
      .split(sep)
      .find((_, i, parts) => parts[i + 1] === 'snapshots') ?? '',
  );
  const repo = known ?? (cached === null ? undefined : `${cached[1]}/${cached[2]}`);
  if (repo === undefined) return { name: resolve(location), isHub: false };
  return { name: repo, isHub: true, ...(known !== undefined && revision !== undefined && { revision }) };
}
