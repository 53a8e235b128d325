import { queryOptions, useMutation, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useMemo, useState, type ReactNode } from 'react';
import { api, queries, type AnswerOf } from '../api.ts';
import { loopQuery, may, modelsQuery, sessionQuery } from '../data.ts';
import { Chart, type Curve } from '../parts/chart.tsx';
import { ago } from '../parts/format.ts';
import { Badge, Empty, Failure, Screen, Skeleton, Verdict, type Tone } from '../parts/frame.tsx';
import { tell, tellFailure } from '../parts/notices.tsx';

type Experiment = AnswerOf<'get', '/v1/preftune/experiments'>['data'][number];
type Candidate = Experiment['candidates'][number];

const TONES: Readonly<Record<Candidate['verdict']['word'], Tone>> = {
  better: 'good',
  worse: 'bad',
  equal: 'neutral',
  'go on': 'neutral',
  'out of budget': 'warn',
  withheld: 'warn',
  'stopped by a guardrail': 'bad',
};
const route = getRouteApi('/experiments');
const percent = (share: number): string => `${Number((100 * share).toFixed(1))} %`;
const points = (share: number): string => `${share >= 0 ? '+' : ''}${Number((100 * share).toFixed(1))}`;

const experimentsQuery = queryOptions({
  queryKey: ['experiments'],
  queryFn: ({ signal }) => api.get('/v1/preftune/experiments', { signal }),
  refetchInterval: 10_000,
});

/** Tests on live traffic: who wins, whether the numbers can be trusted, and whether anything got worse. */
export function Experiments(): ReactNode {
  const { id } = route.useSearch();
  const session = useQuery(sessionQuery);
  const experiments = useQuery(experimentsQuery);
  const [isMaking, setIsMaking] = useState(false);
  const mayDecide = may(session.data);
  const shown = experiments.data?.data.find((one) => one.id === id) ?? experiments.data?.data[0];
  return (
    <Screen
      title="Experiments"
      what="A share of the people gets the candidate; what they do decides. The verdict may be read at any time."
      actions={
        mayDecide && (
          <button
            type="button"
            className="button button-main"
            aria-expanded={isMaking}
            onClick={() => setIsMaking(!isMaking)}
          >
            New experiment
          </button>
        )
      }
    >
      {isMaking && <NewExperiment onMade={() => setIsMaking(false)} />}
      {experiments.error !== null ? (
        <Failure error={experiments.error} again={() => void experiments.refetch()} />
      ) : experiments.isPending ? (
        <Skeleton />
      ) : shown === undefined ? (
        <Empty title="No experiment yet">
          A candidate on <Link to="/versions">Versions</Link> that passed its gate may be tried on live traffic here.
        </Empty>
      ) : (
        <div className="flex flex-col gap-6">
          {experiments.data.data.length > 1 && (
            <nav aria-label="Experiments" className="flex flex-wrap gap-2">
              {experiments.data.data.map((one) => (
                <Link
                  key={one.id}
                  to="/experiments"
                  search={{ id: one.id }}
                  aria-current={one.id === shown.id ? 'true' : undefined}
                  className={`button text-ink no-underline ${one.id === shown.id ? 'bg-neutral-bg!' : ''}`}
                >
                  {one.key}
                </Link>
              ))}
            </nav>
          )}
          <Details experiment={shown} mayDecide={mayDecide} />
        </div>
      )}
    </Screen>
  );
}

function Details({
  experiment,
  mayDecide,
}: {
  readonly experiment: Experiment;
  readonly mayDecide: boolean;
}): ReactNode {
  const { units, metric, sample_ratio: ratio } = experiment;
  const stop = useMutation({
    mutationFn: (reason: string) =>
      api.post('/v1/preftune/experiments/{id}/stop', { params: { id: experiment.id }, body: { reason } }),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ['experiments'] });
      tell('It takes no more people; what is open closes when its time is over.');
    },
    onError: tellFailure,
  });
  return (
    <>
      <section aria-labelledby="experiment" className="flex flex-col gap-2">
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <h2 id="experiment" className="text-lg font-semibold">
            {experiment.key}
          </h2>
          <Badge tone={experiment.status === 'running' ? 'good' : 'neutral'}>{experiment.status}</Badge>
          {experiment.is_aa && <Badge>A/A</Badge>}
          <span className="quiet text-sm">begun {ago(experiment.created_at)}</span>
        </div>
        <p>
          {experiment.control} against {experiment.candidates.map(({ model }) => model).join(', ')} on{' '}
          {experiment.alias}, by {metric.name ?? metric.signal.replaceAll('_', ' ')} ({metric.better} is better) within{' '}
          {metric.window_hours} hours.
        </p>
        <p className="quiet">
          {units.closed} of {units.exposed} people are counted, {units.open} are still open
          {units.crossed > 0 && `, ${units.crossed} were seen on both sides and left out`}
          {units.late_signals > 0 && `, ${units.late_signals} signals came too late`}. It ends at {experiment.budget}.
        </p>
        {experiment.problem !== null && <p className="text-bad">{experiment.problem}</p>}
        {experiment.reason !== null && <p>Ended: {experiment.reason}</p>}
      </section>
      {ratio.is_alarm && (
        <Verdict tone="bad" title="The sides did not fill as the coin said">
          {ratio.exposed.join(' to ')} people, where {ratio.expected.map((share) => percent(share)).join(' to ')} was
          tossed (p {ratio.p.toPrecision(2)}). No number below can be trusted until the cause is found.
        </Verdict>
      )}
      {experiment.candidates.map((candidate) => (
        <CandidateResult key={candidate.model} candidate={candidate} control={experiment.control} />
      ))}
      {mayDecide && experiment.status === 'running' && (
        <form
          className="card flex flex-wrap items-end gap-2"
          onSubmit={(event) => {
            event.preventDefault();
            stop.mutate(String(new FormData(event.currentTarget).get('reason')));
          }}
        >
          <label className="grow">
            Why it ends
            <input className="field" name="reason" required maxLength={1000} />
          </label>
          <button type="submit" className="button button-bad" disabled={stop.isPending}>
            End it
          </button>
        </form>
      )}
    </>
  );
}

