import { badInput } from '../core/index.ts';

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

/** Kinds of data files, the first kind that a data set has is taken; what a data set says about itself is none of them. */
const DATA_SUFFIXES = ['.jsonl', '.jsonl.gz', '.json', '.parquet'];
const DATA_EXCLUDED = /(^|\/)(dataset_infos\.json|\..*)$/;

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

/** The data files of a data set repository, all of one kind, in order of their names. Throws bad-input that says what there is. */
export function selectDataFiles(
  names: readonly string[],
  { repo, file }: HubId,
  { folder, split }: DataSelection,
): string[] {
  if (file !== undefined && names.includes(file)) return [file];
  const inside = file ?? folder;
  const isData = (name: string): boolean =>
    DATA_SUFFIXES.some((suffix) => name.endsWith(suffix)) && !DATA_EXCLUDED.test(name);
  const candidates = names.filter((name) => isData(name) && (inside === undefined || name.startsWith(`${inside}/`)));
  const wanted = split === undefined ? candidates : candidates.filter((name) => hasSplit(name, split));
  for (const suffix of DATA_SUFFIXES) {
    const files = wanted.filter((name) => name.endsWith(suffix));
    if (files.length > 0) return files.toSorted();
  }
  const what = [inside === undefined ? '' : ` in ${inside}`, split === undefined ? '' : ` of split ${split}`].join('');
  const there = names.filter(isData);
  throw badInput(
    `hub: the data set ${repo} must have files (${DATA_SUFFIXES.join(', ')})${what}, got ${show(there, 'none at all')}`,
  );
}

function hasSplit(name: string, split: string): boolean {
  return name
    .split('/')
    .some((part) => part === split || (part.startsWith(split) && /^[._-]/.test(part.slice(split.length))));
}

function ggufOf(names: readonly string[]): string[] {
  return names.filter((name) => name.endsWith('.gguf'));
}

function show(names: readonly string[], none: string): string {
  if (names.length === 0) return none;
  const rest = names.length - MAX_NAMED;
  return names.slice(0, MAX_NAMED).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
