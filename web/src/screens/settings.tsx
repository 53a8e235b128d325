import { queryOptions, useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { api, queries, type CallOptions } from '../api.ts';
import type { Session } from '../data.ts';
import { ago, asDate } from '../parts/format.ts';
import { Badge, Code, Empty, Failure, Screen, Skeleton } from '../parts/frame.tsx';
import { tell, tellFailure } from '../parts/notices.tsx';

const SCOPES: Readonly<Record<string, string>> = {
  infer: 'ask models',
  feedback: 'send feedback',
  label: 'compare answers',
  read: 'read what is kept',
  train: 'train and load models',
  admin: 'everything',
};

const keysQuery = queryOptions({
  queryKey: ['keys'],
  queryFn: ({ signal }) => api.get('/v1/preftune/keys', { signal }),
});

/** Keys, people who want to be forgotten, and who did what. */
export function Settings(): ReactNode {
  return (
    <Screen title="Settings" what="Keys, people who want to see or to erase what is kept of them, and who did what.">
      <div className="flex flex-col gap-8">
        <Keys />
        <Erasure />
        <Audit />
      </div>
    </Screen>
  );
}

function Keys(): ReactNode {
  const keys = useQuery(keysQuery);
  const [made, setMade] = useState<string>();
  const make = useMutation({
    mutationFn: (body: CallOptions<'post', '/v1/preftune/keys'>['body']) => api.post('/v1/preftune/keys', { body }),
    onSuccess: ({ key }) => {
      setMade(key);
      void queries.invalidateQueries({ queryKey: ['keys'] });
    },
    onError: tellFailure,
  });
  const revoke = useMutation({
    mutationFn: (id: string) => api.delete('/v1/preftune/keys/{id}', { params: { id } }),
    onSuccess: () => {
      tell('Revoked, from the next request on.');
      void queries.invalidateQueries({ queryKey: ['keys'] });
    },
    onError: tellFailure,
  });
  return (
    <section aria-labelledby="keys">
      <h2 id="keys" className="mb-3 text-lg font-semibold">
        Keys
      </h2>
      {keys.error !== null ? (
        <Failure error={keys.error} again={() => void keys.refetch()} />
      ) : keys.isPending ? (
        <Skeleton rows={2} />
      ) : keys.data.data.length === 0 ? (
        <Empty title="No key">
          Whoever reaches this server may use it. The first key closes it: make one for yourself (everything) first.
        </Empty>
      ) : (
        <ul className="flex flex-col gap-2">
          {keys.data.data.map((key) => (
            <li key={key.id} className="card flex flex-wrap items-center justify-between gap-2 py-3!">
              <span>
                <span className="font-medium">{key.name}</span>{' '}
                {key.revoked_at !== null && <Badge tone="bad">revoked</Badge>}
                <span className="quiet block text-sm">
                  {key.scopes.map((scope) => SCOPES[scope] ?? scope).join(', ')}; made {ago(key.created_at)}
                  {key.last_used_at === null ? ', never used' : `, used ${ago(key.last_used_at)}`}
                  {key.expires_at !== null && `, ends ${asDate(key.expires_at)}`}
                  {key.origins !== null && `; for pages of ${key.origins.join(', ')}`}
                </span>
              </span>
              {key.revoked_at === null && (
                <button type="button" className="button button-bad" onClick={() => revoke.mutate(key.id)}>
                  Revoke
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
      {made !== undefined && (
        <div className="card mt-3 bg-good-bg!">
          <p className="mb-2 font-medium">Copy it now: it is not shown again.</p>
          <Code>{made}</Code>
          <button
            type="button"
            className="button mt-2"
            onClick={() => void navigator.clipboard.writeText(made).then(() => tell('Copied.'), tellFailure)}
          >
            Copy
          </button>
        </div>
      )}
      <details className="mt-3">
        <summary className="button">New key</summary>
        <form
          className="card mt-2 flex flex-col gap-3"
          onSubmit={(event) => {
            event.preventDefault();
            const form = new FormData(event.currentTarget);
            const origins = String(form.get('origins')).split(/\s+/).filter(Boolean);
            make.mutate({
              name: String(form.get('name')),
              scopes: [...(form.getAll('scopes') as unknown as Session['scopes'])],
              ...(origins.length > 0 && { origins }),
            });
          }}
        >
          <label>
            Name
            <input className="field" name="name" required maxLength={100} placeholder="the website" />
          </label>
          <fieldset>
            <legend>May</legend>
            {Object.entries(SCOPES).map(([scope, what]) => (
              <label key={scope} className="mr-4 inline-flex min-h-10 items-center gap-2">
                <input type="checkbox" name="scopes" value={scope} /> {what}
              </label>
            ))}
          </fieldset>
          <label>
            For pages of (origins, for a key that a browser holds)
            <input className="field" name="origins" placeholder="https://chat.example.com" />
          </label>
          <button type="submit" className="button button-main self-start" disabled={make.isPending}>
            Make it
          </button>
        </form>
      </details>
    </section>
  );
}

function Erasure(): ReactNode {
  const [user, setUser] = useState('');
  const [isSure, setIsSure] = useState(false);
  const path = `/v1/preftune/users/${encodeURIComponent(user)}`;
  const erase = useMutation({
    mutationFn: () => api.delete('/v1/preftune/users/{id}', { params: { id: user } }),
    onSuccess: ({ inferences }) => {
      tell(`Erased: ${inferences} answers, and what hung on them.`);
      setUser('');
      setIsSure(false);
    },
    onError: tellFailure,
  });
  return (
    <section aria-labelledby="erasure">
      <h2 id="erasure" className="mb-1 text-lg font-semibold">
        A person’s data
      </h2>
      <p className="quiet mb-3">
        As your application names the person (user or safety_identifier). The store keeps a keyed hash of the name, so
        it must be exact.
      </p>
      <form
        className="card flex flex-wrap items-end gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (isSure) erase.mutate();
          else setIsSure(true);
        }}
      >
        <label className="grow">
          Person
          <input
            className="field"
            value={user}
            onChange={(event) => {
              setUser(event.target.value);
              setIsSure(false);
            }}
          />
        </label>
        {user === '' ? (
          <span className="button" aria-disabled="true">
            Download
          </span>
        ) : (
          <a className="button text-ink no-underline" href={`${path}/export`} download={`${user}.jsonl`}>
            Download
          </a>
        )}
        <button type="submit" className="button button-bad" disabled={user === '' || erase.isPending}>
          {isSure ? 'Erase for good' : 'Erase'}
        </button>
      </form>
    </section>
  );
}

function Audit(): ReactNode {
  const audit = useQuery({
    queryKey: ['audit'],
    queryFn: ({ signal }) => api.get('/v1/preftune/audit', { query: { limit: 50, order: 'desc' }, signal }),
  });
  return (
    <section aria-labelledby="audit">
      <h2 id="audit" className="mb-3 text-lg font-semibold">
        Who did what
      </h2>
      {audit.error !== null ? (
        <Failure error={audit.error} />
      ) : audit.isPending ? (
        <Skeleton rows={3} />
      ) : audit.data.data.length === 0 ? (
        <Empty title="Nobody did anything yet" />
      ) : (
        <div className="overflow-x-auto" tabIndex={0} role="region" aria-labelledby="audit">
          <table className="rows">
            <thead>
              <tr>
                <th>When</th>
                <th>Who</th>
                <th>What</th>
                <th>Of</th>
              </tr>
            </thead>
            <tbody>
              {audit.data.data.map((entry) => (
                <tr key={entry.id}>
                  <td className="quiet whitespace-nowrap">{asDate(entry.at / 1000)}</td>
                  <td>{entry.actor}</td>
                  <td>{entry.action}</td>
                  <td className="font-mono text-sm">{entry.subject.slice(0, 60)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
