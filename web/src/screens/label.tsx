import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { api, queries } from '../api.ts';
import { sessionQuery } from '../data.ts';
import { campaignsQuery } from '../label-api.ts';
import { Empty, Failure, Screen, Skeleton } from '../parts/frame.tsx';
import { tellFailure } from '../parts/notices.tsx';
import { Desk } from './label-desk.tsx';

const route = getRouteApi('/label');
/** Two answers, side by side; somebody says which is better. */
export function Label(): ReactNode {
  const { campaign: id } = route.useSearch();
  const session = useQuery(sessionQuery);
  const campaigns = useQuery(campaignsQuery);
  const open = campaigns.data?.data.filter((one) => one.is_open) ?? [];
  const campaign = campaigns.data?.data.find((one) => one.id === id) ?? (open.length === 1 ? open[0] : undefined);
  if (campaigns.error !== null)
    return (
      <Screen title="Label" what="Compare answers.">
        <Failure error={campaigns.error} again={() => void campaigns.refetch()} />
      </Screen>
    );
  if (campaigns.isPending || session.isPending)
    return (
      <Screen title="Label" what="Compare answers.">
        <Skeleton />
      </Screen>
    );
  if (session.data?.annotator === null || session.data === undefined) return <WhoAreYou />;
  if (campaign === undefined)
    return (
      <Screen title="Label" what="Compare two answers, and say which is better.">
        {open.length === 0 ? (
          <Empty title="No campaign is open">
            <Link to="/campaigns">Campaigns</Link> makes one from rows, prompts or what was asked here.
          </Empty>
        ) : (
          <ul className="flex flex-col gap-2">
            {open.map((one) => (
              <li key={one.id}>
                <Link
                  to="/label"
                  search={{ campaign: one.id }}
                  className="card block text-ink no-underline hover:bg-shade"
                >
                  <span className="font-medium">{one.name}</span>
                  <span className="quiet block text-sm">
                    {one.done} of {one.items} done
                  </span>
                </Link>
              </li>
            ))}
          </ul>
        )}
      </Screen>
    );
  return <Desk key={campaign.id} campaign={campaign} />;
}

function WhoAreYou(): ReactNode {
  return (
    <Screen title="Label" what="Compare two answers, and say which is better.">
      <form
        className="card flex max-w-md flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          const name = String(new FormData(event.currentTarget).get('name')).trim();
          api
            .put('/v1/preftune/session', { body: { name } })
            .then(() => void queries.invalidateQueries({ queryKey: ['session'] }), tellFailure);
        }}
      >
        <label>
          Your name
          <input className="field" name="name" required maxLength={100} autoComplete="nickname" />
        </label>
        <p className="quiet text-sm">So that nobody is asked the same twice. It is kept as a keyed hash.</p>
        <button type="submit" className="button button-main self-start">
          Begin
        </button>
      </form>
    </Screen>
  );
}
