/** Something that ends when its last user lets go. */
export interface Counted {
  /** One more user. */
  hold(): void;
  /** One user fewer; waits for the end where it was the last. Never rejects. */
  release(): Promise<void>;
  /** Resolves when it has ended; rejects with what went wrong in that. */
  readonly ended: Promise<void>;
}

/** Has one user from the start. */
export function createCounted(end: () => Promise<void>): Counted {
  let users = 1;
  let last!: (work: Promise<void>) => void;
  const ended = new Promise<void>((resolve) => (last = resolve));
  // Who asks for the end hears of it; others go on.
  const heard = ended.catch(() => undefined);
  return {
    ended,
    hold: () => void users++,
    release: async () => {
      if (--users > 0) return;
      last(Promise.resolve().then(end));
      await heard;
    },
  };
}

/** What was taken, until it is released. */
export interface Shared<T> {
  readonly value: T;
  release(): Promise<void>;
}

/** Things that are made once for all who ask for the same, and disposed with the last of them. */
export interface Sharing<T> {
  /** How many there are. */
  readonly size: number;
  /** Makes it where there is none under this key; those who ask meanwhile wait for it. Rejects with what `make` throws. */
  take(key: string, make: () => Promise<T>): Promise<Shared<T>>;
}

export function createSharing<T extends { dispose(): Promise<void> }>(): Sharing<T> {
  const things = new Map<string, { readonly made: Promise<T>; users: number }>();
  return {
    get size() {
      return things.size;
    },
    take: async (key, make) => {
      const thing = things.get(key) ?? { made: make(), users: 0 };
      things.set(key, thing);
      thing.users++;
      const leave = (): boolean => {
        const isLast = --thing.users === 0;
        if (isLast) things.delete(key);
        return isLast;
      };
      try {
        const value = await thing.made;
        return { value, release: async () => (leave() ? value.dispose() : undefined) };
      } catch (error) {
        leave();
        throw error;
      }
    },
  };
}
