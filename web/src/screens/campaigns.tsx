import { useMutation, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { askUntyped, queries } from '../api.ts';
import { may, sessionQuery } from '../data.ts';
import { campaignsQuery, type CampaignSummary } from '../label-api.ts';
import { ago, duration } from '../parts/format.ts';
import { Badge, Empty, Failure, Screen, Skeleton } from '../parts/frame.tsx';
import { tell, tellFailure } from '../parts/notices.tsx';

const route = getRouteApi('/campaigns');

/** What is compared by people: how far it is, whether they agree, and what came of it. */
export function Campaigns(): ReactNode {
  const { id } = route.useSearch();
  const session = useQuery(sessionQuery);
  const campaigns = useQuery(campaignsQuery);
  return (
    <Screen title="Campaigns" what="What people compare: how far it is, whether they agree, and what came of it.">
      {campaigns.error !== null ? (
        <Failure error={campaigns.error} again={() => void campaigns.refetch()} />
      ) : campaigns.isPending ? (
        <Skeleton />
      ) : campaigns.data.data.length === 0 ? (
        <Empty title="No campaign yet">
          <p className="font-mono">preftune label --data rows.jsonl --store STORE</p>
        </Empty>
      ) : (
        <ul className="flex flex-col gap-2">
          {campaigns.data.data.map((campaign) => (
            <li key={campaign.id} className="card">
              <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
                <Link
                  to="/campaigns"
                  search={{ id: campaign.id === id ? undefined : campaign.id } as never}
                  aria-expanded={campaign.id === id}
                  className="font-medium text-ink"
                >
                  {campaign.name}
                </Link>
                <Badge tone={campaign.is_open ? 'good' : 'neutral'}>{campaign.is_open ? 'open' : 'closed'}</Badge>
                <span className="quiet text-sm">
                  {campaign.done} of {campaign.items} done, {campaign.votes} votes, begun {ago(campaign.created_at)}
                </span>
                {campaign.is_open && (
                  <Link to="/label" search={{ campaign: campaign.id }} className="button ml-auto text-ink no-underline">
                    Label
                  </Link>
                )}
              </div>
              <progress
                className="mt-2 h-2 w-full"
                value={campaign.done}
                max={Math.max(1, campaign.items)}
                aria-label="done"
              />
              {campaign.id === id && <Details campaign={campaign} mayRun={may(session.data, 'train')} />}
            </li>
          ))}
        </ul>
      )}
    </Screen>
  );
}

interface Estimate {
  readonly value: number | null;
  readonly interval: { readonly low: number; readonly high: number } | null;
}

interface PanelData {
  readonly alpha: Estimate | null;
  readonly gold_accuracy: Estimate | null;
  readonly self_agreement: Estimate | null;
  readonly left_share: Estimate | null;
  readonly longer_share: Estimate | null;
  readonly median_seconds: number | null;
  readonly annotators: readonly { readonly id: string; readonly votes: number }[];
}

function Details({ campaign, mayRun }: { readonly campaign: CampaignSummary; readonly mayRun: boolean }): ReactNode {
  const path = `/v1/preftune/campaigns/${campaign.id}`;
  const panel = useQuery({
    queryKey: ['panel', campaign.id],
    queryFn: () => askUntyped<PanelData>('GET', `${path}/panel`),
    refetchInterval: 15_000,
  });
  const change = useMutation({
    mutationFn: (isOpen: boolean) => askUntyped('PATCH', path, { is_open: isOpen }),
    onSuccess: (_, isOpen) => {
      void queries.invalidateQueries({ queryKey: ['campaigns'] });
      tell(isOpen ? 'Open again.' : 'Closed.', { undo: () => change.mutate(!isOpen) });
    },
    onError: tellFailure,
  });
  return (
    <div className="mt-4 flex flex-col gap-4 border-t border-line pt-4">
      {panel.error !== null ? (
        <Failure error={panel.error} />
      ) : panel.isPending ? (
        <Skeleton rows={2} />
      ) : (
        <dl className="grid gap-3 sm:grid-cols-2 lg:grid-cols-3">
          <Figure name="Agreement (Krippendorff’s alpha)" what="0: by chance; 1: always" of={panel.data.alpha} />
          <Figure name="Right on known items" of={panel.data.gold_accuracy} isShare />
          <Figure name="Same answer twice" of={panel.data.self_agreement} isShare />
          <Figure name="Left is chosen" what="far from 50 %: sides decide" of={panel.data.left_share} isShare />
          <Figure name="The longer one is chosen" of={panel.data.longer_share} isShare />
          <div>
            <dt className="quiet text-sm">Time for one</dt>
            <dd className="text-lg font-medium">
              {panel.data.median_seconds === null ? '–' : duration(panel.data.median_seconds * 1000)}
            </dd>
          </div>
        </dl>
      )}
      {mayRun && (
        <div className="flex flex-wrap gap-2">
          <a className="button text-ink no-underline" href={`${path}/export?format=pairs`} download>
            Download pairs
          </a>
          <a className="button text-ink no-underline" href={`${path}/export?format=votes`} download>
            Download votes
          </a>
          <button
            type="button"
            className="button"
            disabled={change.isPending}
            onClick={() => change.mutate(!campaign.is_open)}
          >
            {campaign.is_open ? 'Close it' : 'Open it again'}
          </button>
        </div>
      )}
    </div>
  );
}

function Figure({
  name,
  what,
  of,
  isShare = false,
}: {
  readonly name: string;
  readonly what?: string;
  readonly of: Estimate | null;
  readonly isShare?: boolean;
}): ReactNode {
  const shown = (value: number): string => (isShare ? `${(100 * value).toFixed(0)} %` : value.toFixed(2));
  return (
    <div>
      <dt className="quiet text-sm">{name}</dt>
      <dd>
        {of === null || of.value === null ? (
          <span className="quiet">not yet known</span>
        ) : (
          <>
            <span className="text-lg font-medium">{shown(of.value)}</span>
            {of.interval !== null && (
              <span className="quiet text-sm">
                {' '}
                ({shown(of.interval.low)} to {shown(of.interval.high)})
              </span>
            )}
          </>
        )}
        {what !== undefined && <span className="quiet block text-sm">{what}</span>}
      </dd>
    </div>
  );
}
