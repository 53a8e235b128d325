import { infiniteQueryOptions, useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { askUntyped, queries } from '../api.ts';
import { may, sessionQuery } from '../data.ts';
import { begin } from '../parts/format.ts';
import { Badge, Empty, Failure, Screen, Skeleton, type Tone } from '../parts/frame.tsx';
import { Markdown } from '../parts/markdown.tsx';
import { tell, tellFailure } from '../parts/notices.tsx';
import { WordDifferences } from '../parts/words.tsx';

interface Row {
  readonly id: string;
  readonly kind: 'pair' | 'single' | 'completion';
  readonly source: string;
  readonly content: Readonly<Record<string, unknown>>;
  readonly state: 'ready' | 'quarantined' | 'approved' | 'rejected';
  readonly reasons: readonly string[];
  readonly reviewer: string | null;
}

interface Rows {
  readonly data: readonly Row[];
  readonly has_more: boolean;
  readonly last_id: string | null;
}

interface Build {
  readonly signals: number;
  readonly rows: Readonly<Record<Row['kind'], number>>;
  readonly dropped: Readonly<Record<string, number>>;
  readonly waiting: number;
  readonly largest_person_share: number;
}

const STATES = ['quarantined', 'ready', 'approved', 'rejected'] as const;
const TONES: Readonly<Record<Row['state'], Tone>> = {
  ready: 'good',
  approved: 'good',
  quarantined: 'warn',
  rejected: 'bad',
};
const route = getRouteApi('/rows');

const rowsQuery = (state: string | undefined) =>
  infiniteQueryOptions({
    queryKey: ['rows', state],
    queryFn: ({ pageParam }) => {
      const words = new URLSearchParams({ limit: '50' });
      if (state !== undefined) words.set('state', state);
      if (pageParam !== undefined) words.set('after', pageParam);
      return askUntyped<Rows>('GET', `/v1/preftune/rows?${words.toString()}`);
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => (last.has_more ? (last.last_id ?? undefined) : undefined),
  });

/** What a model would learn from, and what somebody should look at first. */
export function RowsScreen(): ReactNode {
  const { state } = route.useSearch();
  const navigate = route.useNavigate();
  const session = useQuery(sessionQuery);
  const list = useInfiniteQuery(rowsQuery(state));
  const mayTrain = may(session.data, 'train');
  const build = useMutation({
    mutationFn: () => askUntyped<Build>('POST', '/v1/preftune/rows/build', {}),
    onSuccess: () => void queries.invalidateQueries({ queryKey: ['rows'] }),
    onError: tellFailure,
  });
  const rows = list.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <Screen
      title="Rows"
      what="What a model would learn from: pairs and answers made of feedback, each with what it came from. Some wait for somebody to look at them."
      actions={
        mayTrain && (
          <button
            type="button"
            className="button button-main"
            disabled={build.isPending}
            onClick={() => build.mutate()}
          >
            {build.isPending ? 'Making …' : 'Make them anew'}
          </button>
        )
      }
    >
      {build.data !== undefined && <BuildReport build={build.data} />}
      <label className="mb-4 block max-w-xs">
        State
        <select
          className="field"
          value={state ?? ''}
          onChange={(event) =>
            void navigate({ search: (event.target.value === '' ? {} : { state: event.target.value }) as never })
          }
        >
          <option value="">all</option>
          {STATES.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
      {list.error !== null ? (
        <Failure error={list.error} again={() => void list.refetch()} />
      ) : list.isPending ? (
        <Skeleton rows={6} />
      ) : rows.length === 0 ? (
        <Empty title="No rows">
          They are made of <Link to="/feedback">feedback</Link>; comparisons of campaigns are downloaded there.
        </Empty>
      ) : (
        <ul className="flex flex-col gap-2">
          {rows.map((row) => (
            <li key={row.id}>
              <RowCard row={row} mayTrain={mayTrain} />
            </li>
          ))}
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

function BuildReport({ build }: { readonly build: Build }): ReactNode {
  const dropped = Object.entries(build.dropped);
  return (
    <section className="card mb-4" role="status">
      <p>
        {build.signals} signals made {build.rows.pair} pairs, {build.rows.single} single answers and{' '}
        {build.rows.completion} answers to copy; {build.waiting} wait for somebody. The most rows of one person are{' '}
        {Number((100 * build.largest_person_share).toFixed(1))} %.
      </p>
      {dropped.length > 0 && (
        <p className="quiet mt-1">
          Left out: {dropped.map(([reason, count]) => `${count} ${reason.replaceAll('_', ' ')}`).join(', ')}
        </p>
      )}
    </section>
  );
}

function RowCard({ row, mayTrain }: { readonly row: Row; readonly mayTrain: boolean }): ReactNode {
  const [isOpen, setIsOpen] = useState(false);
  const [showsWords, setShowsWords] = useState(false);
  const review = useMutation({
    mutationFn: (verdict: 'approved' | 'rejected') =>
      askUntyped('POST', `/v1/preftune/rows/${row.id}/review`, { verdict }),
    onSuccess: (_, verdict) => {
      void queries.invalidateQueries({ queryKey: ['rows'] });
      tell(verdict === 'approved' ? 'It is learned from.' : 'It is left out.', {
        undo: () => review.mutate(verdict === 'approved' ? 'rejected' : 'approved'),
      });
    },
    onError: tellFailure,
  });
  const { content } = row;
  const [chosen, rejected] = [textOf(content['chosen'] ?? content['completion']), textOf(content['rejected'])];
  return (
    <article className="card py-3!">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Badge tone={TONES[row.state]}>{row.state}</Badge>
        <span className="quiet text-sm">
          {row.kind}, from {row.source.replaceAll('_', ' ')}
          {row.reasons.length > 0 &&
            `; look at it: ${row.reasons.map((reason) => reason.replaceAll('_', ' ')).join(', ')}`}
        </span>
        <button
          type="button"
          className="ml-auto text-sm underline"
          aria-expanded={isOpen}
          onClick={() => setIsOpen(!isOpen)}
        >
          {isOpen ? 'Less' : 'All of it'}
        </button>
      </div>
      <p className="mt-1">{begin(textOf(content['prompt']), 140)}</p>
      {isOpen && (
        <div className="mt-3 flex flex-col gap-3">
          <Markdown text={textOf(content['prompt'])} />
          <div className="grid gap-3 md:grid-cols-2">
            <Answer
              title={row.kind === 'single' ? answerTitle(content) : 'Better'}
              text={chosen}
              other={showsWords ? rejected : undefined}
            />
            {rejected !== '' && <Answer title="Worse" text={rejected} other={showsWords ? chosen : undefined} />}
          </div>
          {rejected !== '' && (
            <button
              type="button"
              className="button self-start"
              aria-pressed={showsWords}
              onClick={() => setShowsWords(!showsWords)}
            >
              Differences
            </button>
          )}
        </div>
      )}
      {mayTrain && (
        <div className="mt-3 flex flex-wrap gap-2">
          <button
            type="button"
            className="button"
            disabled={review.isPending || row.state === 'approved'}
            onClick={() => review.mutate('approved')}
          >
            Learn from it
          </button>
          <button
            type="button"
            className="button button-bad"
            disabled={review.isPending || row.state === 'rejected'}
            onClick={() => review.mutate('rejected')}
          >
            Leave it out
          </button>
        </div>
      )}
    </article>
  );
}

function answerTitle(content: Row['content']): string {
  return content['label'] === true ? 'Good' : content['label'] === false ? 'Bad' : 'Answer';
}

function Answer({
  title,
  text,
  other,
}: {
  readonly title: string;
  readonly text: string;
  readonly other: string | undefined;
}): ReactNode {
  return (
    <div className="rounded-lg bg-shade px-3 py-2">
      <p className="quiet text-sm">{title}</p>
      {other === undefined ? <Markdown text={text} /> : <WordDifferences text={text} other={other} />}
    </div>
  );
}

/** Texts and conversations as plain text. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return value === undefined || value === null ? '' : JSON.stringify(value);
  return value.map((turn: { content?: unknown }) => textOf(turn.content)).join('\n\n');
}
