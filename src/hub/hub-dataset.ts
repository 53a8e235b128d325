import { join } from 'node:path';
import { PreftuneError } from '../core/index.ts';
import { fileSource, type DataSource } from '../data/index.ts';
import type { ByteSource } from '../formats/index.ts';
import { CARD_FILE, selectConfigured } from './hub-configs.ts';
import { selectDataFiles, type DataSelection } from './hub-files.ts';
import { createHubFetch, type Wanted } from './hub-http.ts';
import { openHubBytes } from './hub-ranges.ts';
import { requireHubId, resolveRepo, wantedOf, type HubOptions, type HubSnapshot, type RepoSnapshot } from './hub.ts';

/** Where the hub keeps the Parquet that it makes of data sets itself: CONFIG/SPLIT/0000.parquet. */
export const CONVERTED_REVISION = 'refs/convert/parquet';

/** Data of the hub, ready to be read. */
export interface HubDataset extends Omit<HubSnapshot, 'path'> {
  /** In the order of the files. Parquet is fetched while it is read, everything else is on this computer. */
  readonly sources: readonly DataSource[];
  /** Lines for people: which split was taken. */
  readonly notes: readonly string[];
}

/**
 * The data set `id` (owner/name, with a configuration, folder or file of it behind): the files that its README gives a configuration,
 * else files of one kind; of one split. Where the repository holds nothing that can be read and no revision was asked for, the Parquet
 * that the hub made of it is taken, whose folders are the data set's configurations. Parquet is not downloaded but read in ranges
 * through the cache; all else comes as resolveHubModel's files.
 *
 * Throws as resolveHubModel.
 *
 * @example
 * ```ts
 * import { checkData, openHubDataset } from 'preftune';
 * import { homedir } from 'node:os';
 * import { join } from 'node:path';
 *
 * const { sources, notes } = await openHubDataset('trl-lib/ultrafeedback_binarized', {
 *   endpoint: 'https://huggingface.co',
 *   token: process.env['HF_TOKEN'],
 *   cacheDir: join(homedir(), '.cache', 'huggingface', 'hub'),
 *   split: 'test',
 * });
 * console.log(notes, (await checkData(sources)).validRows);
 * ```
 */
export async function openHubDataset(id: string, options: HubOptions & DataSelection): Promise<HubDataset> {
  const hubId = requireHubId('dataset', id);
  const openAt = async (revision: string | undefined): Promise<HubDataset> => {
    const at = revision === undefined ? options : { ...options, revision };
    const wanted = wantedOf('dataset', hubId, at);
    let notes: readonly string[] = [];
    const snapshot = await resolveRepo(
      {
        hubId,
        wanted,
        isLazy: (path) => path.endsWith('.parquet'),
        textFile: CARD_FILE,
        select: (names, own, card) => {
          const selected = selectConfigured(names, own, { ...options, card }) ?? selectDataFiles(names, own, options);
          ({ notes } = selected);
          return selected.files;
        },
      },
      at,
    );
    return datasetOf(snapshot, { wanted, notes, options: at });
  };
  try {
    return await openAt(options.revision);
  } catch (error) {
    if (options.revision !== undefined || !hasNoData(error)) throw error;
    const converted = await openAt(CONVERTED_REVISION).catch(() => undefined);
    if (converted === undefined) throw error;
    const note = `${hubId.repo}: the repository has no data files of this kind, the hub's own Parquet of it is read (${CONVERTED_REVISION})`;
    return { ...converted, notes: [note, ...converted.notes] };
  }
}

function hasNoData(error: unknown): boolean {
  return error instanceof PreftuneError && error.code === 'bad-input' && /must have files \(/.test(error.message);
}

function datasetOf(
  { repo, lazy, ...snapshot }: RepoSnapshot,
  {
    wanted,
    notes,
    options,
  }: { readonly wanted: Wanted; readonly notes: readonly string[]; readonly options: HubOptions },
): HubDataset {
  const { id, commit, files, cachedBecause } = snapshot;
  const hubFetch = createHubFetch(options, wanted);
  const remote = new Map(lazy.map((file) => [file.path, file]));
  const sources = files.map((path): DataSource => {
    const file = remote.get(path);
    if (file === undefined) return fileSource(join(repo.snapshot(commit), path));
    const openBytes = (): Promise<ByteSource> =>
      openHubBytes(file, {
        repo,
        wanted,
        commit,
        hubFetch,
        connection: options,
        onBytes: (doneBytes) => options.onProgress?.({ file: path, doneBytes, totalBytes: file.sizeBytes }),
      });
    return { name: `${id}/${path}`, open: () => streamOf(openBytes), openBytes };
  });
  return { id, commit, files, sources, notes, ...(cachedBecause === undefined ? {} : { cachedBecause }) };
}

const STREAM_BYTES = 256 * 1024;

async function* streamOf(openBytes: () => Promise<ByteSource>): AsyncGenerator<Uint8Array> {
  const bytes = await openBytes();
  try {
    for (let at = 0; at < bytes.sizeBytes; at += STREAM_BYTES)
      yield await bytes.read(at, Math.min(STREAM_BYTES, bytes.sizeBytes - at));
  } finally {
    await bytes.close();
  }
}