function CandidateResult({
  candidate,
  control,
}: {
  readonly candidate: Candidate;
  readonly control: string;
}): ReactNode {
  const { verdict, effect, series, guardrails } = candidate;
  const x = useMemo(() => series.map(({ units }) => units), [series]);
  const curves = useMemo<readonly Curve[]>(
    () => [
      { name: 'lower', colour: '--c-accent', values: series.map(({ low }) => 100 * low), isDashed: true },
      { name: 'effect', colour: '--c-accent', values: series.map(({ estimate }) => 100 * estimate) },
      { name: 'upper', colour: '--c-accent', values: series.map(({ high }) => 100 * high), isDashed: true },
    ],
    [series],
  );
  return (
    <section aria-label={candidate.model} className="flex flex-col gap-4">
      <Verdict tone={TONES[verdict.word]} title={`${candidate.model}: ${verdict.word}`}>
        {verdict.text}
      </Verdict>
      <dl className="card grid gap-3 sm:grid-cols-3">
        <div>
          <dt className="quiet text-sm">{control}</dt>
          <dd className="text-lg font-medium">
            {candidate.control.mean === null ? '–' : percent(candidate.control.mean)}{' '}
            <span className="quiet text-sm">of {candidate.control.units}</span>
          </dd>
        </div>
        <div>
          <dt className="quiet text-sm">{candidate.model}</dt>
          <dd className="text-lg font-medium">
            {candidate.candidate.mean === null ? '–' : percent(candidate.candidate.mean)}{' '}
            <span className="quiet text-sm">of {candidate.candidate.units}</span>
          </dd>
        </div>
        <div>
          <dt className="quiet text-sm">Difference, points</dt>
          <dd className="text-lg font-medium">
            {effect.estimate === null ? '–' : points(effect.estimate)}{' '}
            {effect.low !== null && effect.high !== null && (
              <span className="quiet text-sm">
                ({points(effect.low)} to {points(effect.high)})
              </span>
            )}
          </dd>
        </div>
      </dl>
      {series.length > 1 && (
        <Chart
          title="The interval that decides, in points"
          x={x}
          xName="people counted"
          curves={curves}
          band={[0, 2]}
        />
      )}
      <section className="card">
        <h3 className="mb-2 font-semibold">What must not get worse</h3>
        <ul className="flex flex-col gap-1.5">
          {guardrails.map(({ name, status, text }) => (
            <li key={name} className="grid grid-cols-[8rem_1fr] items-baseline gap-2">
              <Badge tone={GUARDS[status]}>{status}</Badge>
              <span>
                <span className="font-medium">{name.replaceAll('_', ' ')}</span>: {text}
              </span>
            </li>
          ))}
        </ul>
      </section>
    </section>
  );
}

const GUARDS: Readonly<Record<Candidate['guardrails'][number]['status'], Tone>> = {
  within: 'good',
  open: 'neutral',
  breached: 'bad',
  'not measured': 'warn',
};

function NewExperiment({ onMade }: { readonly onMade: () => void }): ReactNode {
  const models = useQuery(modelsQuery);
  const loop = useQuery(loopQuery);
  const production = loop.data?.production;
  const names = (models.data?.data ?? []).map(({ id }) => id).filter((id) => id !== 'prod' && id !== production);
  const make = useMutation({
    mutationFn: (form: FormData) => {
      const word = (name: string): string => String(form.get(name) ?? '');
      return api.post('/v1/preftune/experiments', {
        body: {
          key: word('key'),
          candidates: [word('candidate')],
          metric: { signal: word('signal') as Experiment['metric']['signal'], window_hours: Number(word('hours')) },
          traffic: Number(word('traffic')) / 100,
        },
      });
    },
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ['experiments'] });
      tell('It runs, from the next request on.');
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
        Name, used once
        <input className="field" name="key" required pattern="[A-Za-z0-9][A-Za-z0-9._\-]{0,63}" />
      </label>
      <label>
        Candidate, against {production ?? 'what prod stands for'}
        <select className="field" name="candidate" required>
          {names.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label>
        Decided by
        <select className="field" name="signal">
          <option value="thumbs_down">thumbs down (fewer is better)</option>
          <option value="thumbs_up">thumbs up</option>
          <option value="edit">edits (fewer is better)</option>
          <option value="regenerate">asked again (fewer is better)</option>
          <option value="copy">copied</option>
          <option value="accept">accepted</option>
          <option value="rating">ratings</option>
        </select>
      </label>
      <label>
        Hours that a person has for it
        <input
          className="field"
          type="number"
          name="hours"
          min="0.01"
          max="672"
          step="any"
          defaultValue="24"
          required
        />
      </label>
      <label>
        Share of the people, %
        <input className="field" type="number" name="traffic" min="1" max="100" defaultValue="100" required />
      </label>
      {make.error !== null && (
        <div className="sm:col-span-2">
          <Failure error={make.error} />
        </div>
      )}
      <button type="submit" className="button button-main justify-self-start" disabled={make.isPending}>
        Start it
      </button>
    </form>
  );
}
