import { mkdirSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { badInput, messageOf, PreftuneError, runFailed, shownValue } from '../core/index.ts';
import { errnoOf, placeErrorOf, placeTrouble, requireWritable } from '../files/index.ts';
import {
  cachedCommit,
  cachedFiles,
  cachedRepo,
  checkRevision,
  linkBlob,
  rememberCommit,
  type CachedRepo,
} from './hub-cache.ts';
import { downloadBlob, type HubFile } from './hub-download.ts';
import { INDEX_FILE, parseHubId, selectModelFiles, shardsOf, type HubId } from './hub-files.ts';
import { askCommit, askFiles } from './hub-listing.ts';
import { createHubFetch, isUnreachable, type HubConnection, type Wanted } from './hub-http.ts';

/** How far a download is, over all files. */
export interface HubProgress {
  /** The file that is being brought. */
  readonly file: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface HubOptions extends HubConnection {
  /** Branch, tag or commit; default main. */
  readonly revision?: string;
  /** The hub's cache folder, ~/.cache/huggingface/hub for most. */
  readonly cacheDir: string;
  /** Ask nobody, use what the cache has. */
  readonly isOffline?: boolean;
  readonly onProgress?: (progress: HubProgress) => void;
}

/** Files of a repository that are on this computer. */
export interface HubSnapshot {
  readonly id: string;
  /** What the revision is today; belongs in run.json. */
  readonly commit: string;
  /** The folder of the files, or the one file that was named. */
  readonly path: string;
  /** Paths in the repository. */
  readonly files: readonly string[];
  /** Set when the hub could not be reached and the cache answered; the caller warns. */
  readonly cachedBecause?: string;
}

const MAX_INDEX_BYTES = 64 * 2 ** 20;
const MAX_TEXT_BYTES = 4 * 2 ** 20;

/**
 * The model `id` (owner/name, or owner/name/file.gguf) in the hub's cache: downloads what is missing of its configuration, tokenizer, templates and safetensors, or of the named
 * file. Nothing half-written is ever visible; an interrupted download continues. Throws bad-input for what does not exist, is not readable or is no model, run-failed where
 * the hub cannot be reached and the cache does not have it, cancelled on `signal`.
 *
 * @example
 * ```ts
 * import { openModel, resolveHubModel } from 'preftune';
 * import { homedir } from 'node:os';
 * import { join } from 'node:path';
 *
 * const { path, commit } = await resolveHubModel('HuggingFaceTB/SmolLM2-135M-Instruct', {
 *   endpoint: 'https://huggingface.co',
 *   token: process.env['HF_TOKEN'],
 *   cacheDir: join(homedir(), '.cache', 'huggingface', 'hub'),
 * });
 * const { config } = await openModel(path);
 * console.log(commit, config.layers);
 * ```
 */
export async function resolveHubModel(id: string, options: HubOptions): Promise<HubSnapshot> {
  const hubId = requireHubId('model', id);
  const request = { hubId, wanted: wantedOf('model', hubId, options), select: selectModelFiles, isLazy: () => false };
  const { repo: _repo, lazy: _lazy, ...snapshot } = await resolveRepo(request, options);
  return snapshot;
}

/** A repository, and which of its files are wanted. */
export interface RepoRequest {
  readonly hubId: HubId;
  readonly wanted: Wanted;
  readonly select: (names: readonly string[], id: HubId, text: string | undefined) => readonly string[];
  /** A file that `select` is given the text of, where the repository has it and it is not beyond MAX_TEXT_BYTES. */
  readonly textFile?: string;
  /** Files that are not downloaded now; the snapshot has their listing instead. */
  readonly isLazy: (path: string) => boolean;
}

/** A snapshot with what the hub said of the files that were not downloaded. */
export interface RepoSnapshot extends HubSnapshot {
  readonly repo: CachedRepo;
  readonly lazy: readonly HubFile[];
}

/** Takes a hub id apart. Throws bad-input for what is none. */
export function requireHubId(kind: Wanted['kind'], text: string): HubId {
  const id = parseHubId(text);
  if (id !== undefined) return id;
  throw badInput(`hub: a ${kind} must be named owner/name, got ${shownValue(text)}; or name a folder that exists`);
}

export function wantedOf(kind: Wanted['kind'], { repo }: HubId, { revision = 'main' }: HubOptions): Wanted {
  checkRevision(revision);
  return { kind, id: repo, revision };
}

/** Brings the wanted files into the cache; what the cache has answers where the hub cannot be reached. Throws as resolveHubModel. */
export async function resolveRepo(request: RepoRequest, options: HubOptions): Promise<RepoSnapshot> {
  const repo = cachedRepo(options.cacheDir, request.wanted);
  if (options.isOffline === true) return fromCache(request, repo, { reason: 'working offline' });
  try {
    return await fromHub(request, repo, options);
  } catch (error) {
    if (isUnreachable(error))
      return fromCache(request, repo, { reason: messageOf(error), error: error as PreftuneError });
    const why = whyUnwritable(options.cacheDir, error);
    if (why === undefined) throw error;
    return fromCache(request, repo, {
      reason: `${options.cacheDir} cannot be written (${why})`,
      error: unwritableCache(options.cacheDir, { id: request.hubId.repo, why }),
    });
  }
}

async function fromHub(
  { hubId, wanted, select, isLazy, textFile }: RepoRequest,
  repo: CachedRepo,
  options: HubOptions,
): Promise<RepoSnapshot> {
  const hubFetch = createHubFetch(options, wanted);
  const commit = await askCommit(wanted, options.endpoint, hubFetch);
  const isDeep = wanted.kind === 'dataset' || hubId.file !== undefined;
  const listing = await askFiles({ wanted, commit, isDeep }, options.endpoint, hubFetch);
  const names = [...listing.keys()];
  const bring = (files: readonly HubFile[]): Promise<void> =>
    bringFiles({ files, commit, wanted, repo }, options, hubFetch);
  const described = textFile === undefined ? undefined : listing.get(textFile);
  if (described !== undefined && described.sizeBytes <= MAX_TEXT_BYTES) await bring([described]);
  const first = select(names, hubId, textOf(repo, commit, textFile)).map((name) => listing.get(name)!);
  let files = first;
  const index = first.find(({ path }) => path === INDEX_FILE);
  if (index !== undefined) {
    await bring([index]);
    const text = readIndex(repo.snapshot(commit, INDEX_FILE));
    files = [...first, ...shardsOf(text, names, hubId.repo).map((name) => listing.get(name)!)];
  }
  const lazy = files.filter(({ path }) => isLazy(path));
  await bring(files.filter((file) => !lazy.includes(file)));
  // Last, so that a ref never points at a snapshot without files.
  rememberCommit(repo, wanted.revision, commit);
  return { ...snapshotOf({ repo, id: hubId, commit, files: files.map(({ path }) => path) }), repo, lazy };
}

/** Why the cache cannot be written, where that is what an error says; undefined for every other, a full disk among them. */
function whyUnwritable(cacheDir: string, thrown: unknown): string | undefined {
  const error = thrown instanceof PreftuneError ? thrown : placeErrorOf(thrown);
  if (error?.code !== 'bad-input' || errnoOf(error.cause) === undefined) return undefined;
  return placeTrouble(cacheDir, error);
}

const UNWRITABLE = "the hub's cache must be writable";

function unwritableCache(cacheDir: string, { id, why }: { readonly id: string; readonly why: string }): PreftuneError {
  return badInput({
    file: cacheDir,
    message: `${UNWRITABLE} to download ${id}, got ${why}; set HF_HOME to a folder that can be written`,
  });
}

/** Whether an error means that the cache cannot be written, and does not hold what was asked for. */
export function isUnwritableCache(error: unknown): boolean {
  return error instanceof PreftuneError && error.problems.some(({ message }) => message.startsWith(UNWRITABLE));
}

/** What the cache has, when it has everything that the selection wants. */
function fromCache(
  { hubId, wanted, select, textFile }: RepoRequest,
  repo: CachedRepo,
  { reason, error }: { readonly reason: string; readonly error?: PreftuneError },
): RepoSnapshot {
  const commit = cachedCommit(repo, wanted.revision);
  try {
    if (commit === undefined) throw badInput(`hub: no copy of ${hubId.repo} at ${wanted.revision} in ${repo.folder}`);
    const names = cachedFiles(repo, commit);
    const files = [...select(names, hubId, textOf(repo, commit, textFile))];
    if (files.includes(INDEX_FILE))
      files.push(...shardsOf(readIndex(repo.snapshot(commit, INDEX_FILE)), names, hubId.repo));
    return { ...snapshotOf({ repo, id: hubId, commit, files }), cachedBecause: reason, repo, lazy: [] };
  } catch (cacheError) {
    if (error !== undefined) throw error;
    throw badInput(
      `hub: ${hubId.repo} must be in the cache to work offline, got: ${messageOf(cacheError)}; download it first without HF_HUB_OFFLINE`,
    );
  }
}

function snapshotOf({
  repo,
  id,
  commit,
  files,
}: {
  repo: CachedRepo;
  id: HubId;
  commit: string;
  files: readonly string[];
}): HubSnapshot {
  const isOneFile = id.file !== undefined && files.length === 1 && files[0] === id.file;
  return { id: id.repo, commit, path: repo.snapshot(commit, isOneFile ? id.file : ''), files };
}

interface Bring {
  readonly files: readonly HubFile[];
  readonly commit: string;
  readonly wanted: Wanted;
  readonly repo: CachedRepo;
}

async function bringFiles(
  { files, commit, wanted, repo }: Bring,
  options: HubOptions,
  hubFetch: typeof fetch,
): Promise<void> {
  const totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  checkRoom(repo, files);
  let finishedBytes = 0;
  for (const file of files) {
    await downloadBlob(file, {
      repo,
      wanted,
      connection: options,
      hubFetch,
      commit,
      onBytes: (doneBytes) =>
        options.onProgress?.({ file: file.path, doneBytes: finishedBytes + doneBytes, totalBytes }),
    });
    linkBlob(repo, commit, file);
    finishedBytes += file.sizeBytes;
  }
}

/** Throws run-failed before a download that the disk has no room for. */
function checkRoom(repo: CachedRepo, files: readonly HubFile[]): void {
  const neededBytes = files.reduce((sum, { etag, sizeBytes }) => {
    const blob = repo.blob(etag);
    return sum + Math.max(0, sizeBytes - Math.max(sizeOf(blob), sizeOf(`${blob}.incomplete`)));
  }, 0);
  // A cache that has everything is not written to: it may be one for many, which only one may write.
  if (neededBytes === 0) return;
  mkdirSync(repo.folder, { recursive: true });
  requireWritable(repo.folder);
  const { bavail, bsize } = statfsSync(repo.folder);
  if (neededBytes <= bavail * bsize) return;
  throw runFailed(
    `hub: the disk of ${repo.folder} must have ${neededBytes} bytes free, got ${bavail * bsize}; free some space or set HF_HOME to another disk`,
  );
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function textOf(repo: CachedRepo, commit: string, file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  const path = repo.snapshot(commit, file);
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  return size === undefined || size > MAX_TEXT_BYTES ? undefined : readFileSync(path, 'utf8');
}

function readIndex(path: string): string {
  const { size } = statSync(path);
  if (size > MAX_INDEX_BYTES)
    throw badInput(`hub: ${INDEX_FILE} must be at most ${MAX_INDEX_BYTES} bytes, got ${size}`);
  return readFileSync(path, 'utf8');
}
