import { useMutation, useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { api, queries } from '../api.ts';
import { jobsQuery, loopQuery, may, modelsQuery, sessionQuery, type Candidate, type LoopState } from '../data.ts';
import { campaignsQuery } from '../label-api.ts';
import { ago } from '../parts/format.ts';
import { Code, Failure, Screen, Skeleton, Verdict, type Tone } from '../parts/frame.tsx';
import { tell, tellFailure } from '../parts/notices.tsx';

interface Waiting {
  readonly key: string;
  readonly tone: Tone;
  readonly text: string;
  readonly to: '/versions' | '/jobs' | '/label';
  readonly action: string;
}

/** Where things stand, and what waits for a person. */
export function Overview(): ReactNode {
  const models = useQuery(modelsQuery);
  const loop = useQuery(loopQuery);
  const jobs = useQuery(jobsQuery);
  const campaigns = useQuery(campaignsQuery);
  const session = useQuery(sessionQuery);
  const running = jobs.data?.data.filter(({ status }) => status === 'running').length ?? 0;
  const open = campaigns.data?.data.filter((one) => one.is_open && one.done < one.items) ?? [];
  const waiting: readonly Waiting[] = [
    ...(loop.data?.candidates ?? []).flatMap(waitsFor),
    ...(running > 0
      ? [
          {
            key: 'jobs',
            tone: 'neutral' as const,
            text: running === 1 ? 'A training runs' : `${running} trainings run`,
            to: '/jobs' as const,
            action: 'See how it goes',
          },
        ]
      : []),
    ...open.map((one) => ({
      key: one.id,
      tone: 'neutral' as const,
      text: `${one.name}: ${one.items - one.done} comparisons are left`,
      to: '/label' as const,
      action: 'Compare answers',
    })),
  ];
  return (
    <Screen title="Overview" what="Where things stand, and what waits for you.">
      {models.error !== null ? (
        <Failure error={models.error} again={() => void models.refetch()} />
      ) : models.data === undefined || loop.isPending ? (
        <Skeleton rows={4} />
      ) : (
        <div className="flex flex-col gap-6">
          <Production loop={loop.data} names={models.data.data.map(({ id }) => id)} />
          <section aria-labelledby="waiting">
            <h2 id="waiting" className="mb-3 text-lg font-semibold">
              {waiting.length === 0 ? 'Nothing waits for you' : 'What waits'}
            </h2>
            <ul className="flex flex-col gap-2">
              {waiting.map(({ key, tone, text, to, action }) => (
                <li key={key}>
                  <Verdict tone={tone} title={text}>
                    <Link to={to}>{action}</Link>
                  </Verdict>
                </li>
              ))}
            </ul>
          </section>
          {may(session.data, 'train') && <Train />}
          <section className="card">
            <h2 className="mb-2 font-semibold">Ask it from your application</h2>
            <p className="quiet mb-2">Any OpenAI client, with another address:</p>
            <Code>{`const client = new OpenAI({ baseURL: '${location.origin}/v1', apiKey: KEY });`}</Code>
          </section>
        </div>
      )}
    </Screen>
  );
}

function Production({
  loop,
  names,
}: {
  readonly loop: LoopState | undefined;
  readonly names: readonly string[];
}): ReactNode {
  const production = loop?.production ?? null;
  if (names.length === 0)
    return <Verdict tone="neutral" title="No model answers here: this server is for comparing answers" />;
  return production === null ? (
    <Verdict tone="warn" title="prod stands for no model yet">
      {names.join(', ')} {names.length === 1 ? 'answers' : 'answer'} here.{' '}
      <Link to="/versions">Make one of them prod</Link>, the name that your application asks.
    </Verdict>
  ) : (
    <Verdict tone="good" title={`${production} answers as prod`}>
      {loop!.promotions[0] !== undefined && <>since {ago(loop!.promotions[0].at)}. </>}
      <Link to="/versions">Versions</Link> has what may take its place, and the way back.
    </Verdict>
  );
}

function waitsFor({ id, model, state }: Candidate): Waiting[] {
  const told: Partial<Record<Candidate['state'], string>> = {
    trained: `${model} is trained and waits for its gate`,
    held: `${model} waits for your decision`,
    passed: `${model} passed its gate and can be promoted`,
  };
  const text = told[state];
  return text === undefined ? [] : [{ key: id, tone: 'warn', text, to: '/versions', action: 'Look at it' }];
}

function Train(): ReactNode {
  const navigate = useNavigate();
  const train = useMutation({
    mutationFn: () => api.post('/v1/preftune/loop/train', { body: {} }),
    onSuccess: ({ job_id: id, snapshot }) => {
      tell(`Training on ${snapshot.rows} rows, ${snapshot.added} of them new.`);
      void queries.invalidateQueries({ queryKey: ['jobs'] });
      void queries.invalidateQueries({ queryKey: ['loop'] });
      void navigate({ to: '/jobs', search: { id } });
    },
    onError: tellFailure,
  });
  return (
    <section className="card">
      <h2 className="mb-1 font-semibold">Learn from feedback</h2>
      <p className="quiet mb-3">
        Makes pairs of the edits, thumbs and comparisons that came, trains the first model of the line on them, and
        makes the result a candidate. Nothing answers differently until somebody promotes it.
      </p>
      <button type="button" className="button button-main" disabled={train.isPending} onClick={() => train.mutate()}>
        {train.isPending ? 'Gathering rows …' : 'Train now'}
      </button>
    </section>
  );
}
