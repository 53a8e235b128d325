import { existsSync } from 'node:fs';
import { badInput, messageOf } from '../core/index.ts';
import { filesOfPath, isPattern, type DataSource } from '../data/index.ts';
import { openHubDataset } from './hub-dataset.ts';
import { isUnwritableCache, resolveHubModel, type HubOptions } from './hub.ts';
import { temporaryCache } from './hub-cache.ts';
import { readHubSettings } from './hub-settings.ts';
import { missingPath } from './missing-path.ts';

/** Who hears of a download: the terminal of a command line, or whoever stands in for it. */
export interface DownloadListener {
  note(line: string): void;
  warn(line: string): void;
  /** Begins to show that something is waited for, until it is finished or a download begins. */
  activity?(label: string): { finish(): void };
  /** Begins to show a download. */
  progress(label: string): {
    update(state: {
      readonly done: number;
      readonly total: number;
      readonly unit: 'bytes';
      readonly figures: readonly { readonly label: string; readonly text: string }[];
    }): void;
    finish(): void;
  };
}

/** What finding and fetching needs from outside. */
export interface LocateContext {
  readonly terminal: DownloadListener;
  readonly signal: AbortSignal;
  /** The environment, for what the hub's contracts put there (HF_HOME, HF_TOKEN, ...). */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

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
 *
 * @example
 * ```ts
 * import { locateModel } from 'preftune/hub';
 *
 * const { path } = await locateModel('HuggingFaceTB/SmolLM2-135M-Instruct', {
 *   environment: process.env,
 *   signal: new AbortController().signal,
 *   terminal: { note: console.error, warn: console.error, progress: () => ({ update: () => {}, finish: () => {} }) },
 * });
 * console.log(path);
 * ```
 */
export async function locateModel(named: string, context: LocateContext): Promise<LocatedModel> {
  if (existsSync(named)) return { path: named };
  const { id, revision } = takeApart(named);
  refuseMissing(named, { kind: 'model', context });
  const { path, commit } = await fetching(id, context, (options) =>
    resolveHubModel(id, withRevision(options, revision)),
  );
  return { path, commit };
}

/**
 * The data that users named: files, folders and patterns (`data/*.jsonl`), with `:split` behind a folder where its files say splits;
 * else hub ids (`owner/name`, with `/folder` inside it, and `:split` and `@revision` where they are wanted), whose files are downloaded,
 * Parquet as it is read. Says on the terminal which split is taken where nobody named one. Throws bad-input when one is neither.
 */
export async function locateData(named: readonly string[], context: LocateContext): Promise<DataSource[]> {
  const sources: DataSource[] = [];
  for (const name of named) {
    const found = await locateOne(name, context);
    for (const note of found.notes) context.terminal.note(note);
    sources.push(...found.sources);
  }
  return sources;
}

async function locateOne(
  name: string,
  context: LocateContext,
): Promise<{ readonly sources: readonly DataSource[]; readonly notes: readonly string[] }> {
  if (existsSync(name)) return filesOfPath(name);
  const { id, revision, split } = takeApart(name);
  if (revision === undefined && (existsSync(id) || isPattern(id))) return filesOfPath(id, split);
  refuseMissing(name, { kind: 'dataset', context });
  return fetching(id, context, (options) => openHubDataset(id, { ...withRevision(options, revision), split }));
}

/** `owner/name:split@revision`, in either order. */
export function takeApart(named: string): { id: string; revision: string | undefined; split: string | undefined } {
  const match = /^([^@:]*)(?::([^@:]*))?(?:@([^@:]*))?(?::([^@:]*))?$/.exec(named);
  if (match === null) return { id: named, revision: undefined, split: undefined };
  return { id: match[1]!, revision: match[3], split: match[2] ?? match[4] };
}

function withRevision(options: HubOptions, revision: string | undefined): HubOptions {
  return revision === undefined ? options : { ...options, revision };
}

/**
 * Where a name will be found: on this computer, or on the hub, which nobody asks yet. Throws bad-input for one that can be neither, such as a path that was
 * mistyped.
 */
export function whereIs(
  named: string,
  kind: 'model' | 'data',
  context: Pick<LocateContext, 'environment'>,
): 'here' | 'hub' {
  if (existsSync(named)) return 'here';
  const { id, revision } = takeApart(named);
  if (kind === 'data' && revision === undefined && (existsSync(id) || isPattern(id))) return 'here';
  refuseMissing(named, { kind: kind === 'data' ? 'dataset' : 'model', context });
  return 'hub';
}

/** What looks like a path on this computer is one, and its absence is the news. */
function refuseMissing(
  named: string,
  { kind, context }: { readonly kind: 'model' | 'dataset'; readonly context: Pick<LocateContext, 'environment'> },
): void {
  const { id, revision } = takeApart(named);
  const { cacheDir } = readHubSettings(context.environment);
  const problem = missingPath({ id, named, revision, kind, cacheDir });
  if (problem !== undefined) throw badInput(problem);
}

async function fetching<T extends { readonly commit: string; readonly cachedBecause?: string }>(
  id: string,
  { terminal, signal, environment }: LocateContext,
  resolve: (options: HubOptions) => Promise<T>,
): Promise<T> {
  const waiting = terminal.activity?.(`asking the hub for ${id}`);
  let progress: ReturnType<DownloadListener['progress']> | undefined;
  /** Parquet goes on coming while other bars are shown. */
  let hasEnded = false;
  try {
    const options: HubOptions = {
      ...readHubSettings(environment),
      signal,
      onProgress: ({ file, doneBytes, totalBytes }) => {
        // What the cache has needs no bar.
        if (hasEnded || (progress === undefined && doneBytes === totalBytes)) return;
        if (progress === undefined) {
          waiting?.finish();
          progress = terminal.progress(`download ${id}`);
        }
        progress.update({ done: doneBytes, total: totalBytes, unit: 'bytes', figures: [{ label: '', text: file }] });
      },
    };
    const snapshot = await resolve(options).catch((error: unknown) => {
      const cacheDir = isUnwritableCache(error) ? temporaryCache() : undefined;
      if (cacheDir === undefined) throw error;
      terminal.warn(`${messageOf(error)}. Until then it goes to ${cacheDir}, which the system may clear`);
      return resolve({ ...options, cacheDir });
    });
    if (snapshot.cachedBecause !== undefined) {
      terminal.warn(
        `${id}: the copy in the cache is used (${snapshot.commit.slice(0, 7)}), because ${snapshot.cachedBecause}`,
      );
    }
    return snapshot;
  } finally {
    hasEnded = true;
    waiting?.finish();
    progress?.finish();
  }
}
