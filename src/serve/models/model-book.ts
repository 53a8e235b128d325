import { didYouMean } from '../../core/index.ts';
import { ServeError } from '../serve-error.ts';
import type { Lease, Version } from './lease.ts';

/** Names that clients may use: letters, digits, and . _ : / - inside. Never a path: no name begins with a dot or a slash, none holds `..`. */
export const MODEL_NAME = /^(?!.*\.\.)[A-Za-z0-9](?:[A-Za-z0-9._:/@-]{0,254}[A-Za-z0-9])?$/;

interface Shelf {
  readonly version: Version;
  /** Requests that hold it. */
  leases: number;
  isRemoved: boolean;
  /** Called once, when it was removed and nobody holds it. */
  readonly free: () => Promise<void>;
  readonly freed: Promise<void>;
  readonly settle: (work: Promise<void>) => void;
}

export interface ListedModel {
  readonly name: string;
  readonly version: Version;
  /** The name that an alias points to. */
  readonly target?: string;
}

/**
 * The names that a server answers to. A request resolves its name once; the version it gets stays until it lets go, whatever happens to the name. Versions that were
 * replaced or removed are freed with their last request.
 */
export interface ModelBook {
  /** Throws ServeError 404 for a name that is not there. */
  lease(name: string): Lease;
  find(name: string): Version | undefined;
  /** Puts a version under its name, in the place of one that is there. Resolves at once; the old one leaves by itself. */
  put(version: Version, free: () => Promise<void>): void;
  /** Takes a name away. Resolves when its last request has ended and it was freed; false where there is none. */
  remove(name: string): { readonly wasThere: boolean; readonly freed: Promise<void> };
  setAlias(alias: string, target: string | undefined): void;
  list(): readonly ListedModel[];
  /** Frees everything, whoever holds it. */
  dispose(): Promise<void>;
}

export function createModelBook(): ModelBook {
  const shelves = new Map<string, Shelf>();
  const aliases = new Map<string, string>();
  const leaving = new Set<Shelf>();

  const find = (name: string): Shelf | undefined => shelves.get(name) ?? shelves.get(aliases.get(name) ?? '');

  const freeWhenIdle = (shelf: Shelf): void => {
    if (!shelf.isRemoved || shelf.leases > 0 || !leaving.delete(shelf)) return;
    shelf.settle(shelf.free());
  };

  const retire = (shelf: Shelf): void => {
    shelf.isRemoved = true;
    leaving.add(shelf);
    freeWhenIdle(shelf);
  };

  return {
    lease: (name) => {
      const shelf = find(name);
      if (shelf === undefined) {
        const known = [...shelves.keys(), ...aliases.keys()];
        throw new ServeError(
          404,
          `The model ${JSON.stringify(name.slice(0, 256))} does not exist here; ${didYouMean(name.slice(0, 256), known, 'GET /v1/models lists those that do')}`,
          { code: 'model_not_found', param: 'model', type: 'invalid_request_error' },
        );
      }
      shelf.leases++;
      let isHeld = true;
      return {
        version: shelf.version,
        release: () => {
          if (!isHeld) return;
          isHeld = false;
          shelf.leases--;
          freeWhenIdle(shelf);
        },
      };
    },
    find: (name) => find(name)?.version,
    put: (version, free) => {
      const old = shelves.get(version.name);
      let settle!: Shelf['settle'];
      const freed = new Promise<void>((resolve) => (settle = resolve as Shelf['settle']));
      // Whoever waits for it hears of a failure; nobody must.
      freed.catch(() => undefined);
      shelves.set(version.name, { version, leases: 0, isRemoved: false, free, freed, settle });
      if (old !== undefined) retire(old);
    },
    remove: (name) => {
      const shelf = shelves.get(name);
      if (shelf === undefined) return { wasThere: false, freed: Promise.resolve() };
      shelves.delete(name);
      retire(shelf);
      return { wasThere: true, freed: shelf.freed };
    },
    setAlias: (alias, target) => void (target === undefined ? aliases.delete(alias) : aliases.set(alias, target)),
    list: () => [
      ...[...shelves].map(([name, { version }]) => ({ name, version })),
      ...[...aliases].flatMap(([name, target]) => {
        const version = shelves.get(target)?.version;
        return version === undefined || shelves.has(name) ? [] : [{ name, version, target }];
      }),
    ],
    dispose: async () => {
      for (const shelf of shelves.values()) {
        shelf.isRemoved = true;
        leaving.add(shelf);
      }
      shelves.clear();
      const works = [...leaving].map((shelf) => {
        const work = shelf.free();
        shelf.settle(work);
        return work;
      });
      leaving.clear();
      await Promise.allSettled(works);
    },
  };
}
