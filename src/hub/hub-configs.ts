import picomatch from 'picomatch';
import { parse } from 'yaml';
import { badInput, messageOf, isObject } from '../core/index.ts';
import { dataKindOf, splitNote } from '../data/index.ts';
import { selectDataFiles, show, type DataSelection, type HubId, type SelectedData } from './hub-files.ts';

/** One of a data set's configurations, as the front matter of its README lists them under `configs`. */
export interface DataConfig {
  readonly name: string;
  readonly isDefault: boolean;
  /** Patterns of files by split, in their order; undefined where file names say the splits. */
  readonly splits: ReadonlyMap<string, readonly string[]> | undefined;
  /** The folder that patterns begin in; '' for the repository's root. */
  readonly folder: string;
}

/** The card of a data set: its README.md. */
export const CARD_FILE = 'README.md';

/**
 * The configurations that a README names; none where it has no front matter or names none. Throws bad-input where its front matter is no YAML or says something else.
 * Source: the hub's "Manual Configuration" of data sets.
 */
export function configsOf(card: string, repo: string): DataConfig[] {
  const front = /^\uFEFF?---\r?\n([\s\S]*?)\r?\n---[ \t]*(\r?\n|$)/.exec(card)?.[1];
  if (front === undefined) return [];
  let value: unknown;
  try {
    value = parse(front, { logLevel: 'error' });
  } catch (error) {
    throw badInput(`hub: the front matter of ${repo}'s ${CARD_FILE} must be YAML, got ${messageOf(error)}`);
  }
  const configs = isObject(value) ? value['configs'] : undefined;
  if (configs === undefined || configs === null) return [];
  if (!Array.isArray(configs)) throw wrongCard(repo, 'configs must be a list');
  return configs.map((config, i) => configOf(config, `configs[${i}]`, repo));
}

function wrongCard(repo: string, what: string) {
  return badInput(`hub: ${CARD_FILE} of the data set ${repo}: ${what}; name a file as ${repo}/FILE instead`);
}

function configOf(value: unknown, at: string, repo: string): DataConfig {
  const name = isObject(value) ? value['config_name'] : undefined;
  if (!isObject(value) || typeof name !== 'string') throw wrongCard(repo, `${at} must have a text config_name`);
  const folder = value['data_dir'] ?? '';
  if (typeof folder !== 'string') throw wrongCard(repo, `${at}.data_dir must be a text`);
  return {
    name,
    isDefault: value['default'] === true,
    folder: normal(folder),
    splits: splitsOf(value['data_files'], `${at}.data_files`, repo),
  };
}

/** `data_files` in each of its forms: a pattern, a list of them, `{split: pattern}`, or a list of `{split, path}`. */
function splitsOf(value: unknown, at: string, repo: string): DataConfig['splits'] {
  if (value === undefined || value === null) return undefined;
  const patterns = (one: unknown, where: string): string[] => {
    const list = Array.isArray(one) ? one : [one];
    if (list.length > 0 && list.every((entry) => typeof entry === 'string')) return list;
    throw wrongCard(repo, `${where} must be a pattern of file names or a list of them`);
  };
  const isListOfSplits = Array.isArray(value) && value.some(isObject);
  if (!isListOfSplits && !isObject(value)) return new Map([['train', patterns(value, at)]]);
  const entries = isListOfSplits
    ? value.map((entry, i) => {
        const split: unknown = isObject(entry) ? entry['split'] : undefined;
        if (!isObject(entry) || typeof split !== 'string')
          throw wrongCard(repo, `${at}[${i}] must have split and path`);
        return [split, patterns(entry['path'], `${at}[${i}].path`)] as const;
      })
    : Object.entries(value).map(([split, one]) => [split, patterns(one, `${at}.${split}`)] as const);
  const splits = new Map<string, string[]>();
  for (const [split, own] of entries) splits.set(split, [...(splits.get(split) ?? []), ...own]);
  return splits;
}

function normal(folder: string): string {
  return folder.replace(/^(\.?\/)+/, '').replace(/\/+$/, '');
}

/**
 * The files of a configuration's split: the configuration that is named behind the id, else the default one, the one called default or the only one; the split that was
 * asked for, else the only one, else train. Undefined where what stands behind the id is no configuration but a folder or file. Throws bad-input that says what there is.
 */
