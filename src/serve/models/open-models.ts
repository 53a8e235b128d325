import { createHash } from 'node:crypto';
import { PreftuneError, type Problem } from '../../core/index.ts';
import type { Ledger } from '../../ledger/index.ts';
import { parseAdapterName, readNamedAdapter, type ResolveModel } from '../../policy/index.ts';
import { createEngineBackend } from '../backends/engine/engine-backend.ts';
import { checkModel, usualName, type CheckedModel, type OwnEngine } from '../backends/engine/own-engine.ts';
import type { UpstreamBackend } from '../backends/upstream/upstream-backend.ts';
import { modelEntries, namedPairs, type ModelEntry, type ServeSettings } from '../config/serve-config.ts';
import type { AdapterLoader } from './adapter-loader.ts';
import type { Version } from './lease.ts';
import type { ModelBook } from './model-book.ts';

/** Models whose files were read and checked, not yet on a device. */
export interface CheckedModels {
  readonly checked: readonly { readonly entry: ModelEntry; readonly model: CheckedModel }[];
  /** Gives the files back, where nothing is loaded. */
  close(): Promise<void>;
}

/** Opens every model and every adapter that the settings name; what is wrong with any goes to `problems`. */
export async function checkModels(
  settings: ServeSettings,
  { resolve, problems }: { readonly resolve: ResolveModel; readonly problems: Problem[] },
): Promise<CheckedModels> {
  const entries = modelEntries(settings, usualName);
  const checked: { entry: ModelEntry; model: CheckedModel }[] = [];
  for (const entry of entries) {
    try {
      const model = await checkModel({ ...settings, ...entry, resolve });
      checked.push({ entry, model });
      for (const path of entry.adapters.values())
        await readNamedAdapter(parseAdapterName(path), model.named.opened.config).catch(gatherInto(problems));
    } catch (thrown) {
      gatherInto(problems)(thrown);
    }
  }
  problems.push(...nameProblems(settings, entries));
  return {
    checked,
    close: async () => {
      for (const { model } of checked) await model.named.close();
    },
  };
}

/** Takes bad input for the list; throws anything else. */
function gatherInto(problems: Problem[]): (thrown: unknown) => undefined {
  return (thrown) => {
    if (!(thrown instanceof PreftuneError) || (thrown.code !== 'bad-input' && thrown.code !== 'bad-usage'))
      throw thrown;
    problems.push(...thrown.problems);
    return undefined;
  };
}

/** Names that two things have, and aliases that point to nothing. */
function nameProblems(settings: ServeSettings, entries: readonly ModelEntry[]): Problem[] {
  const problems: Problem[] = [];
  const names = new Set<string>();
  for (const name of [
    ...entries.flatMap((entry) => [entry.name, ...entry.adapters.keys()]),
    ...(settings.upstreams ?? []).map((upstream) => upstream.name),
  ]) {
    if (names.has(name))
      problems.push({
        path: 'models',
        message: `every model and adapter must have a name of its own, got ${name} twice; rename one`,
      });
    names.add(name);
  }
  for (const [alias, target] of namedPairs('aliases', settings.aliases).pairs) {
    if (names.has(alias))
      problems.push({
        path: 'aliases',
        message: `--aliases must be names of their own, got ${alias}, which a model has`,
      });
    if (!names.has(target))
      problems.push({
        path: 'aliases',
        message: `--aliases must point to a model that is served, got ${alias}=${target}; there ${names.size === 1 ? 'is' : 'are'} ${[...names].join(', ')}`,
      });
  }
  return problems;
}

export interface LoadModelsOptions {
  readonly settings: ServeSettings;
  readonly book: ModelBook;
  readonly adapters: AdapterLoader;
  /** Takes the engines by the names of their models. */
  readonly engines: Map<string, OwnEngine>;
  readonly ledger: Ledger | undefined;
  readonly upstreams: ReadonlyMap<string, UpstreamBackend>;
  readonly onNote: (note: string) => void;
}

/** Puts the models on their devices, one after the other, then their adapters, then the aliases: those of the store, and over them those of the settings. */
export async function loadModels(
  { checked }: CheckedModels,
  { settings, book, adapters, engines, ledger, upstreams, onNote }: LoadModelsOptions,
): Promise<void> {
  for (const { entry, model } of checked) {
    const own = await model.load();
    engines.set(entry.name, own);
    const responder = own.own ?? own.base;
    const version: Version = {
      id: `${entry.name}@${responder.digest.slice(0, 12)}`,
      name: entry.name,
      kind: 'model',
      parent: undefined,
      root: entry.model,
      createdAt: Math.floor(Date.now() / 1000),
      maxTokens: own.maxTokens,
      backend: createEngineBackend(own, { responder, tokenLimit: settings.maxTokens }),
    };
    for (const note of responder.notes) onNote(note);
    await recordVersion(ledger, version, responder.digest);
    book.put(version, async () => undefined);
    for (const [name, path] of entry.adapters) await adapters.load({ name, path, base: entry.name });
  }
  for (const upstream of upstreams.values()) {
    const version = versionOfUpstream(upstream);
    await recordVersion(ledger, version, version.id.slice(version.name.length + 1));
    book.put(version, async () => upstream.dispose());
  }
  const stored = (await ledger?.versions.aliases()) ?? {};
  for (const [alias, target] of [...Object.entries(stored), ...namedPairs('aliases', settings.aliases).pairs])
    book.setAlias(alias, target);
}

/** Another server has no weights that we could know: its version is where it is and what it is asked for. */
function versionOfUpstream(backend: UpstreamBackend): Version {
  const { name, baseUrl, model = name, contextTokens } = backend.settings;
  const digest = createHash('sha256')
    .update(JSON.stringify([baseUrl, model]))
    .digest('hex');
  return {
    id: `${name}@${digest.slice(0, 12)}`,
    name,
    kind: 'upstream',
    parent: undefined,
    root: model,
    createdAt: Math.floor(Date.now() / 1000),
    maxTokens: contextTokens,
    backend,
  };
}

/** Says in the ledger which weights a name stands for, before any answer comes from them. */
export async function recordVersion(ledger: Ledger | undefined, version: Version, digest: string): Promise<void> {
  const { id, name, kind, parent, createdAt } = version;
  await ledger?.versions.add({ id, name, digest, kind, parent, createdAt: createdAt * 1000 });
}
