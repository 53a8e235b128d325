import { infiniteQueryOptions, useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { askUntyped } from '../api.ts';
import { ago, asDate } from '../parts/format.ts';
import { Badge, Empty, Failure, Screen, Skeleton, type Tone } from '../parts/frame.tsx';

interface Signal {
  readonly id: string;
  readonly created_at: number;
  readonly kind: string;
  readonly name: string | null;
  readonly inference_id: string | null;
  readonly value: number | null;
  readonly word: string | null;
  readonly text: string | null;
  readonly is_anonymous: boolean;
  readonly model: string;
  readonly is_current: boolean;
}

interface Signals {
  readonly data: readonly Signal[];
  readonly has_more: boolean;
  readonly last_id: string | null;
}

const KINDS = ['thumb', 'rating', 'comment', 'edit', 'comparison', 'regenerate', 'copy', 'accept', 'outcome'] as const;
const route = getRouteApi('/feedback');

const feedbackQuery = (kind: string | undefined) =>
  infiniteQueryOptions({
    queryKey: ['feedback', kind],
    queryFn: ({ pageParam }) => {
      const words = new URLSearchParams({ limit: '50' });
      if (kind !== undefined) words.set('kind', kind);
      if (pageParam !== undefined) words.set('after', pageParam);
      return askUntyped<Signals>('GET', `/v1/preftune/feedback?${words.toString()}`);
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => (last.has_more ? (last.last_id ?? undefined) : undefined),
  });

/** What people said of answers. */
export function Feedback(): ReactNode {
  const { kind } = route.useSearch();
  const navigate = route.useNavigate();
  const list = useInfiniteQuery(feedbackQuery(kind));
  const rows = list.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <Screen
      title="Feedback"
      what="What people said of answers: thumbs, edits, comparisons. Rows to train on are made of it."
    >
      <label className="mb-4 block max-w-xs">
        Kind
        <select
          className="field"
          value={kind ?? ''}
          onChange={(event) =>
            void navigate({ search: (event.target.value === '' ? {} : { kind: event.target.value }) as never })
          }
        >
          <option value="">all</option>
          {KINDS.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
      {list.error !== null ? (
        <Failure error={list.error} again={() => void list.refetch()} />
      ) : list.isPending ? (
        <Skeleton rows={6} />
      ) : rows.length === 0 ? (
        <Empty title="No feedback yet">
          An application sends it to <span className="font-mono">/v1/preftune/feedback</span>; so does the{' '}
          <Link to="/playground">playground</Link>.
        </Empty>
      ) : (
        <ul className="flex flex-col gap-2">
          {rows.map((row) => {
            const { tone, text } = said(row);
            return (
              <li
                key={row.id}
                className={`card flex flex-wrap items-baseline gap-x-3 gap-y-1 py-3! ${row.is_current ? '' : 'opacity-70'}`}
              >
                <Badge tone={tone}>{text}</Badge>
                <span>{row.model}</span>
                <span className="quiet text-sm" title={asDate(row.created_at)}>
                  {ago(row.created_at)}
                  {row.is_anonymous ? ', nobody known' : ''}
                  {row.is_current ? '' : ', replaced by a later one'}
                </span>
                {row.inference_id !== null && (
                  <Link className="text-sm" to="/logs" search={{ id: row.inference_id }}>
                    the answer
                  </Link>
                )}
                {row.text !== null && <p className="w-full whitespace-pre-wrap">{row.text}</p>}
              </li>
            );
          })}
        </ul>
      )}
      {list.hasNextPage && (
        <button
          type="button"
          className="button mt-4"
          disabled={list.isFetchingNextPage}
          onClick={() => void list.fetchNextPage()}
        >
          Older ones
        </button>
      )}
    </Screen>
  );
}

const CHOICES: Readonly<Record<string, string>> = {
  a: 'the first is better',
  b: 'the second is better',
  tie: 'equal',
  both_good: 'both good',
  both_bad: 'both bad',
};

function said({ kind, name, value, word }: Signal): { readonly tone: Tone; readonly text: string } {
  if (kind === 'thumb')
    return value === null
      ? { tone: 'neutral', text: 'thumb taken back' }
      : value > 0
        ? { tone: 'good', text: 'good' }
        : { tone: 'bad', text: 'bad' };
  if (kind === 'comparison')
    return {
      tone: word === 'both_bad' ? 'bad' : 'neutral',
      text: word === null ? 'comparison taken back' : (CHOICES[word] ?? word),
    };
  return { tone: 'neutral', text: `${name ?? kind}${value === null ? '' : ` ${value}`}` };
}
