import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { badInput } from '../core/index.ts';
import { fileSource, sourcesOfPath, type DataSource } from '../data/index.ts';
import { parseHubId, resolveHubDataset, resolveHubModel, type HubOptions, type HubSnapshot } from '../store/index.ts';
import type { CommandContext } from './command.ts';
import { readHubSettings } from './hub-settings.ts';

/** The part of a command's context that downloads need. */
export type LocateContext = Pick<CommandContext, 'terminal' | 'signal' | 'environment'>;

/** A model on this computer. */
export interface LocatedModel {
  /** A folder or a .gguf file. */
  readonly path: string;
  /** The commit, for a model of the hub; belongs in run.json. */
  readonly commit?: string;
}

/**
 * The model that a user named: a folder or .gguf file that exists, else a hub id (`owner/name`, `owner/name/file.gguf`, with `@revision` where it is not
 * main), which is downloaded. Throws bad-input when it is neither.
 */
export async function locateModel(named: string, context: LocateContext): Promise<LocatedModel> {
  if (existsSync(named)) return { path: named };
  const { id, revision } = takeApart(named);
  refuseMissingPath(id, named, 'model');
  const { path, commit } = await fetching(id, context, (options) =>
    resolveHubModel(id, withRevision(options, revision)),
  );
  return { path, commit };
}

/**
 * The data that users named: files and folders that exist, else hub ids (`owner/name`, with `/folder` inside it, `@revision` and `:split` where they are
 * wanted), whose files are downloaded. Throws bad-input when one is neither.
 */
export async function locateData(named: readonly string[], context: LocateContext): Promise<DataSource[]> {
  const sources: DataSource[] = [];
  for (const name of named) {
    if (existsSync(name)) {
      sources.push(...(await sourcesOfPath(name)));
      continue;
    }
    const { id, revision, split } = takeApart(name);
    refuseMissingPath(id, name, 'data');
    const snapshot = await fetching(id, context, (options) =>
      resolveHubDataset(id, { ...withRevision(options, revision), split }),
    );
    sources.push(...filesOf(snapshot).map((path) => fileSource(path)));
  }
  return sources;
}

/** A snapshot may hold other splits that came earlier: only the files of this one count. */
function filesOf({ path, files }: HubSnapshot): string[] {
  return path.endsWith(files[0]!) ? [path] : files.map((file) => join(path, file));
}

/** `owner/name@revision:split`. */
export function takeApart(named: string): { id: string; revision: string | undefined; split: string | undefined } {
  const match = /^([^@:]*)(?:@([^:]*))?(?::(.*))?$/.exec(named);
  if (match === null) return { id: named, revision: undefined, split: undefined };
  return { id: match[1]!, revision: match[2], split: match[3] };
}

function withRevision(options: HubOptions, revision: string | undefined): HubOptions {
  return revision === undefined ? options : { ...options, revision };
}

/** What looks like a path on this computer is one, and its absence is the news. */
function refuseMissingPath(id: string, named: string, what: string): void {
  const isPath = /^([./~\\]|[A-Za-z]:)/.test(named) || named.endsWith('/') || parseHubId(id) === undefined;
  const isFileName = !id.includes('/') && /\.(gguf|jsonl?|gz|parquet|csv|safetensors)$/.test(id);
  if (isPath || isFileName) {
    throw badInput({
      file: named,
      message: `the ${what} must be a file or folder that exists, or a hub id such as owner/name; check the path`,
    });
  }
}

async function fetching(
  id: string,
  { terminal, signal, environment }: LocateContext,
  resolve: (options: HubOptions) => Promise<HubSnapshot>,
): Promise<HubSnapshot> {
  const progress = terminal.progress(`download ${id}`);
  let hasBegun = false;
  try {
    const snapshot = await resolve({
      ...readHubSettings(environment),
      signal,
      onProgress: ({ file, doneBytes, totalBytes }) => {
        // What the cache has needs no bar.
        if (!hasBegun && doneBytes === totalBytes) return;
        hasBegun = true;
        progress.update({ done: doneBytes, total: totalBytes, unit: 'bytes', figures: [{ label: '', text: file }] });
      },
    });
    if (snapshot.cachedBecause !== undefined) {
      terminal.warn(
        `${id}: the copy in the cache is used (${snapshot.commit.slice(0, 7)}), because ${snapshot.cachedBecause}`,
      );
    }
    return snapshot;
  } finally {
    progress.finish();
  }
}