export function selectConfigured(
  names: readonly string[],
  { repo, file }: HubId,
  { card, folder, split }: DataSelection & { readonly card: string | undefined },
): SelectedData | undefined {
  const wanted = file ?? folder;
  if (card === undefined || (wanted !== undefined && names.includes(wanted))) return undefined;
  const configs = configsOf(card, repo);
  if (configs.length === 0) return undefined;
  const config = wanted === undefined ? defaultOf(configs) : configs.find(({ name }) => name === wanted);
  if (config === undefined && wanted !== undefined) return undefined;
  if (config === undefined)
    throw badInput(
      `hub: one configuration of the data set ${repo} must be named, got ${show(
        configs.map(({ name }) => name),
        '',
      )}; write ${repo}/${configs[0]!.name}`,
    );
  const others = configs.filter((one) => one !== config).map(({ name }) => name);
  const chosen =
    wanted !== undefined || others.length === 0
      ? []
      : [
          `${repo}: the configuration ${config.name} is taken; there are also ${show(others, '')} (write ${repo}/${others[0]})`,
        ];
  const where = wanted === undefined ? repo : `${repo}/${config.name}`;
  const { files, notes } =
    config.splits === undefined
      ? selectDataFiles(names, { repo, file: undefined }, { split, folder: config.folder || undefined })
      : filesOfSplit(names, { ...config, splits: config.splits }, { repo, where, split });
  return { files, notes: [...chosen, ...notes] };
}

function defaultOf(configs: readonly DataConfig[]): DataConfig | undefined {
  return (
    configs.find(({ isDefault }) => isDefault) ??
    configs.find(({ name }) => name === 'default') ??
    (configs.length === 1 ? configs[0] : undefined)
  );
}

const MAX_STARS = 6;

interface SplitRequest {
  readonly repo: string;
  readonly where: string;
  readonly split: string | undefined;
}

function filesOfSplit(
  names: readonly string[],
  { name, splits, folder }: DataConfig & { readonly splits: ReadonlyMap<string, readonly string[]> },
  { repo, where, split }: SplitRequest,
): SelectedData {
  const there = [...splits.keys()];
  const chosen = split ?? (there.length === 1 ? there[0]! : there.find((one) => one === 'train'));
  if (chosen === undefined)
    throw badInput(
      `hub: one split of ${where} must be named, got ${show(there, 'none')}; write ${where}:${there[0] ?? 'NAME'}`,
    );
  const patterns = splits.get(chosen);
  if (patterns === undefined)
    throw badInput(
      `hub: the configuration ${name} of ${repo} must have the split ${chosen}, got ${show(there, 'none')}`,
    );
  const remote = patterns.filter((pattern) => /^[a-z0-9]+:\/\//.test(pattern));
  if (remote.length > 0)
    throw badInput(
      `hub: files of the data set ${repo} must be its own, got ${show(remote, '')} in its ${CARD_FILE}; download them and name the files`,
    );
  // Patterns become regular expressions, which take for ever with many stars.
  const starry = patterns.filter((pattern) => (pattern.match(/\*+/g)?.length ?? 0) > MAX_STARS);
  if (starry.length > 0)
    throw badInput(`hub: patterns of files of ${repo} must have at most ${MAX_STARS} stars, got ${show(starry, '')}`);
  const matched = new Set(
    patterns.flatMap((pattern) => {
      const whole = [folder, normal(pattern)].filter((part) => part !== '').join('/');
      const matches = picomatch(whole, { noextglob: true });
      return names.filter((path) => path === whole || matches(path)).toSorted();
    }),
  );
  const files = [...matched].filter((path) => dataKindOf(path) !== undefined);
  // The wording is what makes the hub's own Parquet be tried.
  if (files.length === 0)
    throw badInput(
      `hub: the data set ${repo} must have files (.jsonl, .json, .parquet, .csv, .tsv) that ${patterns.join(', ')} of its ${CARD_FILE} match, got ${show([...matched], 'none')}`,
    );
  return { files, notes: splitNote(where, { split: chosen, splits: there }, split) };
}
