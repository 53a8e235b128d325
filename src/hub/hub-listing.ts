import { datasetInfo, listFiles, modelInfo } from '@huggingface/hub';
import { badInput, runFailed } from '../core/index.ts';
import type { HubFile } from './hub-download.ts';
import { isSafePath } from './hub-files.ts';
import type { Wanted } from './hub-http.ts';

const MAX_LISTED_FILES = 100_000;

/** The commit that a revision is today. Throws as the hub's fetch, and run-failed when the answer names none. */
export async function askCommit(
  { kind, id, revision }: Wanted,
  hubUrl: string,
  hubFetch: typeof fetch,
): Promise<string> {
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

export interface ListQuestion {
  readonly wanted: Wanted;
  readonly commit: string;
  readonly isDeep: boolean;
}

/** The repository's files by path; those with unsafe names or without a checksum are left out. */
export async function askFiles(
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
