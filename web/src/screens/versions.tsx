import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { api, queries } from '../api.ts';
import { loopQuery, may, modelsQuery, sessionQuery, type Candidate, type Model, type Promotion } from '../data.ts';
import { ago, asDate } from '../parts/format.ts';
import { Badge, Empty, Failure, Screen, Skeleton, Verdict, type Tone } from '../parts/frame.tsx';
import { tell, tellFailure } from '../parts/notices.tsx';

/** A check of a gate, as the evidence of a move has it. */
interface GateCheck {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'not_measured';
  readonly text: string;
}

function checksOf({ moves }: Candidate): readonly GateCheck[] | undefined {
  const gate = moves.findLast(({ evidence }) => evidence?.['gate'] !== undefined)?.evidence?.['gate'];
  return (gate as { readonly checks: readonly GateCheck[] } | undefined)?.checks;
}

const STATES: Readonly<Record<Candidate['state'], { readonly tone: Tone; readonly what: string }>> = {
  training: { tone: 'warn', what: 'is being trained' },
  trained: { tone: 'neutral', what: 'waits for its gate' },
  passed: { tone: 'good', what: 'passed its gate' },
  held: { tone: 'warn', what: 'waits for a person' },
  failed: { tone: 'bad', what: 'did not pass' },
  canary: { tone: 'warn', what: 'answers a small share' },
  experiment: { tone: 'warn', what: 'is in an experiment' },
  promoted: { tone: 'good', what: 'answers' },
  retired: { tone: 'neutral', what: 'answered before' },
};

const refresh = (): void => {
  for (const name of ['loop', 'models']) void queries.invalidateQueries({ queryKey: [name] });
};

/** What answers, what may come next, and the way back. */
export function Versions(): ReactNode {
  const models = useQuery(modelsQuery);
  const loop = useQuery(loopQuery);
  const session = useQuery(sessionQuery);
  const mayDecide = may(session.data);
  const back = useMutation({
    mutationFn: (reason: string) =>
      api.post('/v1/preftune/loop/rollback', {
        body: {
          reason,
          expected: loop.data?.production ?? undefined,
        },
      }),
    onSuccess: ({ after }) => {
      refresh();
      tell(`${after} answers again, from the next request on.`);
    },
    onError: tellFailure,
  });
  const error = models.error ?? loop.error;
  const production = loop.data?.production ?? null;
  return (
    <Screen
      title="Versions"
      what="What answers when an application asks for prod, what may take its place, and the way back."
    >
      {error !== null ? (
        <Failure error={error} again={refresh} />
      ) : models.data === undefined || loop.data === undefined ? (
        <Skeleton />
      ) : (
        <div className="flex flex-col gap-8">
          <Verdict
            tone={production === null ? 'warn' : 'good'}
            title={production === null ? 'prod stands for no model yet' : `${production} answers as prod`}
          >
            {production === null ? (
              'Take one of the models below.'
            ) : (
              <>
                since {ago(loop.data.promotions[0]?.at ?? 0)}
                {loop.data.previous !== null && mayDecide && (
                  <form
                    className="mt-3 flex flex-wrap items-end gap-2"
                    onSubmit={(event) => {
                      event.preventDefault();
                      back.mutate(String(new FormData(event.currentTarget).get('reason')));
                    }}
                  >
                    <label className="grow">
                      Why it goes back to {loop.data.previous}
                      <input className="field" name="reason" required maxLength={1000} />
                    </label>
                    <button type="submit" className="button button-bad" disabled={back.isPending}>
                      Roll back
                    </button>
                  </form>
                )}
              </>
            )}
          </Verdict>
          <Candidates candidates={loop.data.candidates} production={production} mayDecide={mayDecide} />
          <Models
            models={models.data.data}
            candidates={loop.data.candidates}
            production={production}
            mayDecide={mayDecide}
          />
          <History promotions={loop.data.promotions} />
        </div>
      )}
    </Screen>
  );
}

interface CandidatesProps {
  readonly candidates: readonly Candidate[];
  readonly production: string | null;
  readonly mayDecide: boolean;
}

