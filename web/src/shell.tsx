import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useEffect, useState, type ReactNode } from 'react';
import { api, queries } from './api.ts';
import { sessionQuery } from './data.ts';
import { SignIn } from './screens/sign-in.tsx';
import { Notices } from './parts/notices.tsx';
import { readTheme, setTheme, type Theme } from './theme.ts';

const GROUPS = [
  { title: undefined, links: [{ to: '/', name: 'Overview' }] },
  {
    title: 'Collect',
    links: [
      { to: '/playground', name: 'Playground' },
      { to: '/label', name: 'Label' },
      { to: '/campaigns', name: 'Campaigns' },
      { to: '/feedback', name: 'Feedback' },
      { to: '/logs', name: 'Logs' },
    ],
  },
  {
    title: 'Train',
    links: [
      { to: '/rows', name: 'Rows' },
      { to: '/jobs', name: 'Jobs' },
    ],
  },
  {
    title: 'Decide',
    links: [
      { to: '/experiments', name: 'Experiments' },
      { to: '/versions', name: 'Versions' },
    ],
  },
  { title: undefined, links: [{ to: '/settings', name: 'Settings' }] },
] as const;

/** What stands around every screen: the way to the others. */
export function Shell(): ReactNode {
  const [isOpen, setIsOpen] = useState(false);
  const path = useRouterState({ select: (state) => state.location.pathname });
  useEffect(() => setIsOpen(false), [path]);
  const session = useQuery(sessionQuery);
  if (session.data?.needs_sign_in === true && !session.data.is_signed_in) return <SignIn />;
  return (
    <div className="min-h-dvh md:grid md:grid-cols-[13.5rem_1fr]">
      <a
        href="#main"
        className="sr-only focus:not-sr-only focus:absolute focus:left-4 focus:top-4 focus:z-40 focus:bg-card focus:px-3 focus:py-2"
      >
        Skip to the screen
      </a>
      <header className="border-line bg-card max-md:sticky max-md:top-0 max-md:z-20 max-md:border-b md:border-r">
        <div className="md:sticky md:top-0 md:flex md:h-dvh md:flex-col">
          <div className="flex items-center justify-between px-4 py-3 md:py-5">
            <Link to="/" className="flex items-center gap-2 font-semibold text-ink no-underline">
              <img src="/ui/mark.svg" alt="" width="26" height="26" />
              preftune
            </Link>
            <button
              type="button"
              className="button md:hidden"
              aria-expanded={isOpen}
              aria-controls="screens"
              onClick={() => setIsOpen(!isOpen)}
            >
              Menu
            </button>
          </div>
          <nav
            id="screens"
            aria-label="Screens"
            className={`${isOpen ? '' : 'max-md:hidden'} flex-1 overflow-y-auto px-2 pb-4`}
          >
            {GROUPS.map(({ title, links }, at) => (
              <div key={at} className="mb-3">
                {title !== undefined && <p className="quiet px-2 pb-1 text-sm">{title}</p>}
                <ul>
                  {links.map(({ to, name }) => (
                    <li key={to}>
                      <Link
                        to={to}
                        activeOptions={{ exact: to === '/' }}
                        className="block rounded-lg px-2 py-2 text-ink no-underline hover:bg-shade"
                        activeProps={{ className: 'bg-neutral-bg font-medium', 'aria-current': 'page' }}
                      >
                        {name}
                      </Link>
                    </li>
                  ))}
                </ul>
              </div>
            ))}
          </nav>
          <div className={`${isOpen ? '' : 'max-md:hidden'} px-4 pb-4`}>
            {session.data?.is_signed_in === true && <SignedIn name={session.data.annotator?.name} />}
            <ThemeChoice />
          </div>
        </div>
      </header>
      <div className="min-w-0">
        <Outlet />
      </div>
      <Notices />
    </div>
  );
}

function ThemeChoice(): ReactNode {
  const [theme, choose] = useState(readTheme);
  return (
    <label className="quiet flex items-center justify-between gap-2 text-sm">
      Colours
      <select
        className="field w-auto!"
        value={theme}
        onChange={(event) => {
          const next = event.target.value as Theme;
          setTheme(next);
          choose(next);
        }}
      >
        <option value="system">System</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </label>
  );
}

function SignedIn({ name }: { readonly name: string | undefined }): ReactNode {
  const signOut = useMutation({
    mutationFn: () => api.delete('/v1/preftune/session'),
    onSuccess: () => void queries.resetQueries(),
  });
  return (
    <div className="quiet mb-3 flex items-center justify-between gap-2 text-sm">
      <span>{name ?? 'Signed in'}</span>
      <button type="button" className="button" onClick={() => signOut.mutate()}>
        Sign out
      </button>
    </div>
  );
}
