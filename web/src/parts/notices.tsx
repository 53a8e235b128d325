import { useSyncExternalStore, type ReactNode } from 'react';

/** Something that was done, and for some seconds the way to undo it. */
interface Notice {
  readonly id: number;
  readonly text: string;
  readonly isBad: boolean;
  readonly undo?: (() => void) | undefined;
}

let notices: readonly Notice[] = [];
let lastId = 0;
const listeners = new Set<() => void>();
const STAYS_MS = 8000;

function change(next: readonly Notice[]): void {
  notices = next;
  for (const listener of listeners) listener();
}

function drop(id: number): void {
  change(notices.filter((notice) => notice.id !== id));
}

/** Says what was done. Undo instead of "are you sure". */
export function tell(
  text: string,
  { isBad = false, undo }: { readonly isBad?: boolean; readonly undo?: () => void } = {},
): void {
  const id = (lastId += 1);
  change([...notices.slice(-2), { id, text, isBad, undo }]);
  setTimeout(() => drop(id), isBad ? STAYS_MS * 2 : STAYS_MS);
}

export function tellFailure(error: unknown): void {
  tell(error instanceof Error ? error.message : String(error), { isBad: true });
}

export function Notices(): ReactNode {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => notices,
  );
  return (
    <div
      aria-live="polite"
      className="pointer-events-none fixed inset-x-0 bottom-16 z-30 flex flex-col items-center gap-2 px-4 sm:bottom-6"
    >
      {shown.map(({ id, text, isBad, undo }) => (
        <div
          key={id}
          className={`pointer-events-auto flex max-w-xl items-center gap-3 rounded-lg px-4 py-2 shadow-lg ${isBad ? 'bg-bad-bg text-bad' : 'bg-ink text-paper'}`}
        >
          <span>{text}</span>
          {undo !== undefined && (
            <button
              type="button"
              className="rounded px-2 py-1 font-semibold underline"
              onClick={() => {
                drop(id);
                undo();
              }}
            >
              Undo
            </button>
          )}
          <button type="button" aria-label="dismiss" className="px-1" onClick={() => drop(id)}>
            ×
          </button>
        </div>
      ))}
    </div>
  );
}
