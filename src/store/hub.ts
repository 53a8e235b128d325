import { datasetInfo, listFiles, modelInfo } from '@huggingface/hub';
import { mkdirSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { badInput, messageOf, type PreftuneError, runFailed } from '../core/index.ts';
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
import {
  INDEX_FILE,
  isSafePath,
  parseHubId,
  selectDataFiles,
  selectModelFiles,
  shardsOf,
  type DataSelection,
  type HubId,
} from './hub-files.ts';
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

const MAX_LISTED_FILES = 100_000;
const MAX_INDEX_BYTES = 64 * 2 ** 20;

/**
 * The model `id` (owner/name, or owner/name/file.gguf) in the hub's cache: downloads what is missing of its configuration, tokenizer, templates and safetensors, or of the named
 * file. Nothing half-written is ever visible; an interrupted download continues. Throws bad-input for what does not exist, is not readable or is no model, run-failed where
 * the hub cannot be reached and the cache does not have it, cancelled on `signal`.
 */
export function resolveHubModel(id: string, options: HubOptions): Promise<HubSnapshot> {
  return resolveRepo('model', id, options, selectModelFiles);
}

/** As resolveHubModel, for the data files of a data set, of one folder and split of it where they are given. */
export function resolveHubDataset(id: string, options: HubOptions & DataSelection): Promise<HubSnapshot> {
  return resolveRepo('dataset', id, options, (names, hubId) => selectDataFiles(names, hubId, options));
}

type Select = (names: readonly string[], id: HubId) => string[];

async function resolveRepo(
  kind: Wanted['kind'],
  text: string,
  options: HubOptions,
  select: Select,
): Promise<HubSnapshot> {
  const id = parseHubId(text);
  if (id === undefined)
    throw badInput(
      `hub: a ${kind} must be named owner/name, got '${text.slice(0, 200)}'; or name a folder that exists`,
    );
  const revision = options.revision ?? 'main';
  checkRevision(revision);
  const wanted: Wanted = { kind, id: id.repo, revision };
  const repo = cachedRepo(options.cacheDir, wanted);
  if (options.isOffline === true) return fromCache({ repo, id, wanted, select }, 'working offline');
  try {
    return await fromHub({ repo, id, wanted, select }, options);
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    return fromCache({ repo, id, wanted, select }, messageOf(error), error as PreftuneError);
  }
}

interface Request {
  readonly repo: CachedRepo;
  readonly id: HubId;
  readonly wanted: Wanted;
  readonly select: Select;
}

async function fromHub({ repo, id, wanted, select }: Request, options: HubOptions): Promise<HubSnapshot> {
  const hubFetch = createHubFetch(options, wanted);
  const commit = await askCommit(wanted, options.endpoint, hubFetch);
  const isDeep = wanted.kind === 'dataset' || id.file !== undefined;
  const listing = await askFiles({ wanted, commit, isDeep }, options.endpoint, hubFetch);
  const names = [...listing.keys()];
  const first = select(names, id).map((name) => listing.get(name)!);
  const bring = (files: readonly HubFile[]): Promise<void> =>
    bringFiles({ files, commit, wanted, repo }, options, hubFetch);
  let files = first;
  const index = first.find(({ path }) => path === INDEX_FILE);
  if (index !== undefined) {
    await bring([index]);
    const text = readIndex(repo.snapshot(commit, INDEX_FILE));
    files = [...first, ...shardsOf(text, names, id.repo).map((name) => listing.get(name)!)];
  }
  await bring(files);
  // Last, so that a ref never points at a snapshot without files.
  rememberCommit(repo, wanted.revision, commit);
  return snapshotOf({ repo, id, commit, files: files.map(({ path }) => path) });
}

/** What the cache has, when it has everything that the selection wants. */
function fromCache({ repo, id, wanted, select }: Request, reason: string, error?: PreftuneError): HubSnapshot {
  const commit = cachedCommit(repo, wanted.revision);
  try {
    if (commit === undefined) throw badInput(`hub: no copy of ${id.repo} at ${wanted.revision} in ${repo.folder}`);
    const names = cachedFiles(repo, commit);
    const files = select(names, id);
    if (files.includes(INDEX_FILE))
      files.push(...shardsOf(readIndex(repo.snapshot(commit, INDEX_FILE)), names, id.repo));
    return { ...snapshotOf({ repo, id, commit, files }), cachedBecause: reason };
  } catch (cacheError) {
    if (error !== undefined) throw error;
    throw badInput(
      `hub: ${id.repo} must be in the cache to work offline, got: ${messageOf(cacheError)}; download it first without HF_HUB_OFFLINE`,
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

async function askCommit({ kind, id, revision }: Wanted, hubUrl: string, hubFetch: typeof fetch): Promise<string> {
  const question = { name: id, revision, hubUrl, fetch: hubFetch };
  const { sha } =
    kind === 'model'
      ? await modelInfo({ ...question, additionalFields: ['sha'] })
      : await datasetInfo({ ...question, additionalFields: ['sha'] });
  if (typeof sha !== 'string' || !/^[0-9a-f]{40}$/.test(sha)) {
    throw runFailed(
      `hub: must name the commit of ${id}, got ${String(sha).slice(0, 80)}; check the endpoint ${hubUrl}`,
    );
  }
  return sha;
}

interface ListQuestion {
  readonly wanted: Wanted;
  readonly commit: string;
  readonly isDeep: boolean;
}

/** The repository's files by path; those with unsafe names or without a checksum are left out. */
async function askFiles(
  { wanted, commit, isDeep }: ListQuestion,
  hubUrl: string,
  hubFetch: typeof fetch,
): Promise<Map<string, HubFile>> {
  const files = new Map<string, HubFile>();
  const repo = { type: wanted.kind, name: wanted.id };
  for await (const entry of listFiles({ repo, revision: commit, recursive: isDeep, hubUrl, fetch: hubFetch })) {
    if (files.size >= MAX_LISTED_FILES)
      throw badInput(`hub: ${wanted.id} must have at most ${MAX_LISTED_FILES} files; name a folder of it`);
    const etag = entry.lfs?.oid ?? entry.oid ?? '';
    const isFile = entry.type === 'file' && isSafePath(entry.path) && /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(etag);
    if (isFile) files.set(entry.path, { path: entry.path, sizeBytes: entry.size, etag });
  }
  return files;
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
  mkdirSync(repo.folder, { recursive: true });
  const neededBytes = files.reduce((sum, { etag, sizeBytes }) => {
    const blob = repo.blob(etag);
    return sum + Math.max(0, sizeBytes - Math.max(sizeOf(blob), sizeOf(`${blob}.incomplete`)));
  }, 0);
  const { bavail, bsize } = statfsSync(repo.folder);
  if (neededBytes <= bavail * bsize) return;
  throw runFailed(
    `hub: the disk of ${repo.folder} must have ${neededBytes} bytes free, got ${bavail * bsize}; free some space or set HF_HOME to another disk`,
  );
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function readIndex(path: string): string {
  const { size } = statSync(path);
  if (size > MAX_INDEX_BYTES)
    throw badInput(`hub: ${INDEX_FILE} must be at most ${MAX_INDEX_BYTES} bytes, got ${size}`);
  return readFileSync(path, 'utf8');
}
