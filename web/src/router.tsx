import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router';
import { Empty, Screen } from './parts/frame.tsx';
import { Shell } from './shell.tsx';

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

const root = createRootRoute({
  component: Shell,
  notFoundComponent: () => (
    <Screen title="Not here" what="This address leads to no screen.">
      <Empty title="Take a screen from the list at the side." />
    </Screen>
  ),
});

const overview = createRoute({
  getParentRoute: () => root,
  path: '/',
  component: lazyRouteComponent(() => import('./screens/overview.tsx'), 'Overview'),
});
const playground = createRoute({
  getParentRoute: () => root,
  path: '/playground',
  validateSearch: (search: Record<string, unknown>): { a?: string; b?: string } =>
    ({ a: text(search['a']), b: text(search['b']) }) as { a?: string; b?: string },
  component: lazyRouteComponent(() => import('./screens/playground.tsx'), 'Playground'),
});
const logs = createRoute({
  getParentRoute: () => root,
  path: '/logs',
  validateSearch: (search: Record<string, unknown>): { model?: string; id?: string; after?: string } =>
    ({ model: text(search['model']), id: text(search['id']), after: text(search['after']) }) as {
      model?: string;
      id?: string;
      after?: string;
    },
  component: lazyRouteComponent(() => import('./screens/logs.tsx'), 'Logs'),
});
const jobs = createRoute({
  getParentRoute: () => root,
  path: '/jobs',
  validateSearch: (search: Record<string, unknown>): { id?: string } => ({ id: text(search['id']) }) as { id?: string },
  component: lazyRouteComponent(() => import('./screens/jobs.tsx'), 'Jobs'),
});
const versions = createRoute({
  getParentRoute: () => root,
  path: '/versions',
  component: lazyRouteComponent(() => import('./screens/versions.tsx'), 'Versions'),
});
const settings = createRoute({
  getParentRoute: () => root,
  path: '/settings',
  component: lazyRouteComponent(() => import('./screens/settings.tsx'), 'Settings'),
});
const index = createRoute({
  getParentRoute: () => root,
  path: '/index.html',
  beforeLoad: () => {
    throw redirect({ to: '/' });
  },
});

export const router = createRouter({
  routeTree: root.addChildren([overview, playground, logs, jobs, versions, settings, index]),
  basepath: '/ui',
  defaultPreload: 'intent',
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
