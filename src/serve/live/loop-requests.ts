import { badInput, type JsonValue } from '../../core/index.ts';
import type { Ledger } from '../../ledger/index.ts';
import {
  answerLoopRequest,
  LOOP_REQUEST,
  openLoop,
  PRODUCTION,
  type CandidateState,
  type Loop,
} from '../../loop/index.ts';
import type { ModelBook } from '../models/model-book.ts';

/** What `preftune loop` asks while this server has the store: done here, so that the next request goes where prod points then. */
export function takeLoopRequests(ledger: Ledger, book: ModelBook): void {
  const loop = openLoop(ledger);
  ledger.room.onRequest('loop', async (asked): Promise<JsonValue> => {
    const request = LOOP_REQUEST.parse(asked);
    if (request.act === 'status') await followJobs(loop, ledger);
    if (request.act === 'promote') requireLoaded(book, request.model);
    const answer = await answerLoopRequest(loop, request);
    if (request.act === 'promote' || request.act === 'rollback') book.setAlias(PRODUCTION, await loop.production());
    return answer;
  });
}

/** Throws bad-input for a model that this server does not have. */
export function requireLoaded(book: ModelBook, name: string): void {
  if (isLoaded(book, name)) return;
  throw badInput({ path: 'model', message: `${name} is not loaded in the server; load it, then promote it` });
}

export function isLoaded(book: ModelBook, name: string): boolean {
  return book.list().some((model) => model.name === name && model.target === undefined);
}

/** What became of the jobs of candidates in training. */
export async function followJobs(loop: Loop, ledger: Ledger): Promise<void> {
  for (const { id, state, jobId } of await loop.list()) {
    if (state !== 'training' || jobId === undefined) continue;
    const job = await ledger.jobs.get(jobId);
    const ends: Readonly<Record<string, CandidateState>> = {
      succeeded: 'trained',
      failed: 'failed',
      cancelled: 'retired',
    };
    const to = job === undefined ? 'failed' : ends[job.status];
    if (to === undefined || to === 'promoted') continue;
    const reason = job === undefined ? 'its job is gone' : (job.error?.message ?? `its training ${job.status}`);
    // Two who look at once: one of them moves it.
    await loop.move(id, to, { actor: 'loop', reason }).catch(() => undefined);
  }
}
