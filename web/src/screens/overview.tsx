import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { jobsQuery, modelsQuery } from '../data.ts';
import { Code, Failure, Screen, Skeleton, Verdict } from '../parts/frame.tsx';

/** Where things stand, and what waits for a person. */
export function Overview(): ReactNode {
  const models = useQuery(modelsQuery);
  const jobs = useQuery(jobsQuery);
  if (models.error !== null)
    return (
      <Screen title="Overview" what="Where things stand, and what waits for you.">
        <Failure error={models.error} again={() => void models.refetch()} />
      </Screen>
    );
  const prod = models.data?.data.find(({ id }) => id === 'prod');
  const running = jobs.data?.data.filter(({ status }) => status === 'running') ?? [];
  return (
    <Screen title="Overview" what="Where things stand, and what waits for you.">
      {models.isPending ? (
        <Skeleton rows={3} />
      ) : (
        <div className="flex flex-col gap-4">
          <Verdict
            tone="neutral"
            title={
              prod === undefined
                ? `${models.data.data.length} models answer; none is prod yet`
                : `prod is ${prod.root ?? prod.id}`
            }
          >
            <Link to="/versions">Versions</Link> says what answers, and makes one of it prod.
          </Verdict>
          {running.length > 0 && (
            <Verdict tone="warn" title={running.length === 1 ? 'A training runs' : `${running.length} trainings run`}>
              <Link to="/jobs">See how it goes</Link>
            </Verdict>
          )}
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
