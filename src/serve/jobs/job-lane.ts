import { messageOf } from '../../core/index.ts';
import type { JobRecord } from '../../ledger/index.ts';

/** Works through jobs, some at once, as long as there are any. */
export interface Lane {
  /** There may be something to do. */
  wake(): void;
  /** Takes nothing up any more, and resolves when what is under way has ended. */
  close(): Promise<void>;
}

export interface LaneOptions {
  /** Jobs at once. */
  readonly slots: number;
  /** The next job that is none of those that are worked on; undefined where there is none now. */
  readonly next: (busy: ReadonlySet<string>) => Promise<JobRecord | undefined>;
  /** Does a job, or a part of it, after which `next` names it no more. A throw is the store's: the lane then rests. */
  readonly work: (job: JobRecord) => Promise<void>;
  readonly onNote: (note: string) => void;
}

/** After so long a lane goes on that the store could not be written for. */
const REST_MS = 30_000;

export function createLane({ slots, next, work, onNote }: LaneOptions): Lane {
  const busy = new Map<string, Promise<void>>();
  let filling: Promise<void> | undefined;
  const state = { isWanted: false, isClosed: false };

  // A store that cannot be written must not take the server with it: it answers without.
  const rest = (thrown: unknown): void => {
    onNote(`jobs: ${messageOf(thrown)}; the queue goes on in ${REST_MS / 1000} s`);
    setTimeout(wake, REST_MS).unref();
  };

  const workOn = async (job: JobRecord): Promise<void> => {
    let failure: { readonly thrown: unknown } | undefined;
    try {
      await work(job);
    } catch (thrown) {
      failure = { thrown };
    }
    busy.delete(job.id);
    if (failure === undefined) wake();
    else rest(failure.thrown);
  };

  const fill = async (): Promise<void> => {
    while (state.isWanted && !state.isClosed) {
      state.isWanted = false;
      while (busy.size < slots && !state.isClosed) {
        const job = await next(new Set(busy.keys()));
        if (job === undefined || state.isClosed) break;
        busy.set(job.id, workOn(job));
      }
    }
  };

  const wake = (): void => {
    if (state.isClosed) return;
    state.isWanted = true;
    filling ??= fill()
      .catch((thrown: unknown) => {
        state.isWanted = false;
        rest(thrown);
      })
      .finally(() => {
        filling = undefined;
        // Somebody came between the last look and this.
        if (state.isWanted) wake();
      });
  };

  return {
    wake,
    close: async () => {
      state.isClosed = true;
      await filling;
      await Promise.all(busy.values());
    },
  };
}
