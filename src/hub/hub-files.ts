import { badInput } from '../core/index.ts';
import { DATA_ENDINGS, dataKindOf, selectSplit, splitNote, splitOf } from '../data/index.ts';

/** A repository on the hub, taken apart. */
export interface HubId {
  /** owner/name, or name alone for a few old models. */
  readonly repo: string;
  /** A path inside it: `owner/name/file.gguf`. */
  readonly file: string | undefined;
}

/** Files that a model may need besides its weights, all in the repository's root. */
const MODEL_FILES = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
  'chat_template.json',
];
const ADAPTER_FILES = ['adapter_config.json', 'adapter_model.safetensors'];
export const INDEX_FILE = 'model.safetensors.index.json';
const SINGLE_FILE = 'model.safetensors';
const MAX_SHARDS = 10_000;
const MAX_NAMED = 12;

/** Kinds of data files; of those that a data set has the first is taken, because it often holds the same rows in several. */
const DATA_KINDS = ['Parquet', 'JSON lines', 'CSV', 'JSON'];

/** Whether `text` can be a hub id; the caller has looked for a file or folder of that name first. */
export function parseHubId(text: string): HubId | undefined {
  const match = /^([A-Za-z0-9][\w.-]*\/)?([A-Za-z0-9][\w.-]*)$/.exec(text);
  if (match !== null) return isSafePath(text) ? { repo: text, file: undefined } : undefined;
  const withFile = /^([A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*)\/(.+)$/.exec(text);
  if (withFile === null || !isSafePath(text)) return undefined;
  return { repo: withFile[1]!, file: withFile[2]! };
}

/** Whether a path of a listing stays inside the folder that it is joined to, on every system. */
export function isSafePath(path: string): boolean {
  const parts = path.split('/');
  return (
    path.length <= 1024 &&
    !/[\\:\p{Cc}]/u.test(path) &&
    parts.every((part) => part !== '' && part !== '.' && part !== '..')
  );
}

/**
 * The files of a model repository that preftune needs, of those it has: its configuration, tokenizer, templates and safetensors (not yet the shards, which the index
 * names), or an adapter, or the one named .gguf file. Throws bad-input that says what the repository has instead.
 */
export function selectModelFiles(names: readonly string[], { repo, file }: HubId): string[] {
  const has = new Set(names);
  if (file !== undefined) {
    if (has.has(file)) return [file];
    throw badInput(`hub: ${repo} must have the file ${file}, got ${show(ggufOf(names), 'no .gguf file')}`);
  }
  const common = MODEL_FILES.filter((name) => has.has(name));
  if (has.has('config.json') && has.has(SINGLE_FILE)) return [...common, SINGLE_FILE];
  if (has.has('config.json') && has.has(INDEX_FILE)) return [...common, INDEX_FILE];
  if (ADAPTER_FILES.every((name) => has.has(name))) return [...common, ...ADAPTER_FILES];
  const gguf = ggufOf(names);
  if (gguf.length > 0)
    throw badInput(
      `hub: ${repo} has GGUF files, one must be named; add one of ${show(gguf, '')} as ${repo}/${gguf[0]}`,
    );
  if (names.some((name) => /^pytorch_model.*\.bin$/.test(name))) {
    throw badInput(
      `hub: ${repo} must have safetensors weights, got pickled ones (pytorch_model.bin); choose a repository with safetensors or GGUF`,
    );
  }
  throw badInput(
    `hub: ${repo} must have config.json and ${SINGLE_FILE}, got ${show(names, 'no files')}; choose a model's repository`,
  );
}

/** The shards that model.safetensors.index.json names. Throws bad-input when it is no index or names what the repository lacks. */
export function shardsOf(indexText: string, names: readonly string[], repo: string): string[] {
  let index: unknown;
  try {
    index = JSON.parse(indexText);
  } catch {
    index = undefined;
  }
  const map: unknown =
    typeof index === 'object' && index !== null && 'weight_map' in index ? index.weight_map : undefined;
  const shards = typeof map === 'object' && map !== null ? [...new Set(Object.values(map) as unknown[])] : [];
  const has = new Set(names);
  const missing = shards.filter((shard) => typeof shard !== 'string' || !has.has(shard));
  if (shards.length === 0 || shards.length > MAX_SHARDS || missing.length > 0) {
    const got = missing.length > 0 ? `${show(missing.map(String), '')}, which it lacks` : 'no list of shards';
    throw badInput(
      `hub: ${INDEX_FILE} of ${repo} must name the repository's own files, got ${got}; choose another revision`,
    );
  }
  return (shards as string[]).toSorted();
}

export interface DataSelection {
  /** Only files in this folder of the repository. */
  readonly folder?: string | undefined;
  /** Only files of this split: `train` is train.jsonl, train/..., data/train-00000-of-00002.parquet. */
  readonly split?: string | undefined;
}

/** Files of a data set, and what the user should know of the choice. */
export interface SelectedData {
  readonly files: readonly string[];
  readonly notes: readonly string[];
}

/**
 * The data files of a data set repository, all of one kind and one split, in order of their names: the wanted split, else the only
 * one, else train. Throws bad-input that says what there is.
 */
export function selectDataFiles(
  names: readonly string[],
  { repo, file }: HubId,
  { folder, split }: DataSelection,
): SelectedData {
  if (file !== undefined && names.includes(file)) return { files: [file], notes: [] };
  const inside = file ?? folder;
  const there = names.filter((name) => dataKindOf(name) !== undefined);
  const candidates = there.filter((name) => inside === undefined || name.startsWith(`${inside}/`));
  for (const kind of DATA_KINDS) {
    const ofKind = candidates.filter((name) => dataKindOf(name) === kind);
    const selection = selectSplit(ofKind, split);
    if (selection === undefined || selection.files.length === 0) continue;
    const subsets = split === undefined && inside === undefined ? new Set(selection.files.map(folderOf)) : new Set();
    if (subsets.size > 1 && selection.split !== undefined)
      throw badInput(
        `hub: one folder of the data set ${repo} must be named, got ${show([...subsets].map(String), '')}; write ${repo}/${[...subsets][0] as string}`,
      );
    const kinds = new Set(candidates.map(dataKindOf));
    const others = [...kinds].filter((other) => other !== kind);
    const kindNote =
      others.length === 0 ? [] : [`${repo}: the ${kind} files are taken; there is also ${others.join(', ')}`];
    return { files: selection.files, notes: [...splitNote(repo, selection, split), ...kindNote] };
  }
  const what = [inside === undefined ? '' : ` in ${inside}`, split === undefined ? '' : ` of split ${split}`].join('');
  if (split === undefined && candidates.length > 0)
    throw badInput(
      `hub: one split of the data set ${repo} must be named, got ${show(candidates, '')}; write ${repo}:NAME`,
    );
  throw badInput(
    `hub: the data set ${repo} must have files (${DATA_ENDINGS})${what}, got ${show(there, 'none at all')}`,
  );
}

/** The folder of a file without the folders that only name its split. */
function folderOf(path: string): string {
  const parts = path.split('/').slice(0, -1);
  const split = splitOf(path);
  return parts.filter((part) => part.replace(/^partial-/, '') !== split).join('/');
}

function ggufOf(names: readonly string[]): string[] {
  return names.filter((name) => name.endsWith('.gguf'));
}

/** Names for a message, the first of many. */
export function show(names: readonly string[], none: string): string {
  if (names.length === 0) return none;
  const rest = names.length - MAX_NAMED;
  return names.slice(0, MAX_NAMED).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
