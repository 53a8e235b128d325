import { readdirSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { commitIter, createRepo, listFiles, type CommitOutput } from '@huggingface/hub';
import { badInput } from '../core/index.ts';
import { createHubHash, hashFile } from '../hub/index.ts';
import { createPushFetch, pushError, type PushConnection } from './push-fetch.ts';

export interface PushOptions extends PushConnection {
  /** A folder that is whole. */
  readonly folder: string;
  /** owner/name */
  readonly repo: string;
  /** Of a repository that this push creates; undefined leaves it to the owner's settings. */
  readonly isPrivate?: boolean | undefined;
  readonly title: string;
  readonly onProgress?: (progress: {
    readonly file: string;
    readonly doneBytes: number;
    readonly totalBytes: number;
  }) => void;
}

export interface Pushed {
  readonly url: string;
  /** The last commit; undefined when the hub had everything. */
  readonly commit: string | undefined;
  readonly uploaded: readonly string[];
  /** Files that the hub had already, byte for byte. */
  readonly present: readonly string[];
}

interface LocalFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly local: string;
}

/** Files from this size on have a commit of their own, so that what has been sent stays sent. */
const LARGE_BYTES = 10 * 2 ** 20;

/**
 * Brings a folder into a model repository of the hub, which is created where it does not exist. Files that are there with the same content are not
 * sent again, and each large file is committed as soon as it has been sent: a push that was cut off goes on where it was. The card (README.md) comes
 * last. Throws bad-input for a name or token that the hub refuses, run-failed when it cannot be reached, cancelled.
 */
export async function pushFolder(options: PushOptions): Promise<Pushed> {
  const { folder, repo, endpoint, token, signal, isPrivate } = options;
  if (!/^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/.test(repo))
    throw badInput(`push: the repository must be owner/name, got ${JSON.stringify(repo)}`);
  const push = {
    repo: { type: 'model', name: repo } as const,
    hubUrl: endpoint,
    accessToken: token,
    fetch: createPushFetch(options),
  };
  try {
    await createRepo({
      ...push,
      ...(isPrivate === undefined ? {} : { visibility: isPrivate ? 'private' : 'public' }),
    }).catch((thrown: unknown) => {
      // It exists already.
      if ((thrown as { statusCode?: unknown }).statusCode !== 409) throw thrown;
    });
    const files = localFiles(folder);
    const known = new Map<string, string>();
    for await (const entry of listFiles({ ...push, recursive: true }))
      known.set(entry.path, entry.lfs?.oid ?? entry.oid ?? '');
    const missing: LocalFile[] = [];
    for (const file of files) if (!(await isSame(file, known.get(file.path)))) missing.push(file);
    const large = missing.filter(({ sizeBytes }) => sizeBytes >= LARGE_BYTES);
    const small = missing.filter(({ sizeBytes }) => sizeBytes < LARGE_BYTES);
    const groups = [...large.map((file) => [file]), ...(small.length > 0 ? [small] : [])];
    const totalBytes = missing.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    let sentBytes = 0;
    let commit: string | undefined;
    for (const group of groups) {
      commit = (await commitGroup(group, { options, push, sentBytes, totalBytes }))?.commit.oid ?? commit;
      sentBytes += group.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      // Small files travel inside the commit, which tells no progress.
      options.onProgress?.({ file: group.at(-1)!.path, doneBytes: sentBytes, totalBytes });
    }
    const uploaded = groups.flat().map(({ path }) => path);
    const present = files.map(({ path }) => path).filter((path) => !uploaded.includes(path));
    return { url: `${endpoint}/${repo}`, commit, uploaded, present };
  } catch (thrown) {
    throw pushError(thrown, { repo, endpoint, signal });
  }
}

interface GroupContext {
  readonly options: PushOptions;
  readonly push: {
    readonly repo: { readonly type: 'model'; readonly name: string };
    readonly hubUrl: string;
    readonly accessToken: string;
    readonly fetch: typeof fetch;
  };
  readonly sentBytes: number;
  readonly totalBytes: number;
}

async function commitGroup(
  group: readonly LocalFile[],
  { options, push, sentBytes, totalBytes }: GroupContext,
): Promise<CommitOutput | undefined> {
  const { signal, title, onProgress } = options;
  const sizes = new Map(group.map(({ path, sizeBytes }) => [path, sizeBytes]));
  const done = new Map<string, number>();
  const events = commitIter({
    ...push,
    title,
    operations: group.map(({ path, local }) => ({ operation: 'addOrUpdate', path, content: pathToFileURL(local) })),
    ...(signal === undefined ? {} : { abortSignal: signal }),
  });
  for (;;) {
    const { value, done: isDone } = await events.next();
    if (isDone === true) return value;
    if (value.event !== 'fileProgress' || value.state !== 'uploading') continue;
    done.set(value.path, value.progress * (sizes.get(value.path) ?? 0));
    const doneBytes = sentBytes + [...done.values()].reduce((sum, bytes) => sum + bytes, 0);
    onProgress?.({ file: value.path, doneBytes: Math.round(doneBytes), totalBytes });
  }
}

/** Every file below a folder, with slashes, the card last. */
function localFiles(folder: string): LocalFile[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted();
  const files = names
    .map((name) => join(folder, name))
    .filter((local) => statSync(local).isFile())
    .map((local) => ({ path: relative(folder, local).replaceAll(sep, '/'), sizeBytes: statSync(local).size, local }));
  const isCard = ({ path }: LocalFile): boolean => path === 'README.md';
  return [...files.filter((file) => !isCard(file)), ...files.filter(isCard)];
}

/** Whether the hub's checksum is the file's. */
async function isSame({ local, sizeBytes }: LocalFile, oid: string | undefined): Promise<boolean> {
  if (oid === undefined) return false;
  const hash = createHubHash(oid, sizeBytes);
  await hashFile(hash, local);
  return hash.digest('hex') === oid;
}
