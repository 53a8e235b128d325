import type { ReactNode } from 'react';
import { ApiError } from '../api.ts';

/** A screen: its heading, what it is for in a sentence, what can be done, what is in it. */
export function Screen({
  title,
  what,
  actions,
  children,
}: {
  readonly title: string;
  readonly what: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <main id="main" className="mx-auto w-full max-w-6xl px-4 pb-24 pt-6 sm:px-8" tabIndex={-1}>
      <title>{`${title} · preftune`}</title>
      <header className="mb-6 flex flex-wrap items-start justify-between gap-3">
        <div>
          <h1 className="text-2xl font-semibold tracking-tight">{title}</h1>
          <p className="quiet mt-1 max-w-[44rem]">{what}</p>
        </div>
        {actions !== undefined && <div className="flex flex-wrap gap-2">{actions}</div>}
      </header>
      {children}
    </main>
  );
}

/** What went wrong, where it went wrong, with a way on. */
export function Failure({ error, again }: { readonly error: unknown; readonly again?: () => void }): ReactNode {
  const isForbidden = error instanceof ApiError && (error.status === 401 || error.status === 403);
  return (
    <div role="alert" className="card bg-bad-bg! text-bad">
      <p className="font-medium">{error instanceof Error ? error.message : String(error)}</p>
      {isForbidden && (
        <p className="mt-1">Sign in with a key that may do this, or ask whoever runs the server for one.</p>
      )}
      {again !== undefined && (
        <button type="button" className="button mt-3" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Nothing is here yet: what would be, and how it comes. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ReactNode }): ReactNode {
  return (
    <div className="rounded-xl border border-dashed border-line px-6 py-10 text-center">
      <p className="font-medium">{title}</p>
      {children !== undefined && <div className="quiet mx-auto mt-1 max-w-xl">{children}</div>}
    </div>
  );
}

/** Room of the size of what comes, so that nothing jumps. */
export function Skeleton({ rows = 4 }: { readonly rows?: number }): ReactNode {
  return (
    <div role="status" aria-label="loading" className="flex flex-col gap-3">
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} className="skeleton h-12" />
      ))}
    </div>
  );
}

const TONES = {
  good: 'bg-good-bg text-good',
  bad: 'bg-bad-bg text-bad',
  warn: 'bg-warn-bg text-warn',
  neutral: 'bg-neutral-bg text-ink',
} as const;
export type Tone = keyof typeof TONES;

export function Badge({
  tone = 'neutral',
  children,
}: {
  readonly tone?: Tone;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <span
      className={`inline-block justify-self-start whitespace-nowrap rounded-full px-2 py-0.5 text-sm font-medium ${TONES[tone]}`}
    >
      {children}
    </span>
  );
}

/** A line that says how things stand, to be read first. */
export function Verdict({
  tone,
  title,
  children,
}: {
  readonly tone: Tone;
  readonly title: ReactNode;
  readonly children?: ReactNode;
}): ReactNode {
  return (
    <section className={`rounded-xl px-5 py-4 ${TONES[tone]}`}>
      <p className="text-lg font-semibold">{title}</p>
      {children !== undefined && <div className="mt-1 text-ink">{children}</div>}
    </section>
  );
}

export function Code({ children }: { readonly children: string }): ReactNode {
  return (
    <pre tabIndex={0} className="overflow-x-auto rounded-lg bg-shade px-3 py-2 text-left font-mono text-sm">
      {children}
    </pre>
  );
}
