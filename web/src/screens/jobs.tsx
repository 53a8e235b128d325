import { useMutation, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useMemo, useState, type ReactNode } from 'react';
import { api, queries, type AnswerOf } from '../api.ts';
import { isOpen, jobsQuery, modelsQuery, type Job } from '../data.ts';
import { Chart, type Curve } from '../parts/chart.tsx';
import { ago, asDate } from '../parts/format.ts';
import { Badge, Empty, Failure, Screen, Skeleton, type Tone } from '../parts/frame.tsx';
import { tell, tellFailure } from '../parts/notices.tsx';

type JobEvent = AnswerOf<'get', '/v1/fine_tuning/jobs/{id}/events'>['data'][number];

const TONES: Readonly<Record<Job['status'], Tone>> = {
  validating_files: 'neutral',
  queued: 'neutral',
  running: 'warn',
  succeeded: 'good',
  failed: 'bad',
  cancelled: 'neutral',
};
const route = getRouteApi('/jobs');

/** Newest first, as the route gives them; all of them, for the curves. */
async function allEvents(id: string, signal: AbortSignal): Promise<readonly JobEvent[]> {
  const events: JobEvent[] = [];
  let after: string | undefined;
  for (;;) {
    const page = await api.get('/v1/fine_tuning/jobs/{id}/events', {
      params: { id },
      query: { limit: 100, ...(after !== undefined && { after }) },
      signal,
    });
    events.push(...page.data);
    after = page.data.at(-1)?.id;
    if (!page.has_more || after === undefined) return events;
  }
}

/** Trainings: what runs, how it goes, and how one is begun. */
export function Jobs(): ReactNode {
  const { id } = route.useSearch();
  const jobs = useQuery(jobsQuery);
  const [isMaking, setIsMaking] = useState(false);
  return (
    <Screen
      title="Jobs"
      what="Trainings: what runs, how it goes, and what came of it."
      actions={
        <button
          type="button"
          className="button button-main"
          aria-expanded={isMaking}
          onClick={() => setIsMaking(!isMaking)}
        >
          New training
        </button>
      }
    >
      {isMaking && <NewJob onMade={() => setIsMaking(false)} />}
      {jobs.error !== null ? (
        <Failure error={jobs.error} again={() => void jobs.refetch()} />
      ) : jobs.isPending ? (
        <Skeleton />
      ) : jobs.data.data.length === 0 ? (
        <Empty title="No training yet">Take New training, or send a job with OpenAI’s client.</Empty>
      ) : (
        <ul className="flex flex-col gap-2">
          {jobs.data.data.map((job) => (
            <li key={job.id}>
              <Link
                to="/jobs"
                search={{ id: job.id === id ? undefined : job.id } as never}
                aria-expanded={job.id === id}
                resetScroll={false}
                className="card flex flex-wrap items-center gap-x-3 gap-y-1 py-3! text-ink no-underline hover:bg-shade"
              >
                <Badge tone={TONES[job.status]}>{job.metadata['preftune.state'] ?? job.status.replace('_', ' ')}</Badge>
                <span className="font-medium">{job.fine_tuned_model ?? `${job.method.type} of ${job.model}`}</span>
                <span className="quiet text-sm" title={asDate(job.created_at)}>
                  begun {ago(job.created_at)}
                  {job.estimated_finish !== null && `, ends ${ago(job.estimated_finish)}`}
                </span>
              </Link>
              {job.id === id && <Details job={job} />}
            </li>
          ))}
        </ul>
      )}
    </Screen>
  );
}

function Details({ job }: { readonly job: Job }): ReactNode {
  const events = useQuery({
    queryKey: ['job events', job.id],
    queryFn: ({ signal }) => allEvents(job.id, signal),
    refetchInterval: isOpen(job) ? 2000 : false,
  });
  const act = useMutation({
    mutationFn: (word: 'pause' | 'resume' | 'cancel') =>
      api.post(`/v1/fine_tuning/jobs/{id}/${word}`, { params: { id: job.id } }),
    onSuccess: (_, word) => {
      void queries.invalidateQueries({ queryKey: ['jobs'] });
      if (word === 'pause') tell('Paused.', { undo: () => act.mutate('resume') });
    },
    onError: tellFailure,
  });
  const isPaused = job.metadata['preftune.state'] === 'paused';
  const curves = useMemo(() => curvesOf(events.data ?? []), [events.data]);
  return (
    <div className="card mt-1 flex flex-col gap-4">
      {job.error !== null && <p className="whitespace-pre-wrap text-bad">{job.error.message}</p>}
      {job.fine_tuned_model !== null && (
        <p>
          The model answers as <span className="font-mono">{job.fine_tuned_model}</span>.{' '}
          <Link to="/playground" search={{ a: job.model, b: job.fine_tuned_model }}>
            Compare it with {job.model}
          </Link>
        </p>
      )}
      {isOpen(job) && (
        <div className="flex gap-2">
          <button
            type="button"
            className="button"
            disabled={act.isPending}
            onClick={() => act.mutate(isPaused ? 'resume' : 'pause')}
          >
            {isPaused ? 'Go on' : 'Pause'}
          </button>
          <button
            type="button"
            className="button button-bad"
            disabled={act.isPending}
            onClick={() => act.mutate('cancel')}
          >
            End it
          </button>
        </div>
      )}
      {curves.map(({ title, x, lines }) => (
        <Chart key={title} title={title} x={x} xName="step" curves={lines} />
      ))}
      {events.error !== null ? (
        <Failure error={events.error} />
      ) : (
        <ol
          className="flex max-h-80 flex-col gap-1 overflow-y-auto text-sm"
          tabIndex={0}
          aria-label="What happened, newest first"
        >
          {(events.data ?? [])
            .filter(({ type }) => type === 'message')
            .map((event) => (
              <li
                key={event.id}
                className={event.level === 'error' ? 'text-bad' : event.level === 'warn' ? 'text-warn' : ''}
              >
                <span className="quiet">{asDate(event.created_at)}</span> {event.message}
              </li>
            ))}
        </ol>
      )}
    </div>
  );
}

