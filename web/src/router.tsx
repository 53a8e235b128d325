import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router';
import { Empty, Screen } from './parts/frame.tsx';
import { Shell } from './shell.tsx';

/** Words of the address that a screen knows; what is empty or of another kind is none. */
function words<const Name extends string>(...names: readonly Name[]) {
  return (search: Record<string, unknown>): { [N in Name]?: string } =>
    Object.fromEntries(
      names.flatMap((name) => (typeof search[name] === 'string' && search[name] !== '' ? [[name, search[name]]] : [])),
    ) as { [N in Name]?: string };
}

const root = createRootRoute({
  component: Shell,
  notFoundComponent: () => (
    <Screen title="Not here" what="This address leads to no screen.">
      <Empty title="Take a screen from the list at the side." />
    </Screen>
  ),
});
const getParentRoute = () => root;

const overview = createRoute({
  getParentRoute,
  path: '/',
  component: lazyRouteComponent(() => import('./screens/overview.tsx'), 'Overview'),
});
const playground = createRoute({
  getParentRoute,
  path: '/playground',
  validateSearch: words('a', 'b'),
  component: lazyRouteComponent(() => import('./screens/playground.tsx'), 'Playground'),
});
const logs = createRoute({
  getParentRoute,
  path: '/logs',
  validateSearch: words('model', 'id'),
  component: lazyRouteComponent(() => import('./screens/logs.tsx'), 'Logs'),
});
const feedback = createRoute({
  getParentRoute,
  path: '/feedback',
  validateSearch: words('kind'),
  component: lazyRouteComponent(() => import('./screens/feedback.tsx'), 'Feedback'),
});
const rows = createRoute({
  getParentRoute,
  path: '/rows',
  validateSearch: words('state'),
  component: lazyRouteComponent(() => import('./screens/rows.tsx'), 'RowsScreen'),
});
const label = createRoute({
  getParentRoute,
  path: '/label',
  validateSearch: words('campaign'),
  component: lazyRouteComponent(() => import('./screens/label.tsx'), 'Label'),
});
const campaigns = createRoute({
  getParentRoute,
  path: '/campaigns',
  validateSearch: words('id'),
  component: lazyRouteComponent(() => import('./screens/campaigns.tsx'), 'Campaigns'),
});
const jobs = createRoute({
  getParentRoute,
  path: '/jobs',
  validateSearch: words('id'),
  component: lazyRouteComponent(() => import('./screens/jobs.tsx'), 'Jobs'),
});
const versions = createRoute({
  getParentRoute,
  path: '/versions',
  component: lazyRouteComponent(() => import('./screens/versions.tsx'), 'Versions'),
});
const experiments = createRoute({
  getParentRoute,
  path: '/experiments',
  validateSearch: words('id'),
  component: lazyRouteComponent(() => import('./screens/experiments.tsx'), 'Experiments'),
});
const settings = createRoute({
  getParentRoute,
  path: '/settings',
  component: lazyRouteComponent(() => import('./screens/settings.tsx'), 'Settings'),
});
const index = createRoute({
  getParentRoute,
  path: '/index.html',
  beforeLoad: () => {
    throw redirect({ to: '/' });
  },
});

export const router = createRouter({
  routeTree: root.addChildren([
    overview,
    playground,
    logs,
    feedback,
    rows,
    label,
    campaigns,
    jobs,
    experiments,
    versions,
    settings,
    index,
  ]),
  basepath: '/ui',
  defaultPreload: 'intent',
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
