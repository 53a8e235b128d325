import { infiniteQueryOptions, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { api, type AnswerOf } from '../api.ts';
import { modelsQuery } from '../data.ts';
import { ago, asDate, begin, duration } from '../parts/format.ts';
import { Badge, Empty, Failure, Screen, Skeleton, type Tone } from '../parts/frame.tsx';
import { Markdown } from '../parts/markdown.tsx';

type Kept = AnswerOf<'get', '/v1/preftune/inferences'>['data'][number];

/** With what chats and completions have in their texts. */
type Inference = Omit<Kept, 'request' | 'response'> & {
  readonly request: { readonly messages?: readonly Message[]; readonly prompt?: unknown } | null;
  readonly response: { readonly choices?: readonly { readonly message?: Message; readonly text?: string }[] } | null;
};

interface Message {
  readonly role: string;
  readonly content: unknown;
}

const route = getRouteApi('/logs');
const TONES: Readonly<Record<Inference['status'], Tone>> = {
  complete: 'good',
  failed: 'bad',
  cancelled: 'warn',
  running: 'neutral',
};

const logsQuery = (model: string | undefined) =>
  infiniteQueryOptions({
    queryKey: ['inferences', model],
    queryFn: ({ signal, pageParam }) =>
      api.get('/v1/preftune/inferences', {
        query: {
          limit: 50,
          ...(model !== undefined && { model }),
          ...(pageParam !== undefined && { after: pageParam }),
        },
        signal,
      }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => (last.has_more ? (last.last_id ?? undefined) : undefined),
  });

/** What was asked and answered. */
export function Logs(): ReactNode {
  const { model, id } = route.useSearch();
  const navigate = route.useNavigate();
  const models = useQuery(modelsQuery);
  const list = useInfiniteQuery(logsQuery(model));
  const rows = (list.data?.pages.flatMap((page) => page.data) ?? []) as readonly Inference[];
  return (
    <Screen
      title="Logs"
      what="What was asked and answered, newest first. Texts are here where the server keeps them (--log text)."
      actions={
        <button type="button" className="button" onClick={() => void list.refetch()}>
          Look again
        </button>
      }
    >
      <label className="mb-4 block max-w-xs">
        Model
        <select
          className="field"
          value={model ?? ''}
          onChange={(event) => void navigate({ search: { model: event.target.value || undefined } as never })}
        >
          <option value="">all</option>
          {models.data?.data.map(({ id: name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      {list.error !== null ? (
        <Failure error={list.error} again={() => void list.refetch()} />
      ) : list.isPending ? (
        <Skeleton rows={8} />
      ) : rows.length === 0 ? (
        <Empty title="Nothing was asked yet">
          Point an OpenAI client at this server, or write in the <Link to="/playground">playground</Link>.
        </Empty>
      ) : (
        <ul className="flex flex-col gap-2">
          {rows.map((row) => (
            <li key={row.id}>
              <Link
                to="/logs"
                search={(old) => ({ ...old, id: old.id === row.id ? undefined : row.id }) as never}
                aria-expanded={row.id === id}
                resetScroll={false}
                className="card block py-3! text-ink no-underline hover:bg-shade"
              >
                <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
                  <Badge tone={TONES[row.status]}>{row.status}</Badge>
                  <span className="font-medium">{row.model}</span>
                  <span className="quiet text-sm" title={asDate(row.created_at)}>
                    {ago(row.created_at)}
                  </span>
                  <span className="quiet text-sm">
                    {row.prompt_tokens ?? '–'} + {row.completion_tokens ?? '–'} tokens, {duration(row.total_ms)}
                  </span>
                </span>
                <span className="mt-1 block">
                  {begin(asked(row)) || <span className="quiet">{row.error ?? 'no text was kept'}</span>}
                </span>
              </Link>
              {row.id === id && <Details row={row} />}
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

function Details({ row }: { readonly row: Inference }): ReactNode {
  const answers = row.response?.choices ?? [];
  return (
    <div className="card mt-1 flex flex-col gap-4">
      {row.error !== null && <p className="text-bad">{row.error}</p>}
      {(row.request?.messages ?? []).map((message, index) => (
        <div key={index}>
          <p className="quiet text-sm">{message.role}</p>
          <Markdown text={textOf(message.content)} />
        </div>
      ))}
      {answers.map((choice, index) => (
        <div key={index}>
          <p className="text-sm text-accent">{answers.length === 1 ? 'answer' : `answer ${index + 1}`}</p>
          <Markdown text={choice.text ?? textOf(choice.message?.content)} />
        </div>
      ))}
      <dl className="quiet grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 text-sm">
        <dt>id</dt>
        <dd className="font-mono">{row.id}</dd>
        <dt>version</dt>
        <dd className="font-mono">{row.version}</dd>
        <dt>time</dt>
        <dd>
          {asDate(row.created_at)}; first token after {duration(row.first_token_ms)}, whole after{' '}
          {duration(row.total_ms)}
        </dd>
        <dt>ended</dt>
        <dd>{row.finish_reasons.join(', ') || '–'}</dd>
        {row.user !== null && (
          <>
            <dt>user</dt>
            <dd className="font-mono">{row.user.slice(0, 16)} (HMAC)</dd>
          </>
        )}
        <dt>settings</dt>
        <dd className="font-mono">{JSON.stringify(row.parameters)}</dd>
        {Object.keys(row.metadata).length > 0 && (
          <>
            <dt>metadata</dt>
            <dd className="font-mono">{JSON.stringify(row.metadata)}</dd>
          </>
        )}
      </dl>
    </div>
  );
}

function asked({ request }: Inference): string {
  const last = request?.messages?.findLast(({ role }) => role === 'user');
  return last === undefined ? textOf(request?.prompt) : textOf(last.content);
}

/** Contents are texts or parts. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return content === null || content === undefined ? '' : JSON.stringify(content);
  return content.map((part: { text?: string; type?: string }) => part.text ?? `[${part.type ?? 'part'}]`).join('\n');
}