/** Losses in one chart, accuracies in another; steps without a value are gaps. */
function curvesOf(
  events: readonly JobEvent[],
): { readonly title: string; readonly x: readonly number[]; readonly lines: readonly Curve[] }[] {
  const metrics = events.filter(({ type }) => type === 'metrics').toReversed();
  const x = [...new Set(metrics.map(({ data }) => Number(data?.['step'])))]
    .filter(Number.isFinite)
    .toSorted((a, b) => a - b);
  const names = [...new Set(metrics.flatMap(({ data }) => Object.keys(data ?? {})))];
  const line = (name: string): Curve => {
    const byStep = new Map(metrics.map(({ data }) => [Number(data?.['step']), data?.[name]]));
    return {
      name: name.replaceAll('_', ' '),
      colour: name.startsWith('train') ? '--c-quiet' : '--c-accent',
      values: x.map((step) => {
        const value = byStep.get(step);
        return typeof value === 'number' ? value : null;
      }),
    };
  };
  return [
    { title: 'Loss', wanted: names.filter((name) => name.endsWith('loss')) },
    { title: 'Accuracy: chosen over rejected', wanted: names.filter((name) => name.includes('accuracy')) },
  ].flatMap(({ title, wanted }) => (x.length > 1 && wanted.length > 0 ? [{ title, x, lines: wanted.map(line) }] : []));
}

/** Begins a training from a file of this computer. */
function NewJob({ onMade }: { readonly onMade: () => void }): ReactNode {
  const models = useQuery(modelsQuery);
  const names = models.data?.data.map(({ id }) => id) ?? [];
  const make = useMutation({
    mutationFn: async (form: FormData) => {
      const { id } = await api.post('/v1/files', {
        form: { file: form.get('file') as File, purpose: 'fine-tune' },
      });
      const word = (name: string): string => String(form.get(name) ?? '');
      const [epochs, beta, suffix] = [word('epochs'), word('beta'), word('suffix')];
      const times = epochs === '' ? {} : { n_epochs: Number(epochs) };
      const method =
        word('method') === 'dpo'
          ? { type: 'dpo' as const, dpo: { hyperparameters: { ...times, ...(beta !== '' && { beta: Number(beta) }) } } }
          : { type: 'supervised' as const, supervised: { hyperparameters: times } };
      const body = { model: word('model'), training_file: id, ...(suffix !== '' && { suffix }), method };
      return api.post('/v1/fine_tuning/jobs', { body });
    },
    onSuccess: () => {
      tell('It waits for its turn.');
      void queries.invalidateQueries({ queryKey: ['jobs'] });
      onMade();
    },
  });
  return (
    <form
      className="card mb-6 grid gap-3 sm:grid-cols-2"
      onSubmit={(event) => {
        event.preventDefault();
        make.mutate(new FormData(event.currentTarget));
      }}
    >
      <label>
        Model
        <select className="field" name="model" required>
          {names.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label>
        Method
        <select className="field" name="method">
          <option value="dpo">dpo: from pairs</option>
          <option value="supervised">supervised: from conversations</option>
        </select>
      </label>
      <label className="sm:col-span-2">
        Rows (JSON Lines, as OpenAI’s fine-tuning reads them)
        <input className="field" type="file" name="file" accept=".jsonl,.json" required />
      </label>
      <label>
        Times over the rows
        <input className="field" type="number" name="epochs" min="1" max="50" placeholder="as many as fit" />
      </label>
      <label>
        Beta
        <input className="field" type="number" name="beta" min="0.001" max="2" step="any" placeholder="0.1" />
      </label>
      <label className="sm:col-span-2">
        Name of the result
        <input className="field" name="suffix" maxLength={64} placeholder="friendly" />
      </label>
      {make.error !== null && (
        <div className="sm:col-span-2">
          <Failure error={make.error} />
        </div>
      )}
      <button type="submit" className="button button-main justify-self-start" disabled={make.isPending}>
        {make.isPending ? 'Sending …' : 'Train'}
      </button>
    </form>
  );
}
