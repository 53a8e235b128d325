import { realpathSync } from 'node:fs';
import { isAbsolute, relative, resolve } from 'node:path';
import { messageOf, PreftuneError } from '../../core/index.ts';
import { createEngineBackend } from '../backends/engine/engine-backend.ts';
import type { OwnEngine, Responder } from '../backends/engine/own-engine.ts';
import { ServeError } from '../serve-error.ts';
import type { Version } from './lease.ts';
import { MODEL_NAME, type ModelBook } from './model-book.ts';

/** Puts adapters into a server that runs, and takes them out. */
export interface AdapterLoader {
  /**
   * Loads an adapter under a name. Throws ServeError 400 for a name that is taken (without `replaces`) or is none, and for files that do not fit; 404 for a
   * base or a folder that is not there.
   */
  load(adapter: LoadedAdapter): Promise<Version>;
  /** Throws ServeError 404 for a name that is no adapter. Resolves at once; answers under way end with it. */
  unload(name: string): Promise<void>;
}

export interface LoadedAdapter {
  readonly name: string;
  /** As a user writes it: a PEFT folder, RUN, RUN@step-N. */
  readonly path: string;
  /** The name of the model that it adapts. Default: the first of the own engine. */
  readonly base?: string | undefined;
  /** Takes the place of what has the name. */
  readonly replaces?: boolean | undefined;
}

export interface AdapterLoaderOptions {
  readonly book: ModelBook;
  /** The own engines by the names of their bases; filled while models are loaded. */
  readonly engines: ReadonlyMap<string, OwnEngine>;
  readonly tokenLimit: number | undefined;
  /** Says that a version is there, before anyone can ask for it. */
  readonly onVersion?: ((version: Version, digest: string) => Promise<void>) | undefined;
  readonly onNote: (note: string) => void;
  readonly now?: (() => number) | undefined;
}

export function createAdapterLoader({
  book,
  engines,
  tokenLimit,
  onVersion,
  onNote,
  now = Date.now,
}: AdapterLoaderOptions): AdapterLoader {
  /** Names that are being loaded: two at once would leave it to chance who wins. */
  const loading = new Set<string>();

  const load = async ({ name, path, base, replaces = false }: LoadedAdapter): Promise<Version> => {
    const [baseName, own] = baseOf(engines, base);
    const there = book.find(name);
    if (there !== undefined && (!replaces || there.kind !== 'adapter'))
      throw new ServeError(
        400,
        `The name '${name}' is taken; unload it first${there.kind === 'adapter' ? ', or load with load_inplace' : ''}`,
        { code: 'InvalidUserInput' },
      );
    const responder = await readInto(own, path);
    for (const note of responder.notes) onNote(`${name}: ${note}`);
    const version: Version = {
      id: `${name}@${responder.digest.slice(0, 12)}`,
      name,
      kind: 'adapter',
      parent: baseName,
      root: path,
      createdAt: Math.floor(now() / 1000),
      maxTokens: own.maxTokens,
      backend: createEngineBackend(own, { responder, tokenLimit }),
    };
    try {
      await onVersion?.(version, responder.digest);
    } catch (thrown) {
      await own.removeAdapter(responder);
      throw thrown;
    }
    book.put(version, () => own.removeAdapter(responder));
    return version;
  };

  return {
    load: async (adapter) => {
      const { name } = adapter;
      if (!MODEL_NAME.test(name))
        throw new ServeError(
          400,
          `A name must be letters, digits and . _ : / - inside, got ${JSON.stringify(name.slice(0, 100))}`,
          {
            code: 'InvalidUserInput',
          },
        );
      if (loading.has(name))
        throw new ServeError(400, `The name '${name}' is being loaded`, { code: 'InvalidUserInput' });
      loading.add(name);
      try {
        return await load(adapter);
      } finally {
        loading.delete(name);
      }
    },
    unload: async (name) => {
      if (book.find(name)?.kind !== 'adapter' || !book.remove(name).wasThere)
        throw new ServeError(404, `The adapter '${name.slice(0, 256)}' cannot be found.`, { code: 'NotFoundError' });
    },
  };
}

function baseOf(engines: ReadonlyMap<string, OwnEngine>, base: string | undefined): [string, OwnEngine] {
  const [first] = engines;
  if (first === undefined)
    throw new ServeError(400, 'There is no model of the own engine that an adapter could adapt', {
      code: 'InvalidUserInput',
    });
  if (base === undefined) return first;
  const own = engines.get(base);
  if (own === undefined)
    throw new ServeError(404, `The base model '${base.slice(0, 256)}' does not exist here`, { code: 'NotFoundError' });
  return [base, own];
}

/** A path that a client named, below one of the folders that the operator opened for it. Throws ServeError 403 and 404. */
export function pathWithin(roots: readonly string[], path: string): string {
  if (roots.length === 0)
    throw new ServeError(
      403,
      'This server loads no adapters from paths; --adapter-root names the folders that it may load from',
      {
        code: 'adapter_root_missing',
      },
    );
  for (const root of roots) {
    const wanted = isAbsolute(path) ? path : resolve(root, path);
    const [name, choice] = splitChoice(wanted);
    let real: string;
    try {
      real = realpathSync(name);
    } catch {
      continue;
    }
    const inside = relative(realpathSync(root), real);
    if (inside !== '' && !inside.startsWith('..') && !isAbsolute(inside)) return real + choice;
  }
  throw new ServeError(404, 'No adapter is found there below a folder of --adapter-root', { code: 'NotFoundError' });
}

/** RUN@step-N is a folder and a choice in it. */
function splitChoice(path: string): [string, string] {
  const match = /^(.*)(@(?:step-\d+|best|last))$/.exec(path);
  return match === null ? [path, ''] : [match[1]!, match[2]!];
}

async function readInto(own: OwnEngine, path: string): Promise<Responder> {
  try {
    return await own.addAdapter(path);
  } catch (thrown) {
    if (!(thrown instanceof PreftuneError)) throw thrown;
    const isMissing = /not found|no such|is not there|does not exist/i.test(thrown.message);
    throw new ServeError(isMissing ? 404 : 400, messageOf(thrown), { code: 'adapter_not_loaded', cause: thrown });
  }
}