function Candidates({ candidates, production, mayDecide }: CandidatesProps): ReactNode {
  return (
    <section aria-labelledby="candidates">
      <h2 id="candidates" className="mb-3 text-lg font-semibold">
        Candidates
      </h2>
      {candidates.length === 0 ? (
        <Empty title="No candidate">
          A model becomes one when the loop has trained it, or when somebody takes it as one below.
        </Empty>
      ) : (
        <ul className="flex flex-col gap-2">
          {candidates.map((candidate) => (
            <li key={candidate.id}>
              <CandidateCard candidate={candidate} production={production} mayDecide={mayDecide} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function CandidateCard({
  candidate,
  production,
  mayDecide,
}: {
  readonly candidate: Candidate;
  readonly production: string | null;
  readonly mayDecide: boolean;
}): ReactNode {
  const [isOpen, setIsOpen] = useState(false);
  const [reason, setReason] = useState('');
  const { tone, what } = STATES[candidate.state];
  const last = candidate.moves.at(-1);
  const checks = checksOf(candidate);
  const act = useMutation({
    mutationFn: (to: 'passed' | 'failed' | 'promoted'): Promise<unknown> =>
      to === 'promoted'
        ? api.post('/v1/preftune/candidates/{id}/promote', {
            params: { id: candidate.id },
            body: {
              reason,
              ...(production !== null && { expected: production }),
            },
          })
        : api.post('/v1/preftune/candidates/{id}/move', { params: { id: candidate.id }, body: { to, reason } }),
    onSuccess: (_, to) => {
      refresh();
      setReason('');
      tell(
        to === 'promoted'
          ? `${candidate.model} answers as prod, from the next request on.`
          : `${candidate.model}: ${to}.`,
      );
    },
    onError: tellFailure,
  });
  const canPromote = ['passed', 'canary', 'experiment', 'retired'].includes(candidate.state);
  const canPass = ['held', 'failed', 'trained'].includes(candidate.state);
  return (
    <article className="card">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <h3 className="font-medium">{candidate.model}</h3>
        <Badge tone={tone}>{what}</Badge>
        {!candidate.is_loaded && candidate.state !== 'training' && <Badge tone="warn">not loaded</Badge>}
        <span className="quiet text-sm" title={asDate(candidate.moved_at)}>
          {ago(candidate.moved_at)}
        </span>
      </div>
      {last !== undefined && <p className="mt-1">{last.reason}</p>}
      <div className="mt-2 flex flex-wrap gap-3 text-sm">
        <button type="button" className="underline" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
          {isOpen ? 'Less' : 'Checks and history'}
        </button>
        {candidate.job_id !== null && (
          <Link to="/jobs" search={{ id: candidate.job_id }}>
            Its training
          </Link>
        )}
        {candidate.is_loaded && production !== null && production !== candidate.model && (
          <Link to="/playground" search={{ a: candidate.model, b: production }}>
            Try it beside {production}
          </Link>
        )}
      </div>
      {isOpen && (
        <div className="mt-3 grid gap-4 lg:grid-cols-2">
          {checks === undefined ? (
            <p className="quiet">It was not judged yet: preftune loop gate.</p>
          ) : (
            <Checks checks={checks} />
          )}
          <ol className="flex flex-col gap-1 text-sm">
            {candidate.moves.map((move, index) => (
              <li key={index}>
                <span className="quiet">{asDate(move.at)}</span> {move.from} → {move.to}, {move.actor}: {move.reason}
              </li>
            ))}
          </ol>
        </div>
      )}
      {mayDecide && (canPromote || canPass) && candidate.model !== production && (
        <form
          className="mt-3 flex flex-wrap items-end gap-2 border-t border-line pt-3"
          onSubmit={(event) => {
            event.preventDefault();
            act.mutate(canPromote ? 'promoted' : 'passed');
          }}
        >
          <label className="grow">
            Why
            <input
              className="field"
              value={reason}
              required
              maxLength={1000}
              onChange={(event) => setReason(event.target.value)}
            />
          </label>
          <button
            type="submit"
            className="button button-main"
            disabled={act.isPending || (canPromote && !candidate.is_loaded)}
          >
            {canPromote ? 'Promote to prod' : 'Let it pass'}
          </button>
          {candidate.state !== 'failed' && candidate.state !== 'retired' && (
            <button
              type="button"
              className="button button-bad"
              disabled={act.isPending || reason.trim() === ''}
              onClick={() => act.mutate('failed')}
            >
              Turn it down
            </button>
          )}
        </form>
      )}
    </article>
  );
}

const MARKS: Readonly<Record<GateCheck['outcome'], { readonly tone: Tone; readonly word: string }>> = {
  passed: { tone: 'good', word: 'good' },
  failed: { tone: 'bad', word: 'bad' },
  not_measured: { tone: 'warn', word: 'not known' },
};

function Checks({ checks }: { readonly checks: readonly GateCheck[] }): ReactNode {
  return (
    <ul className="flex flex-col gap-1.5">
      {checks.map(({ name, outcome, text }) => (
        <li key={name} className="grid grid-cols-[5.5rem_1fr] items-baseline gap-2">
          <Badge tone={MARKS[outcome].tone}>{MARKS[outcome].word}</Badge>
          <span>
            <span className="font-medium">{name}</span>: {text}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Models({
  models,
  candidates,
  production,
  mayDecide,
}: { readonly models: readonly Model[] } & CandidatesProps): ReactNode {
  const names = new Set(models.map(({ id }) => id));
  const isAlias = ({ id, root }: Model): boolean => root !== undefined && root !== id && names.has(root);
  const known = new Set(candidates.map(({ model }) => model));
  const point = useMutation({
    mutationFn: (model: string) => api.put('/v1/preftune/aliases/{id}', { params: { id: 'prod' }, body: { model } }),
    onSuccess: refresh,
    onError: tellFailure,
  });
  const add = useMutation({
    mutationFn: (model: string) => api.post('/v1/preftune/candidates', { body: { model } }),
    onSuccess: refresh,
    onError: tellFailure,
  });
  return (
    <section aria-labelledby="models">
      <h2 id="models" className="mb-3 text-lg font-semibold">
        Models that answer here
      </h2>
      <ul className="flex flex-col gap-2">
        {models
          .filter((model) => !isAlias(model))
          .map((model) => (
            <li key={model.id} className="card flex flex-wrap items-center justify-between gap-3 py-3!">
              <span>
                <span className="font-medium">{model.id}</span>{' '}
                {model.id === production && <Badge tone="good">prod</Badge>}
                <span className="quiet block text-sm">
                  {model.parent ? `adapter on ${model.parent}` : 'model'}, here since {ago(model.created)}
                </span>
              </span>
              <span className="flex flex-wrap gap-2">
                {production === null && mayDecide && (
                  <button
                    type="button"
                    className="button button-main"
                    disabled={point.isPending}
                    onClick={() => point.mutate(model.id)}
                  >
                    Make it prod
                  </button>
                )}
                {production !== null && model.id !== production && !known.has(model.id) && (
                  <button
                    type="button"
                    className="button"
                    disabled={add.isPending}
                    onClick={() => add.mutate(model.id)}
                  >
                    Take it as a candidate
                  </button>
                )}
              </span>
            </li>
          ))}
      </ul>
    </section>
  );
}

function History({ promotions }: { readonly promotions: readonly Promotion[] }): ReactNode {
  if (promotions.length === 0) return null;
  return (
    <section aria-labelledby="history">
      <h2 id="history" className="mb-3 text-lg font-semibold">
        What answered when
      </h2>
      <ol className="flex flex-col gap-1">
        {promotions.map((promotion, index) => (
          <li key={index}>
            <span className="quiet">{asDate(promotion.at)}</span> {promotion.kind === 'rollback' ? 'back to ' : ''}
            <span className="font-medium">{promotion.after}</span> ({promotion.actor}: {promotion.reason})
          </li>
        ))}
      </ol>
    </section>
  );
}
