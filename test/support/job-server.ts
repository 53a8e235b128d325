import OpenAI, { toFile } from 'openai';
import { expect } from 'vitest';
import { startTestServer, type TestServer } from './server.ts';
import { tinyPairs } from './tiny-model.ts';

export type Job = OpenAI.FineTuning.FineTuningJob;

/** A server that takes jobs, and OpenAI's client of it. */
export interface JobServer {
  readonly at: TestServer;
  readonly client: OpenAI;
  /** Its id. */
  upload(text: string, name?: string): Promise<string>;
  /** Begins a job on the model `tiny`, and waits for its end. */
  done(body: object): Promise<Job>;
  /** Throws where the job ends before. */
  until(id: string, isThere: (job: Job) => boolean | Promise<boolean>): Promise<Job>;
  /** What a refusal says of the first field that is wrong, and whole. */
  refusal(body: object): Promise<readonly [param: string | null | undefined, message: string]>;
}

export async function openJobServer(model: string, store: string, given: object = {}): Promise<JobServer> {
  const at = await startTestServer({ store, given: { model, servedModelName: 'tiny', jobThreads: 1, ...given } });
  const client = new OpenAI({ baseURL: at.baseURL, apiKey: 'none', maxRetries: 0, timeout: 20_000 });
  const until: JobServer['until'] = async (id, isThere) => {
    for (;;) {
      const job = await client.fineTuning.jobs.retrieve(id);
      if (await isThere(job)) return job;
      if (isOver(job)) throw new Error(JSON.stringify(job.error ?? job.status));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  return {
    at,
    client,
    until,
    upload: async (text, name = 'rows.jsonl') => {
      const file = await client.files.create({ file: await toFile(Buffer.from(text), name), purpose: 'fine-tune' });
      expect(file.status).toBe('processed');
      return file.id;
    },
    done: async (body) => {
      const { id } = await client.fineTuning.jobs.create({ model: 'tiny', ...body } as never);
      return until(id, isOver);
    },
    refusal: async (body) => {
      const thrown: unknown = await client.fineTuning.jobs
        .create({ model: 'tiny', method: { type: 'dpo' }, ...body } as never)
        .catch((error: unknown) => error);
      return thrown instanceof OpenAI.APIError ? [thrown.param, thrown.message] : [null, 'taken'];
    },
  };
}

export const isOver = ({ status }: Job): boolean => ['failed', 'cancelled', 'succeeded'].includes(status);

/** When its training began, which OpenAI's types do not have. */
export function startOf(job: Job): unknown {
  return (job as unknown as { readonly started_at: unknown }).started_at;
}

export function turn(role: string, content: string): object[] {
  return [{ role, content }];
}

/** OpenAI's rows of pairs, so many from a place on. */
export function preferenceRows(count: number, from = 0): string {
  return tinyPairs(count + from)
    .slice(from)
    .map(({ prompt, chosen, rejected }) =>
      JSON.stringify({
        input: { messages: turn('user', prompt) },
        preferred_output: turn('assistant', chosen),
        non_preferred_output: turn('assistant', rejected),
      }),
    )
    .join('\n');
}
